using System.Buffers.Binary;
using System.Globalization;
using Overlay.Capture;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Decoding;

/// <summary>
/// Walks through a packet by the views of the library, from header to header as each says what follows, and writes down every field that they offer.
/// It parses nothing itself; what no view takes ends the walk under its own name.
/// </summary>
internal sealed class PacketWalk
{
    private const int Good = 1;
    private const int Bad = 0;
    private const int NotPresent = 3;

    private const ushort GoogleOptionClass = 0x0132;

    private readonly List<DecodedLayer> _layers = [];
    private readonly WalkPorts _ports;

    private PacketWalk(WalkPorts ports) => _ports = ports;

    /// <summary>The layers of a captured packet, from the outside.</summary>
    public static IReadOnlyList<DecodedLayer> Walk(CapturedPacket packet, WalkPorts? ports = null)
    {
        PacketWalk walk = new(ports ?? WalkPorts.Usual);
        if (packet.LinkType == LinkType.Ethernet)
        {
            walk.Ethernet(packet.Data.Span);
        }
        else if (packet.LinkType is LinkType.Raw or LinkType.IPv4 or LinkType.IPv6)
        {
            walk.IP(packet.Data.Span);
        }
        else
        {
            throw new NotSupportedException($"Link type {packet.LinkType} does not occur in the corpus.");
        }

        return walk._layers;
    }

    /// <summary>The layers in the notation of INDEX.md.</summary>
    public static string Stack(IEnumerable<DecodedLayer> layers) => string.Join('/', layers.Select(layer => layer.Index));

    private void Add(string protocol, string index, params (string Name, object? Value)[] fields) =>
        _layers.Add(new DecodedLayer(protocol, index, fields.ToDictionary(field => field.Name, field => field.Value)));

    // A layer without fields: what no view takes.
    private void End(string index) => Add("", index);

    private void Ethernet(ReadOnlySpan<byte> bytes)
    {
        if (!EthernetFrame.TryParse(bytes, out EthernetFrame frame, out WireError error))
        {
            End($"eth!{error}");
            return;
        }

        EtherType first = frame.VlanCount > 0 ? frame.OuterVlan.Tpid : frame.EtherType;
        Add("eth", "eth", ("eth.dst", frame.Destination), ("eth.src", frame.Source), ("eth.type", (int)first));
        for (int i = 0; frame.TryGetVlan(i, out VlanTag tag); i++)
        {
            EtherType type = frame.TryGetVlan(i + 1, out VlanTag next) ? next.Tpid : frame.EtherType;
            bool service = tag.Tpid == EtherType.ServiceVlan;
            string name = service ? "ieee8021ad" : "vlan";
            Add(
                name,
                service ? "svlan" : Invariant($"vlan{tag.Id}"),
                ($"{name}.priority", tag.Priority),
                ($"{name}.dei", tag.DropEligible),
                ($"{name}.id", tag.Id),
                // tshark shows the type behind a service tag as a field of 802.1ah.
                (service ? "ieee8021ah_ieee8021ah_etype" : "vlan.etype", (int)type));
        }

        EtherPayload(frame.EtherType, frame.Payload);
    }

    private void EtherPayload(EtherType type, ReadOnlySpan<byte> payload)
    {
        switch (type)
        {
            case EtherType.IPv4:
                IPv4(payload);
                break;
            case EtherType.IPv6:
                IPv6(payload);
                break;
            case EtherType.Arp:
                Arp(payload);
                break;
            case EtherType.TransparentEthernetBridging:
                Ethernet(payload);
                break;
            case < (EtherType)0x0600:
                End("llc");
                break;
            default:
                End(type switch { (EtherType)0x8847 => "mpls", (EtherType)0x8864 => "pppoe", _ => $"0x{(int)type:x4}" });
                break;
        }
    }

