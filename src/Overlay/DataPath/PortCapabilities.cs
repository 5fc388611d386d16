namespace Overlay.DataPath;

/// <summary>What a port can take.</summary>
[Flags]
public enum PortCapabilities
{
    /// <summary>Plain packets with complete checksums only.</summary>
    None = 0,

    /// <summary>Takes packets whose transport checksum is <see cref="ChecksumState.Partial"/>.</summary>
    PartialChecksums = 1,

    /// <summary>Takes TCP superpackets.</summary>
    TcpSuperpackets = 2,

    /// <summary>Takes UDP superpackets.</summary>
    UdpSuperpackets = 4,

    /// <summary>Packets are Ethernet frames; without it they are IP packets.</summary>
    Ethernet = 8,
}
