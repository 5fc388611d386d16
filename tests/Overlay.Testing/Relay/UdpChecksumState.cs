namespace Overlay.Testing.Relay;

/// <summary>What the checksum of a UDP datagram is.</summary>
public enum UdpChecksumState
{
    /// <summary>Zero: the sender computed none.</summary>
    Absent,

    /// <summary>There, and right.</summary>
    Good,

    /// <summary>There, and wrong.</summary>
    Bad,
}