    private void Arp(ReadOnlySpan<byte> bytes)
    {
        if (!ArpPacket.TryParse(bytes, out ArpPacket arp, out WireError error))
        {
            End($"arp!{error}");
            return;
        }

        // The first four are what the parser demands: it takes nothing else.
        Add(
            "arp",
            "arp",
            ("arp.hw.type", 1),
            ("arp.proto.type", (int)EtherType.IPv4),
            ("arp.hw.size", MacAddress.Length),
            ("arp.proto.size", 4),
            ("arp.opcode", (int)arp.Operation),
            ("arp.src.hw_mac", arp.SenderMac),
            ("arp.src.proto_ipv4", arp.SenderAddress),
            ("arp.dst.hw_mac", arp.TargetMac),
            ("arp.dst.proto_ipv4", arp.TargetAddress));
    }

    private void IP(ReadOnlySpan<byte> bytes)
    {
        if (!bytes.IsEmpty && bytes[0] >> 4 == 6)
        {
            IPv6(bytes);
        }
        else
        {
            IPv4(bytes);
        }
    }

    private void IPv4(ReadOnlySpan<byte> bytes)
    {
        if (!IPv4Packet.TryParse(bytes, out IPv4Packet ip, out WireError error))
        {
            End($"ip4!{error}");
            return;
        }

        Add("ip", ip.Options.IsEmpty ? "ip4" : "ip4+opt", Fields(ip));
        if (ip.FragmentOffset != 0)
        {
            End("frag");
            return;
        }

        Transport(ip.Protocol, ip.Payload, ip.Source, ip.Destination);
    }

    private static (string Name, object? Value)[] Fields(IPv4Packet ip) =>
    [
        ("ip.version", 4),
        ("ip.hdr_len", ip.HeaderLength),
        ("ip.dsfield", (int)ip.TrafficClass),
        ("ip.dsfield.dscp", ip.TrafficClass >> 2),
        ("ip.dsfield.ecn", (int)ip.Ecn),
        ("ip.len", (int)ip.TotalLength),
        ("ip.id", (int)ip.Identification),
        ("ip.flags", (int)ip.Flags),
        ("ip.flags.rb", (ip.Flags & IPv4Flags.Reserved) != 0),
        ("ip.flags.df", ip.DontFragment),
        ("ip.flags.mf", ip.MoreFragments),
        ("ip.frag_offset", ip.FragmentOffset),
        ("ip.ttl", (int)ip.TimeToLive),
        ("ip.proto", (int)ip.Protocol),
        ("ip.checksum", (int)ip.Checksum),
        ("ip.checksum.status", ip.IsChecksumValid ? Good : Bad),
        ("ip.src", ip.Source),
        ("ip.dst", ip.Destination),
        (TsharkPacket.IPOptions, ip.Options.IsEmpty ? null : ip.Options.ToArray()),
    ];

    private void IPv6(ReadOnlySpan<byte> bytes)
    {
        if (!IPv6Packet.TryParse(bytes, out IPv6Packet ip, out WireError error))
        {
            End($"ip6!{error}");
            return;
        }

        bool found = ip.TryGetTransport(out IPProtocol protocol, out ReadOnlySpan<byte> transport, out IPv6Fragment fragment);
        Add(
            "ipv6",
            protocol == ip.NextHeader ? "ip6" : "ip6+ext",
            ("ipv6.version", 6),
            ("ipv6.tclass", (int)ip.TrafficClass),
            ("ipv6.tclass.dscp", ip.TrafficClass >> 2),
            ("ipv6.tclass.ecn", (int)ip.Ecn),
            ("ipv6.flow", ip.FlowLabel),
            ("ipv6.plen", (int)ip.PayloadLength),
            ("ipv6.nxt", (int)ip.NextHeader),
            ("ipv6.hlim", (int)ip.HopLimit),
            ("ipv6.src", ip.Source),
            ("ipv6.dst", ip.Destination),
            (TsharkPacket.Transport, (int)protocol));
        if (!found)
        {
            End(fragment.IsNonFirst ? "frag" : "ext!");
            return;
        }

        Transport(protocol, transport, ip.Source, ip.Destination);
    }

