namespace Overlay.Tables;

/// <summary>Why a frame is flooded.</summary>
public enum FloodClass : byte
{
    /// <summary>Its destination is the broadcast address.</summary>
    Broadcast,

    /// <summary>Its destination is one station, of which nobody knows where it is.</summary>
    UnknownUnicast,

    /// <summary>Its destination is a group.</summary>
    Multicast,
}
