namespace Overlay;

/// <summary>The label and the sentence of each <see cref="DropReason"/>.</summary>
public static class DropReasons
{
    private static readonly string[] Labels = [.. Enum.GetNames<DropReason>().Select(ToKebabCase)];

    /// <summary>How many reasons there are, <see cref="DropReason.None"/> included: the length of an array indexed by reason.</summary>
    public static int Count => Labels.Length;

    /// <summary>The name in kebab case, such as <c>unknown-vni</c>: the same in status, metrics and packet comments.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not a defined reason.</exception>
    public static string Label(DropReason reason) =>
        (int)reason < Labels.Length ? Labels[(int)reason] : throw new ArgumentOutOfRangeException(nameof(reason), reason, "Not a drop reason.");

    /// <summary>One sentence that says why.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not a defined reason.</exception>
    public static string Describe(DropReason reason) => reason switch
    {
        DropReason.None => "The packet was not dropped.",
        DropReason.Truncated => "The packet ends before its headers do.",
        DropReason.BadVersion => "The IP version is not the one that the protocol number or EtherType announces.",
        DropReason.BadLength => "A header or total length does not fit the packet.",
        DropReason.BadChecksum => "A checksum of the outer headers is wrong, or absent where it is required.",
        DropReason.BadFlags => "The VXLAN I flag is clear, or a flag of GUE or GRE is set that must not be.",
        DropReason.HeaderVersion => "The tunnel header has a version that is not spoken here.",
        DropReason.UnknownProtocol => "The tunnel header announces neither Ethernet nor IP.",
        DropReason.ControlPacket => "A control message between the ends of a tunnel is not passed on.",
        DropReason.UnknownOption => "A Geneve option is critical and not known here.",
        DropReason.ReservedBits => "A reserved VXLAN bit is set and the policy rejects it.",
        DropReason.NotTunnel => "The outer packet does not carry this encapsulation, or not on this port.",
        DropReason.UnknownVni => "No tunnel has this VNI on this endpoint.",
        DropReason.UnknownKey => "No tunnel has this GRE key on this endpoint.",
        DropReason.UnknownRemote => "The sender is not a permitted remote of the tunnel.",
        DropReason.OutOfSequence => "The GRE packet came late, or has no sequence number in a tunnel that has them.",
        DropReason.InnerTruncated => "The inner frame or packet ends before its headers do.",
        DropReason.InvalidSourceMac => "The inner source MAC is zero, multicast or broadcast.",
        DropReason.LocalMac => "The inner source MAC is the tunnel device's own.",
        DropReason.ForeignMac => "The inner frame is for another MAC than the layer-3 tunnel's.",
        DropReason.InnerVlan => "The inner frame carries a VLAN tag and the policy refuses it.",
        DropReason.NotIP => "A layer-3 tunnel carries only IPv4 and IPv6.",
        DropReason.NotEthernet => "A layer-2 tunnel carries only Ethernet frames.",
        DropReason.MappedAddress => "An IPv4-mapped IPv6 address stands in the inner IPv6 header.",
        DropReason.InvalidSource => "The inner IPv6 source is a multicast, loopback or IPv4-compatible address.",
        DropReason.EcnInvalid => "The outer packet was marked CE but the inner one is not ECN-capable.",
        DropReason.TtlExpired => "The inner TTL or hop limit is zero.",
        DropReason.EncapsulationLimit => "The packet says that it must not be encapsulated once more.",
        DropReason.NoRoute => "No route leads to the inner destination.",
        DropReason.NoRemote => "The destination MAC is unknown, broadcast or multicast, and there is nobody to flood to.",
        DropReason.TooBig => "The packet exceeds the MTU of the tunnel, of the link under it or of the path to the remote.",
        DropReason.Loop => "Encapsulated, the packet would enter its own tunnel again.",
        DropReason.QueueFull => "The output port took no more packets within the bound.",
        DropReason.SendFailed => "The kernel refused the packet.",
        DropReason.PortDown => "The output port is down.",
        DropReason.MartianRemote => "The outer source address is none that a packet can come from.",
        DropReason.MartianSource => "The inner source address is none that a packet can come from.",
        DropReason.ForeignSource => "The inner source address lives behind another remote.",
        DropReason.BroadcastLimit => "More broadcast frames than may be flooded.",
        DropReason.UnknownUnicastLimit => "More frames to unknown stations than may be flooded.",
        DropReason.MulticastLimit => "More multicast frames than may be flooded.",
        DropReason.RepeatedAnnouncement => "The same gratuitous ARP or neighbour advertisement was flooded a moment ago.",
        DropReason.ProbeLimit => "More probes of the path MTU came than are answered.",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "Not a drop reason."),
    };

    private static string ToKebabCase(string name) =>
        // "NotIP" has two capitals in a row, which are one word.
        string.Concat(name.Select((c, i) => i > 0 && char.IsUpper(c) && !char.IsUpper(name[i - 1]) ? $"-{char.ToLowerInvariant(c)}" : $"{char.ToLowerInvariant(c)}"));
}