    private void Transport(IPProtocol protocol, ReadOnlySpan<byte> bytes, ValueIPAddress source, ValueIPAddress destination)
    {
        switch (protocol)
        {
            case IPProtocol.Udp:
                Udp(bytes, source, destination);
                break;
            case IPProtocol.Tcp:
                Tcp(bytes, source, destination);
                break;
            case IPProtocol.Icmp:
                Icmp(bytes);
                break;
            case IPProtocol.IcmpV6:
                IcmpV6(bytes, source, destination);
                break;
            case IPProtocol.IPv4:
                IPv4(bytes);
                break;
            case IPProtocol.IPv6:
                IPv6(bytes);
                break;
            case IPProtocol.Gre:
                Gre(bytes);
                break;
            case IPProtocol.AuthenticationHeader:
                End("ah");
                break;
            default:
                End(Enum.IsDefined(protocol) ? $"{protocol}".ToLowerInvariant() : Invariant($"p{(int)protocol}"));
                break;
        }
    }

    private void Udp(ReadOnlySpan<byte> bytes, ValueIPAddress source, ValueIPAddress destination)
    {
        if (!UdpPacket.TryParse(bytes, out UdpPacket udp, out WireError error))
        {
            End($"udp!{error}");
            return;
        }

        bool vxlan = _ports.Vxlan.Contains(udp.DestinationPort);
        bool tunnel = vxlan || udp.DestinationPort is GenevePacket.DefaultPort or VxlanGpePacket.DefaultPort;
        string port = tunnel ? Invariant($":{udp.DestinationPort}") : "";
        Add(
            "udp",
            (udp.HasChecksum ? "udp" : "udp0") + port,
            ("udp.srcport", (int)udp.SourcePort),
            ("udp.dstport", (int)udp.DestinationPort),
            ("udp.length", (int)udp.Length),
            ("udp.checksum", (int)udp.Checksum),
            ("udp.checksum.status", !udp.HasChecksum ? NotPresent : udp.IsChecksumValid(source, destination) ? Good : Bad),
            ("udp.payload", udp.Payload.ToArray()));
        if (vxlan)
        {
            Vxlan(udp.Payload);
        }
        else if (udp.DestinationPort == GenevePacket.DefaultPort)
        {
            Geneve(udp.Payload);
        }
        else if (udp.DestinationPort == VxlanGpePacket.DefaultPort)
        {
            VxlanGpe(udp.Payload);
        }
    }

    private void Vxlan(ReadOnlySpan<byte> bytes)
    {
        if (!VxlanPacket.TryParse(bytes, out VxlanPacket vxlan, out WireError error))
        {
            End($"vxlan!{error}");
            return;
        }

        ulong raw = vxlan.RawHeader;
        int flags = (int)(raw >> 48);
        ulong reserved = raw & 0xF7FF_FFFF_0000_00FF;
        Add(
            "vxlan",
            Invariant($"vxlan{vxlan.Vni.Value}") + (reserved == 0 ? "" : Reserved(raw)),
            ("vxlan.flags", flags),
            ("vxlan.flag_i", (vxlan.Flags & VxlanFlags.ValidVni) != 0),
            ("vxlan.flag_g", (flags & 0x8000) != 0),
            ("vxlan.flag_d", (flags & 0x0040) != 0),
            ("vxlan.flag_a", (flags & 0x0008) != 0),
            // All but the four bits above.
            ("vxlan.flags_reserved", flags & 0x77B7),
            ("vxlan.gbp", (int)(ushort)(raw >> 32)),
            ("vxlan.vni", vxlan.Vni.Value),
            ("vxlan.reserved8", (int)(byte)raw));
        Ethernet(vxlan.Payload);
    }

    private static string Reserved(ulong raw) => Invariant($"(rsv={raw >> 32:x8}/{raw & 0xFF:x2})");

