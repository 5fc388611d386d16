namespace Overlay;

/// <summary>What would have let a packet pass that was dropped for a <see cref="DropReason"/>.</summary>
public static class DropRemedies
{
    /// <summary>One sentence or two that say what to change, and where.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not a defined reason.</exception>
    public static string Of(DropReason reason) => reason switch
    {
        DropReason.None => "Nothing: the packet passed.",
        DropReason.Truncated => "A packet that has all its headers; look at what cuts it on the way, such as a capture with a snap length.",
        DropReason.BadVersion => "An IP version in the first four bits that agrees with the EtherType or protocol number in front of it; the sender writes both.",
        DropReason.BadLength => "Length fields that fit the packet; the sender writes them.",
        DropReason.BadChecksum => "A right checksum, or one at all where the tunnel asks for it (gre.checksum, zeroChecksumIpv6); look for what damages or rewrites packets on the way.",
        DropReason.BadFlags => "The flags of this encapsulation and no others: both ends must speak the same kind, and GUE and GRE without extensions.",
        DropReason.HeaderVersion => "Version 0 of the tunnel header; the other end speaks another encapsulation or a newer one.",
        DropReason.UnknownProtocol => "Ethernet, IPv4 or IPv6 behind the tunnel header; nothing else (NSH, MPLS) is carried here.",
        DropReason.ControlPacket => "Data without the control (OAM) flag; messages between the ends of a tunnel are not passed on.",
        DropReason.UnknownOption => "The critical option among the tunnel's own Geneve options, or the other end without it.",
        DropReason.ReservedBits => "A policy \"reservedBits\" that tolerates these bits, or the other end without them: usually it speaks VXLAN-GPE or a group policy.",
        DropReason.NotTunnel => "The encapsulation and port of this endpoint, in an outer packet that is not fragmented.",
        DropReason.UnknownVni => "A tunnel with this VNI on this endpoint, or the VNI of one that is there.",
        DropReason.UnknownKey => "A tunnel with this GRE key on this endpoint, or the key of one that is there; no key is another one than the key 0.",
        DropReason.UnknownRemote => "The sender among the tunnel's remotes: a flood remote, an fdb entry or a route that names it, or a policy \"remotes\" that holds it.",
        DropReason.OutOfSequence => "A higher sequence number than the last one from this sender; if packets overtake each other on the way, a tunnel without sequence numbers.",
        DropReason.InnerTruncated => "An inner packet that has all its headers; look at what cuts it on the way.",
        DropReason.InvalidSourceMac => "A unicast source MAC address in the inner frame; its sender is broken or forged.",
        DropReason.LocalMac => "Another source MAC address than the device's own: the frame came back by a loop, or two ends have the same MAC address.",
        DropReason.ForeignMac => "The device's MAC address as inner destination: the other end's route must name it.",
        DropReason.InnerVlan => "An untagged frame, or the policy \"innerVlan\" with \"keep\" or \"strip\".",
        DropReason.NotIP => "An IPv4 or IPv6 packet: the tunnel's device is a TUN. Ethernet needs a TAP.",
        DropReason.NotEthernet => "An Ethernet frame: the tunnel's device is a TAP. IP packets without Ethernet need a TUN.",
        DropReason.MappedAddress => "IPv6 addresses that are not IPv4-mapped (::ffff:0:0/96) in the inner packet.",
        DropReason.InvalidSource => "A unicast source address in the inner packet, neither loopback nor IPv4-compatible.",
        DropReason.EcnInvalid => "An ECN-capable inner packet, or an outer one without a congestion mark: somebody marks packets that are not ECN-capable. The policy \"ecn\" with \"copy\" does not look.",
        DropReason.TtlExpired => "An inner TTL or hop limit above 0.",
        DropReason.EncapsulationLimit => "A packet without a tunnel encapsulation limit, or with one above 0: it goes through more tunnels than its source allows.",
        DropReason.NoRoute => "A route of the tunnel that holds the inner destination.",
        DropReason.NoRemote => "A forwarding entry for the inner destination, or a remote in the flood list.",
        DropReason.TooBig => "A smaller packet, or a path to the remote with a larger MTU; 'status' shows that of each, and what it was found by.",
        DropReason.Loop => "A route to the remote that does not lead into the tunnel.",
        DropReason.QueueFull => "Fewer packets at once, or an output that takes them faster: more workers, larger socket buffers, a larger batch for large flood lists.",
        DropReason.SendFailed => "A route and a neighbour for the remote in the kernel; its log and 'ip route get' say what is missing.",
        DropReason.PortDown => "The device or link up.",
        DropReason.MartianRemote => "A unicast outer source address of another host; where the underlay really lives on such addresses, the remote in \"flood\", \"fdb\" or \"routes\", or the policy \"martianRemotes\" with \"count\".",
        DropReason.MartianSource => "A unicast inner source address of another host, or the policy \"martianSources\" with \"count\".",
        DropReason.ForeignSource => "The packet from the remote that the tables name for its inner source, tables that name the one that sent it, or the policy \"innerSourceCheck\" with \"count\".",
        DropReason.BroadcastLimit => "Fewer broadcast frames, or a larger \"broadcast\" in the policy \"floodLimit\"; an answer from the neighbour table needs none.",
        DropReason.UnknownUnicastLimit => "A forwarding entry for the inner destination, or a larger \"unknownUnicast\" in the policy \"floodLimit\".",
        DropReason.MulticastLimit => "Fewer frames to groups, or a larger \"multicast\" in the policy \"floodLimit\".",
        DropReason.RepeatedAnnouncement => "A shorter \"announcementHoldSeconds\" of the tunnel: the first announcement was flooded, and this one says the same.",
        DropReason.ProbeLimit => "Fewer probes from this remote: it probes faster than any prober here does, or many tunnels of it probe at once.",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "Not a drop reason."),
    };
}
