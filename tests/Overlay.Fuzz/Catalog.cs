using Overlay.Fuzz.Targets;

namespace Overlay.Fuzz;

/// <summary>Every target. What is not in this list is not run.</summary>
internal static class Catalog
{
    /// <summary>All of them; the planted ones, which are wrong on purpose and test the driver, are last.</summary>
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        FuzzTarget.Of<EthernetTarget>("ethernet", SeedLayer.Frame),
        FuzzTarget.Of<ArpTarget>("arp", SeedLayer.Arp),
        FuzzTarget.Of<IPv4Target>("ipv4", Repair.IP, SeedLayer.IP),
        FuzzTarget.Of<IPv6Target>("ipv6", SeedLayer.IP),
        FuzzTarget.Of<UdpTarget>("udp", SeedLayer.Udp),
        FuzzTarget.Of<TcpTarget>("tcp", SeedLayer.Tcp),
        FuzzTarget.Of<IcmpTarget>("icmp", SeedLayer.Icmp),
        FuzzTarget.Of<IcmpV6Target>("icmpv6", SeedLayer.IcmpV6),
        FuzzTarget.Of<NeighborDiscoveryTarget>("neighbor-discovery", SeedLayer.IcmpV6),
        FuzzTarget.Of<VxlanTarget>("vxlan", SeedLayer.UdpPayload),
        FuzzTarget.Of<VxlanGpeTarget>("vxlan-gpe", SeedLayer.UdpPayload),
        FuzzTarget.Of<GeneveTarget>("geneve", SeedLayer.UdpPayload),
        FuzzTarget.Of<NshTarget>("nsh", SeedLayer.UdpPayload),
        FuzzTarget.Of<GueTarget>("gue", SeedLayer.UdpPayload),
        FuzzTarget.Of<PathProbeTarget>("path-probe", SeedLayer.UdpPayload),
        FuzzTarget.Of<GreTarget>("gre", SeedLayer.IPPayload),
        FuzzTarget.Of<IPv6ExtensionTarget>("ipv6-extension", SeedLayer.IPPayload),
        FuzzTarget.Of<ChecksumTarget>("checksum", SeedLayer.Tcp),
        FuzzTarget.Of<FlowHashTarget>("flow-hash", SeedLayer.Frame),
        FuzzTarget.Of<DecapsulatorTarget>("decapsulator", Repair.IP, SeedLayer.IP),
        FuzzTarget.Of<EncapsulatorTarget>("encapsulator", SeedLayer.Frame, SeedLayer.IP),
        FuzzTarget.Of<SegmentationTarget>("segmentation", SeedLayer.IP, SeedLayer.Frame),
        FuzzTarget.Of<ReceiveClassifierTarget>("receive-classifier", SeedLayer.UdpPayload, SeedLayer.IP),
        FuzzTarget.Of<CoalescerTarget>("coalescer", SeedLayer.IP, SeedLayer.Frame),
        FuzzTarget.Of<CaptureTarget>("capture", SeedLayer.Capture),
        FuzzTarget.Of<ConfigurationTarget>("configuration", SeedLayer.Configuration),
        FuzzTarget.Of<AddressTarget>("address", SeedLayer.Text),
        FuzzTarget.Of<PlantedExceptionTarget>("planted-exception"),
        FuzzTarget.Of<PlantedReadBehindTarget>("planted-read-behind"),
        FuzzTarget.Of<PlantedReadBeforeTarget>("planted-read-before"),
        FuzzTarget.Of<PlantedLoopTarget>("planted-loop"),
    ];

    /// <summary>The places of those that run when none is named.</summary>
    public static IReadOnlyList<int> Default { get; } = [.. Enumerable.Range(0, All.Count).Where(i => !All[i].Name.StartsWith("planted-", StringComparison.Ordinal))];

    /// <summary>The places of named targets.</summary>
    /// <param name="names">Names with commas between.</param>
    /// <returns>null if there is no target of one of the names.</returns>
    public static IReadOnlyList<int>? Find(string names)
    {
        List<int> found = [];
        foreach (string name in names.Split(','))
        {
            int index = All.TakeWhile(target => target.Name != name).Count();
            if (index == All.Count)
            {
                return null;
            }

            found.Add(index);
        }

        return found;
    }
}