    private void VxlanGpe(ReadOnlySpan<byte> bytes)
    {
        if (!VxlanGpePacket.TryParse(bytes, out VxlanGpePacket gpe, out WireError error))
        {
            End($"vxlan-gpe!{error}");
            return;
        }

        ulong raw = gpe.RawHeader;
        // To tshark both are "vxlan", and INDEX.md takes every bit that VXLAN has not for reserved.
        Add(
            "vxlan",
            Invariant($"vxlan{gpe.Vni.Value}") + Reserved(raw),
            ("vxlan.flags", (int)(raw >> 56)),
            ("vxlan.ver", gpe.Version),
            ("vxlan.i_bit", (gpe.Flags & VxlanGpeFlags.ValidVni) != 0),
            ("vxlan.p_bit", (gpe.Flags & VxlanGpeFlags.NextProtocol) != 0),
            ("vxlan.o_bit", (gpe.Flags & VxlanGpeFlags.Oam) != 0),
            ("vxlan.flags_reserved", (int)(raw >> 56) & 0xC2),
            ("vxlan.reserved_16", (int)(ushort)(raw >> 40)),
            ("vxlan.next_proto", (int)gpe.NextProtocol),
            ("vxlan.vni", gpe.Vni.Value),
            ("vxlan.reserved8", (int)(byte)raw));
        switch (gpe.NextProtocol)
        {
            case VxlanGpeNextProtocol.IPv4:
                IPv4(gpe.Payload);
                break;
            case VxlanGpeNextProtocol.IPv6:
                IPv6(gpe.Payload);
                break;
            case VxlanGpeNextProtocol.Ethernet:
                Ethernet(gpe.Payload);
                break;
            case VxlanGpeNextProtocol.Nsh:
                Nsh(gpe.Payload);
                break;
            default:
                End($"next{(int)gpe.NextProtocol}");
                break;
        }
    }

    private void Nsh(ReadOnlySpan<byte> bytes)
    {
        if (!NshPacket.TryParse(bytes, out NshPacket nsh, out WireError error))
        {
            End($"nsh!{error}");
            return;
        }

        Add(
            "nsh",
            "nsh",
            ("nsh.version", nsh.Version),
            ("nsh.Obit", nsh.IsOam),
            ("nsh.ttl", nsh.TimeToLive),
            ("nsh.length", nsh.HeaderLength / 4),
            ("nsh.mdtype", (int)nsh.MetadataType),
            ("nsh.nextproto", (int)nsh.NextProtocol),
            ("nsh.spi", nsh.ServicePathIdentifier),
            ("nsh.si", (int)nsh.ServiceIndex));
        switch (nsh.NextProtocol)
        {
            case NshNextProtocol.IPv4:
                IPv4(nsh.Payload);
                break;
            case NshNextProtocol.IPv6:
                IPv6(nsh.Payload);
                break;
            case NshNextProtocol.Ethernet:
                Ethernet(nsh.Payload);
                break;
            default:
                End($"next{(int)nsh.NextProtocol}");
                break;
        }
    }

    private void Geneve(ReadOnlySpan<byte> bytes)
    {
        if (!GenevePacket.TryParse(bytes, out GenevePacket geneve, out WireError error))
        {
            End($"geneve!{error}");
            return;
        }

        List<int> classes = [], types = [], lengths = [];
        List<bool> critical = [];
        List<byte[]> unknown = [];
        foreach (GeneveOption option in geneve.Options)
        {
            classes.Add(option.Class);
            types.Add(option.Type);
            critical.Add(option.IsCritical);
            lengths.Add(GeneveOption.HeaderLength + option.Data.Length);
            // tshark takes the data of this class apart.
            if (option.Class != GoogleOptionClass)
            {
                unknown.Add(option.Data.ToArray());
            }
        }

        ulong raw = geneve.RawHeader;
        Add(
            "geneve",
            Invariant($"geneve{geneve.Vni.Value}") + (lengths.Count == 0 ? "" : Invariant($"(opts={lengths.Count})")) +
                (geneve.AnnouncesCriticalOption ? "+C" : ""),
            ("geneve.version", geneve.Version),
            ("geneve.option_length", geneve.OptionBytes.Length),
            ("geneve.flags", (int)(byte)(raw >> 48)),
            ("geneve.flags.oam", geneve.IsControl),
            ("geneve.flags.critical", geneve.AnnouncesCriticalOption),
            ("geneve.flags.reserved", (raw & 0x003F_0000_0000_0000) != 0),
            ("geneve.proto_type", (int)geneve.ProtocolType),
            ("geneve.vni", geneve.Vni.Value),
            ("geneve.reserved", (int)(byte)raw),
            ("geneve.options", geneve.OptionBytes.IsEmpty ? null : geneve.OptionBytes.ToArray()),
            ("geneve.option.class", List(classes)),
            ("geneve.option.type", List(types)),
            ("geneve.option.type.critical", List(critical)),
            // Two fields, option_length and option.length, have the same key.
            (TsharkPacket.Second("geneve_geneve_option_length"), List(lengths)),
            ("geneve.option.unknown_data", List(unknown)));
        Assert.Equal(critical.Contains(true), geneve.HasCriticalOption);
        EtherPayload(geneve.ProtocolType, geneve.Payload);
    }

