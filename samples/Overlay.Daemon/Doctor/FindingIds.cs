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
}
