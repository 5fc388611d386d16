namespace Overlay.Daemon.Doctor;

/// <summary>The ids of findings; a public format. An id names the kind of mistake, not the place.</summary>
internal static class FindingIds
{
    /// <summary>A device, bridge, route or link takes smaller packets than the layer above it sends.</summary>
    public const string MtuHop = "mtu-hop";

    /// <summary>A tunnel device's MTU leaves room for the headers of an IPv4 underlay, and the underlay is IPv6.</summary>
    public const string OverheadFamily = "overhead-family";

    /// <summary>Packets that are too big vanish on the path, and nobody says so.</summary>
    public const string PtbFiltered = "ptb-filtered";

    /// <summary>UDP to a port does not arrive, whatever is in it.</summary>
    public const string PortFiltered = "port-filtered";

    /// <summary>UDP to the tunnel's port arrives, and nobody listens there.</summary>
    public const string PortClosed = "port-closed";

    /// <summary>UDP from some source ports does not arrive.</summary>
    public const string SourcePortFiltered = "source-port-filtered";

    /// <summary>Packets of a protocol above IP do not arrive.</summary>
    public const string ProtocolFiltered = "protocol-filtered";

    /// <summary>What looks like a tunnel's packet does not arrive, other bytes to the same port do.</summary>
    public const string HeaderFiltered = "header-filtered";

    /// <summary>UDP with, or without, a checksum does not arrive.</summary>
    public const string ChecksumFiltered = "checksum-filtered";

    /// <summary>Long packets do not arrive, and nobody says what would.</summary>
    public const string SizeFiltered = "size-filtered";

    /// <summary>Packets arrive with a wrong checksum.</summary>
    public const string BadChecksum = "bad-checksum";

    /// <summary>Packets arrive with an inner checksum that a device should have finished: only the pseudo header is in it.</summary>
    public const string PartialChecksum = "partial-checksum";
}