    private static T[]? List<T>(List<T> values) => values.Count == 0 ? null : values.ToArray();

    private void Gre(ReadOnlySpan<byte> bytes)
    {
        if (!GrePacket.TryParse(bytes, out GrePacket gre, out WireError error))
        {
            End($"gre!{error}");
            return;
        }

        string options = (gre.HasChecksum ? "C" : "") + (gre.HasKey ? "K" : "") + (gre.HasSequenceNumber ? "S" : "");
        Add(
            "gre",
            options.Length == 0 ? "gre" : $"gre({options})",
            ("gre.flags_and_version", (int)gre.Flags | (gre.Reserved0 << 3)),
            ("gre.flags.checksum", gre.HasChecksum),
            ("gre.flags.key", gre.HasKey),
            ("gre.flags.sequence_number", gre.HasSequenceNumber),
            // What the parser refuses, or what it takes as reserved and RFC 1701 knew as other fields.
            ("gre.flags.routing", false),
            ("gre.flags.strict_source_route", false),
            ("gre.flags.recursion_control", gre.Reserved0 >> 5),
            ("gre.flags.reserved", gre.Reserved0 & 0x1F),
            ("gre.flags.version", 0),
            ("gre.proto", (int)gre.ProtocolType),
            ("gre.checksum", gre.HasChecksum ? (int)gre.Checksum : null),
            ("gre.checksum.status", gre.HasChecksum ? (gre.IsChecksumValid ? Good : Bad) : null),
            ("gre.offset", gre.HasChecksum ? (int)gre.Reserved1 : null),
            ("gre.key", gre.HasKey ? gre.Key : null),
            ("gre.sequence_number", gre.HasSequenceNumber ? gre.SequenceNumber : null));
        EtherPayload(gre.ProtocolType, gre.Payload);
    }

    private void Tcp(ReadOnlySpan<byte> bytes, ValueIPAddress source, ValueIPAddress destination)
    {
        if (!TcpPacket.TryParse(bytes, out TcpPacket tcp, out WireError error))
        {
            End($"tcp!{error}");
            return;
        }

        TcpFlags flags = tcp.Flags;
        Add(
            "tcp",
            "tcp",
            ("tcp.srcport", (int)tcp.SourcePort),
            ("tcp.dstport", (int)tcp.DestinationPort),
            ("tcp.seq_raw", tcp.SequenceNumber),
            ("tcp.ack_raw", tcp.AcknowledgmentNumber),
            ("tcp.hdr_len", tcp.HeaderLength),
            ("tcp.flags", (tcp.Reserved << 8) | (int)flags),
            ("tcp.flags.res", tcp.Reserved >> 1),
            ("tcp.flags.ae", (tcp.Reserved & 1) != 0),
            ("tcp.flags.cwr", (flags & TcpFlags.Cwr) != 0),
            ("tcp.flags.ece", (flags & TcpFlags.Ece) != 0),
            ("tcp.flags.urg", (flags & TcpFlags.Urg) != 0),
            ("tcp.flags.ack", (flags & TcpFlags.Ack) != 0),
            ("tcp.flags.push", (flags & TcpFlags.Psh) != 0),
            ("tcp.flags.reset", (flags & TcpFlags.Rst) != 0),
            ("tcp.flags.syn", (flags & TcpFlags.Syn) != 0),
            ("tcp.flags.fin", (flags & TcpFlags.Fin) != 0),
            ("tcp.window_size_value", (int)tcp.Window),
            ("tcp.checksum", (int)tcp.Checksum),
            ("tcp.checksum.status", tcp.IsChecksumValid(source, destination) ? Good : Bad),
            ("tcp.urgent_pointer", (int)tcp.UrgentPointer),
            ("tcp.options", tcp.Options.IsEmpty ? null : tcp.Options.ToArray()),
            ("tcp.len", tcp.Payload.Length),
            ("tcp.payload", tcp.Payload.IsEmpty ? null : tcp.Payload.ToArray()));
    }

