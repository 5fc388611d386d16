namespace Overlay.DataPath;

/// <summary>What a tunnel's device carries.</summary>
public enum DeviceLayer : byte
{
    /// <summary>Ethernet frames: a TAP.</summary>
    Ethernet,

    /// <summary>IP packets: a TUN.</summary>
    IP,
}
