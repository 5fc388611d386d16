using System.Net;

namespace Overlay.Linux;

/// <summary>A route of the main table to be added or deleted.</summary>
/// <param name="Destination">The prefix it leads to.</param>
/// <param name="InterfaceIndex">The interface it leaves by.</param>
public sealed record KernelRoute(IPNetwork Destination, int InterfaceIndex)
{
    /// <summary>The next hop, of the destination's family; null if the destinations are on the link.</summary>
    public ValueIPAddress? Gateway { get; init; }

    /// <summary>The source address for what starts here; null leaves it to the kernel.</summary>
    public ValueIPAddress? Source { get; init; }

    /// <summary>Takes the gateway for a neighbour on the link although no address says so.</summary>
    public bool OnLink { get; init; }

    /// <summary>The largest IP packet in bytes on this route; null leaves it to the interface.</summary>
    public int? Mtu { get; init; }

    /// <summary>Who made the route (RTPROT_*, <c>proto</c> of <c>ip route</c>); null is 4, an administrator's. To delete one, null is anybody's.</summary>
    public byte? Protocol { get; init; }

    /// <summary>The metric: among equal prefixes the lowest wins. null is the kernel's default (0 for IPv4, 1024 for IPv6).</summary>
    public int? Metric { get; init; }
}