    private void Icmp(ReadOnlySpan<byte> bytes)
    {
        if (!IcmpPacket.TryParse(bytes, out IcmpPacket icmp, out WireError error))
        {
            End($"icmp!{error}");
            return;
        }

        bool echo = icmp.Type is IcmpType.EchoRequest or IcmpType.EchoReply;
        bool quotes = icmp.Type is IcmpType.DestinationUnreachable or IcmpType.TimeExceeded;
        List<(string Name, object? Value)> fields =
        [
            ("icmp.type", (int)icmp.Type),
            ("icmp.code", (int)icmp.Code),
            ("icmp.checksum", (int)icmp.Checksum),
            ("icmp.checksum.status", icmp.IsChecksumValid ? Good : Bad),
            ("icmp.ident", echo ? (int)icmp.Identifier : null),
            ("icmp.seq", echo ? (int)icmp.SequenceNumber : null),
            ("icmp.unused", quotes ? BitConverter.GetBytes(BinaryPrimitives.ReverseEndianness(icmp.RestOfHeader)) : null),
        ];
        if (quotes && IPv4Packet.TryParseTruncated(icmp.Payload, out IPv4Packet quoted))
        {
            fields.Add((TsharkPacket.QuotedSource, quoted.Source));
            fields.Add((TsharkPacket.QuotedDestination, quoted.Destination));
            fields.Add((TsharkPacket.QuotedLength, (int)quoted.TotalLength));
        }

        Add("icmp", "icmp", [.. fields]);
    }

    private void IcmpV6(ReadOnlySpan<byte> bytes, ValueIPAddress source, ValueIPAddress destination)
    {
        if (!IcmpV6Packet.TryParse(bytes, out IcmpV6Packet icmp, out WireError error))
        {
            End($"icmp6!{error}");
            return;
        }

        bool echo = icmp.Type is IcmpV6Type.EchoRequest or IcmpV6Type.EchoReply;
        List<(string Name, object? Value)> fields =
        [
            ("icmpv6.type", (int)icmp.Type),
            ("icmpv6.code", (int)icmp.Code),
            ("icmpv6.checksum", (int)icmp.Checksum),
            ("icmpv6.checksum.status", icmp.IsChecksumValid(source, destination) ? Good : Bad),
            ("icmpv6.echo.identifier", echo ? (int)icmp.Identifier : null),
            ("icmpv6.echo.sequence_number", echo ? (int)icmp.SequenceNumber : null),
            ("icmpv6.mtu", icmp.Type == IcmpV6Type.PacketTooBig ? icmp.NextHopMtu : null),
        ];
        if (icmp.IsError && IPv6Packet.TryParseTruncated(icmp.Payload, out IPv6Packet quoted))
        {
            fields.Add((TsharkPacket.QuotedSource, quoted.Source));
            fields.Add((TsharkPacket.QuotedDestination, quoted.Destination));
            fields.Add((TsharkPacket.QuotedLength, (int)quoted.PayloadLength));
        }

        if (NeighborDiscoveryPacket.TryParse(bytes, out NeighborDiscoveryPacket discovery))
        {
            if (discovery.Type == IcmpV6Type.NeighborSolicitation)
            {
                fields.Add(("icmpv6.nd.ns.target_address", discovery.Target));
                fields.Add(("icmpv6.opt.src_linkaddr", discovery.TryGetSourceLinkLayerAddress(out MacAddress mac) ? mac : null));
            }
            else
            {
                fields.Add(("icmpv6.nd.na.target_address", discovery.Target));
                fields.Add(("icmpv6.nd.na.flag.r", (discovery.Flags & NeighborDiscoveryFlags.Router) != 0));
                fields.Add(("icmpv6.nd.na.flag.s", (discovery.Flags & NeighborDiscoveryFlags.Solicited) != 0));
                fields.Add(("icmpv6.nd.na.flag.o", (discovery.Flags & NeighborDiscoveryFlags.Override) != 0));
                fields.Add(("icmpv6.opt.target_linkaddr", discovery.TryGetTargetLinkLayerAddress(out MacAddress mac) ? mac : null));
            }
        }

        Add("icmpv6", "icmp6", [.. fields]);
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
