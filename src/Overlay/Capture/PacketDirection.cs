namespace Overlay.Capture;

/// <summary>Which way a captured packet went: the two lowest bits of <c>epb_flags</c> (pcapng §4.3.1).</summary>
public enum PacketDirection : byte
{
    /// <summary>The capture does not say.</summary>
    Unknown = 0,

    /// <summary>Received by the interface.</summary>
    Inbound = 1,

    /// <summary>Sent by the interface.</summary>
    Outbound = 2,
}
