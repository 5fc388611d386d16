namespace Overlay.DataPath;

/// <summary>How a superpacket is to be cut: one set of headers, a payload for several packets.</summary>
public enum SegmentationKind : byte
{
    /// <summary>A plain packet: a superpacket of one segment.</summary>
    None,

    /// <summary>TCP in IPv4: sequence number, IP identification, lengths and checksums change from segment to segment.</summary>
    TcpIPv4,

    /// <summary>TCP in IPv6: sequence number, length and checksum change from segment to segment.</summary>
    TcpIPv6,

    /// <summary>UDP in either family: each segment is a datagram of its own.</summary>
    Udp,
}
