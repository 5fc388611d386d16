namespace Overlay.DataPath;

/// <summary>Where a descriptor stands between receive and accounting.</summary>
public enum PacketState : byte
{
    /// <summary>Not yet handed over.</summary>
    Pending,

    /// <summary>Accepted by its output port.</summary>
    Sent,

    /// <summary>Answered or used up here; it goes nowhere.</summary>
    Consumed,

    /// <summary>Dropped, for the reason beside it.</summary>
    Dropped,
}
