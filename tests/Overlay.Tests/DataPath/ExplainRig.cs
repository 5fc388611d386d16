using System.Buffers.Binary;
using System.Net;
using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing;
using Overlay.Tests.Encapsulation;
using Overlay.Wire;

namespace Overlay.Tests.DataPath;

/// <summary>Seeded tunnels of every kind, and packets for them of which many are dropped, each for a reason of its own.</summary>
internal sealed class ExplainRig(Random random)
{
    private static readonly ValueIPAddress Local6 = ValueIPAddress.Parse("2001:db8::1");
    private static readonly ValueIPAddress Remote6 = ValueIPAddress.Parse("2001:db8::2");
    private static readonly ValueIPAddress Remote62 = ValueIPAddress.Parse("2001:db8::3");
    private static readonly ValueIPAddress Stranger = ValueIPAddress.Parse("203.0.113.9");
    private static readonly byte[] KnownOption = TunnelHeaderTests.Option(0x0102, 0x81, [1, 2, 3, 4]);

    /// <summary>The kinds and layers that there are.</summary>
    public static readonly (TunnelKind Kind, DeviceLayer Layer)[] Kinds =
    [
        (TunnelKind.Vxlan, DeviceLayer.Ethernet), (TunnelKind.Vxlan, DeviceLayer.IP), (TunnelKind.VxlanGpe, DeviceLayer.Ethernet), (TunnelKind.VxlanGpe, DeviceLayer.IP),
        (TunnelKind.Geneve, DeviceLayer.Ethernet), (TunnelKind.Geneve, DeviceLayer.IP), (TunnelKind.Gre, DeviceLayer.IP), (TunnelKind.Gretap, DeviceLayer.Ethernet),
        (TunnelKind.IPInIP, DeviceLayer.IP), (TunnelKind.Gue, DeviceLayer.IP), (TunnelKind.Fou, DeviceLayer.IP), (TunnelKind.IPInUdp, DeviceLayer.IP),
    ];

    /// <summary>Options with policies of the seed's choice.</summary>
    public TunnelOptions Options(TunnelKind kind, DeviceLayer layer)
    {
        bool ipv6 = random.Next(3) == 0;
        return new TunnelOptions
        {
            Name = "rig",
            Kind = kind,
            Layer = layer,
            Vni = TunnelFacts.Of(kind).HasVni ? TunnelRig.Vni : default,
            Local = ipv6 ? Local6 : TunnelRig.Local,
            DeviceMac = TunnelRig.Mac,
            Learning = layer == DeviceLayer.Ethernet && random.Next(4) > 0,
            FlowHashSeed = 77,
            AnnouncementHold = random.Next(2) == 0 ? 0 : 10_000,
            Gre = new GreOptions { Key = random.Next(2) == 0 ? 7 : null, Checksum = random.Next(3) == 0, SequenceNumbers = random.Next(2) == 0 },
            GroupPolicyId = kind == TunnelKind.Vxlan && random.Next(4) == 0 ? (ushort)5 : null,
            GeneveOptions = kind == TunnelKind.Geneve && random.Next(2) == 0 ? KnownOption : default,
            Policy = new TunnelPolicy
            {
                Ttl = random.Next(2) == 0 ? null : (byte)33,
                Dscp = random.Next(2) == 0 ? null : (byte)46,
                DscpModel = (DscpModel)random.Next(2),
                Ecn = (EcnProfile)random.Next(4),
                DontFragment = random.Next(2) == 0 ? null : (DontFragmentPolicy)random.Next(3),
                EncapsulationLimit = random.Next(2) == 0 ? null : (byte)4,
                ReservedBits = random.Next(2) == 0 ? ReservedBitsPolicy.Reject : new ReservedBitsPolicy(1),
                InnerVlan = (InnerVlanPolicy)random.Next(3),
                Remotes = random.Next(4) switch { 0 => RemotePolicy.Any, 1 => RemotePolicy.Within([IPNetwork.Parse("192.0.2.0/24")]), _ => RemotePolicy.Known },
                RemoteCheck = random.Next(4) == 0 ? (SourceCheck)random.Next(3) : SourceCheck.Enforce,
                MartianRemotes = (SourceCheck)random.Next(3),
                MartianSources = random.Next(2) == 0 ? null : (SourceCheck)random.Next(3),
                InnerSourceCheck = (SourceCheck)random.Next(3),
                FloodLimits = random.Next(2) == 0 ? FloodLimits.None : new FloodLimits { Broadcast = new FloodLimit(1, 3), Multicast = new FloodLimit(1, 2), UnknownUnicast = new FloodLimit(2, 2) },
            },
        };
    }

    /// <summary>Tables with some of everything.</summary>
    public static OverlayTables Tables(TunnelOptions options, int floods, bool routes, bool ownOuter)
    {
        OverlayTables tables = new();
        ValueIPAddress remote = options.Local.IsIPv4 ? TunnelRig.Remote : Remote6;
        if (options.Layer == DeviceLayer.Ethernet)
        {
            tables.Apply(OverlayUpdate.SetForwarding(options.Vni, TunnelRig.MacB, new FdbEntry(remote, 4790)));
            tables.Apply(OverlayUpdate.SetNeighbor(options.Vni, TunnelRig.InnerB, TunnelRig.MacB));
            tables.Apply(OverlayUpdate.SetNeighbor(options.Vni, TunnelRig.InnerB6, TunnelRig.MacB));
            for (int i = 0; i < floods; i++)
            {
                tables.Apply(OverlayUpdate.AddFlood(options.Vni, options.Local.IsIPv4 ? ValueIPAddress.FromIPv4(remote.ToIPv4() + (uint)i) : ValueIPAddress.Parse($"2001:db8::{i + 2}")));
            }
        }
        else if (routes)
        {
            foreach (string prefix in (string[])["10.244.0.0/16", "10.244.0.0/24", "fd00:244::/64"])
            {
                tables.Apply(OverlayUpdate.SetRoute(IPNetwork.Parse(prefix), new RouteEntry(remote, TunnelRig.MacB)));
            }

            if (ownOuter)
            {
                tables.Apply(OverlayUpdate.SetRoute(remote, remote.BitLength, new RouteEntry(remote, TunnelRig.MacB)));
            }
        }

        return tables;
    }

    /// <summary>A packet as the device hands it over.</summary>
    public byte[] FromDevice(TunnelOptions options) => Spoil(options.Layer == DeviceLayer.Ethernet ? FrameFromDevice(options) : PacketFromDevice(options));

    /// <summary>A datagram as the endpoint's port leaves it, with its meta.</summary>
    public (byte[] Bytes, PacketMeta Meta) FromUnderlay(TunnelOptions options, uint sequence)
    {
        bool ipv4 = options.Local.IsIPv4;
        byte[] inner = options.Layer == DeviceLayer.Ethernet || (options.Kind == TunnelKind.Vxlan && random.Next(10) > 0) ? InnerFrame(options) : InnerPacket();
        byte[] datagram = [.. Header(options, inner, sequence), .. inner];
        PacketMeta meta = new()
        {
            Remote = random.Next(12) switch { 0 => Stranger, 1 => options.Local, 2 => ipv4 ? TunnelRig.Remote2 : Remote62, _ => ipv4 ? TunnelRig.Remote : Remote6 },
            Local = options.Local,
            TrafficClass = (byte)random.Next(8),
            Ttl = 60,
            SourcePort = 50_000,
            Protocol = options.Kind switch
            {
                TunnelKind.Gre or TunnelKind.Gretap => IPProtocol.Gre,
                TunnelKind.IPInIP => random.Next(10) == 0 || inner.Length == 0 || inner[0] >> 4 == 4 ? IPProtocol.IPv4 : IPProtocol.IPv6,
                _ => IPProtocol.Udp,
            },
        };
        return (Spoil(datagram), meta);
    }

    private static bool IsEthernetOnWire(TunnelOptions options) => options.Layer == DeviceLayer.Ethernet || options.Kind == TunnelKind.Vxlan;

    private byte[] Header(TunnelOptions options, byte[] inner, uint sequence)
    {
        uint vni = (random.Next(12) == 0 ? 43u : 42u) << 8;
        bool version6 = inner.Length > 0 && inner[0] >> 4 == 6;
        bool ethernet = IsEthernetOnWire(options);
        byte[] header = new byte[8];
        switch (options.Kind)
        {
            case TunnelKind.Vxlan:
                ulong bits = random.Next(6) switch { 0 => 1ul, 1 => 0x1_0000_0000ul, 2 => 0x8000_0005_0000_0000ul, _ => 0ul };
                BinaryPrimitives.WriteUInt64BigEndian(header, 0x0800_0000_0000_0000ul | vni | bits);
                return header;
            case TunnelKind.VxlanGpe:
                BinaryPrimitives.WriteUInt32BigEndian(header, 0x0C00_0000u | (random.Next(12) == 0 ? 0x0100_0000u : 0) | (random.Next(12) switch { 0 => 4u, 1 => 1u, _ => ethernet ? 3u : version6 ? 2u : 1u }));
                BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(4), vni);
                return header;
            case TunnelKind.Geneve:
                ushort type = random.Next(12) switch { 0 => 0x8847, 1 => 0x0800, _ => ethernet ? (ushort)0x6558 : version6 ? (ushort)0x86DD : (ushort)0x0800 };
                byte[] option = random.Next(3) switch { 0 => KnownOption, 1 => TunnelHeaderTests.Option(0x0103, 0x81, [1, 2, 3, 4]), _ => [] };
                header[0] = (byte)(option.Length / 4);
                header[1] = (byte)((option.Length > 0 ? 0x40 : 0) | (random.Next(12) == 0 ? 0x80 : 0));
                BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), type);
                BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(4), vni);
                return [.. header, .. option];
            case TunnelKind.Gre or TunnelKind.Gretap:
                return Gre(options, version6, ethernet, inner, sequence);
            case TunnelKind.Gue:
                return [(byte)(random.Next(12) switch { 0 => 0x20, 1 => 0x80, _ => 0 }), (byte)(random.Next(12) == 0 ? 17 : version6 ? 41 : 4), 0, (byte)(random.Next(12) == 0 ? 1 : 0)];
            default:
                return [];
        }
    }

    private byte[] Gre(TunnelOptions options, bool version6, bool ethernet, byte[] inner, uint sequence)
    {
        bool checksum = options.Gre.Checksum ^ random.Next(10) == 0;
        bool numbered = options.Gre.SequenceNumbers ^ random.Next(10) == 0;
        uint? key = random.Next(10) == 0 ? 8 : options.Gre.Key;
        List<byte> header = [(byte)((checksum ? 0x80 : 0) | (key is null ? 0 : 0x20) | (numbered ? 0x10 : 0)), 0];
        ushort type = random.Next(12) switch { 0 => 0x8847, 1 => 0x6558, 2 => 0x0800, _ => ethernet ? (ushort)0x6558 : version6 ? (ushort)0x86DD : (ushort)0x0800 };
        header.AddRange([(byte)(type >> 8), (byte)type]);
        int sum = header.Count;
        header.AddRange(checksum ? new byte[4] : []);
        Span<byte> word = stackalloc byte[4];
        if (key is uint number)
        {
            BinaryPrimitives.WriteUInt32BigEndian(word, number);
            header.AddRange(word);
        }

        if (numbered)
        {
            BinaryPrimitives.WriteUInt32BigEndian(word, sequence);
            header.AddRange(word);
        }

        byte[] bytes = [.. header];
        if (checksum)
        {
            ushort value = PacketBuilder.Checksum([.. bytes, .. inner], 0);
            BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(sum), random.Next(8) == 0 ? (ushort)(value ^ 0x10) : value);
        }

        return bytes;
    }

    private byte[] Announcement() => NeighborFrames.Arp(
        MacAddress.Broadcast, 1, random.Next(2) == 0 ? TunnelRig.Mac : TunnelRig.MacB, TunnelRig.InnerB, default, TunnelRig.InnerB)[EthernetFrame.MinimumHeaderLength..];

    private byte[] FrameFromDevice(TunnelOptions options)
    {
        ValueIPAddress remote = options.Local.IsIPv4 ? TunnelRig.Remote : Remote6;
        byte[] packet = InnerPacket(toDevice: false);
        (MacAddress destination, EtherType type, byte[] payload) = random.Next(11) switch
        {
            0 => (MacAddress.Broadcast, EtherType.IPv4, packet),
            1 => (MacAddress.Parse("02:00:00:00:00:99"), EtherType.IPv4, packet),
            2 => (TunnelRig.MacB, EtherType.IPv4, PacketBuilder.Udp(options.Local, remote, 1, 4789, "x"u8)),
            3 => (MacAddress.Broadcast, EtherType.IPv4, PacketBuilder.Udp(options.Local, remote, 1, 4789, "x"u8)),
            4 => (MacAddress.Broadcast, EtherType.Arp, Arp()),
            5 => (MacAddress.Parse("33:33:ff:00:00:02"), EtherType.IPv6, Solicitation()),
            6 => (TunnelRig.MacB, EtherType.Arp, Arp()),
            7 or 8 => (MacAddress.Broadcast, EtherType.Arp, Announcement()),
            _ => (TunnelRig.MacB, EtherType.IPv4, packet),
        };
        if (type != EtherType.Arp && payload.Length > 0 && payload[0] >> 4 == 6)
        {
            type = EtherType.IPv6;
        }

        return PacketBuilder.Ethernet(destination, TunnelRig.Mac, type, payload, Tags());
    }

    private byte[] PacketFromDevice(TunnelOptions options)
    {
        ValueIPAddress remote = options.Local.IsIPv4 ? TunnelRig.Remote : Remote6;
        return random.Next(8) switch
        {
            0 => PacketBuilder.Udp(options.Local, remote, 1, 4789, "x"u8),
            1 => PacketBuilder.Udp(TunnelRig.InnerA, ValueIPAddress.Parse("10.9.9.9"), 1, 2, "x"u8),
            2 => options.Local.IsIPv4
                ? PacketBuilder.Udp(remote, TunnelRig.InnerB, 1, 2, "x"u8)
                : PacketBuilder.Udp(remote, TunnelRig.InnerB6, 1, 2, "x"u8),
            3 => WithLimit((byte)random.Next(2)),
            _ => InnerPacket(toDevice: false),
        };
    }

    private static byte[] WithLimit(byte limit)
    {
        byte[] packet = EncapsulationLimitTests.Inner(limit);
        TunnelRig.InnerB6.TryWriteBytes(packet.AsSpan(24), out _);
        return packet;
    }

    private byte[] InnerFrame(TunnelOptions options)
    {
        MacAddress source = random.Next(10) switch
        {
            0 => MacAddress.Broadcast,
            1 => TunnelRig.Mac,
            2 => default,
            3 => MacAddress.Parse($"02:00:00:00:01:{random.Next(4):x2}"),
            _ => TunnelRig.MacB,
        };
        byte[] packet = InnerPacket();
        EtherType type = random.Next(12) == 0 ? EtherType.Arp : packet.Length > 0 && packet[0] >> 4 == 6 ? EtherType.IPv6 : EtherType.IPv4;
        return PacketBuilder.Ethernet(random.Next(8) == 0 ? MacAddress.Broadcast : options.DeviceMac, source, type, packet, Tags());
    }

    private byte[] InnerPacket(bool toDevice = true)
    {
        (ValueIPAddress source, ValueIPAddress destination) = random.Next(2) == 0
            ? (TunnelRig.InnerB, TunnelRig.InnerA)
            : (TunnelRig.InnerB6, TunnelRig.InnerA6);
        (source, destination) = toDevice ? (source, destination) : (destination, source);
        if (random.Next(20) == 0)
        {
            destination = source.IsIPv4 ? TunnelRig.Remote : Remote6;
        }

        byte[] packet = PacketBuilder.Udp(source, destination, 1000, (ushort)random.Next(1, 5000), "hello"u8, (byte)random.Next(16), (byte)(random.Next(12) == 0 ? 0 : 64), random.Next(2) == 0);
        if (!source.IsIPv4 && random.Next(6) == 0)
        {
            // An IPv4-mapped, a multicast or the loopback address as source.
            byte[] odd = random.Next(3) switch
            {
                0 => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 1, 2, 3, 4],
                1 => [0xFF, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
                _ => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
            };
            odd.CopyTo(packet, 8);
        }

        return packet;
    }

    private (ushort Tpid, ushort Tci)[] Tags() => random.Next(6) == 0 ? [(0x8100, 7)] : [];

    private static byte[] Arp() => PacketBuilder.ArpRequest(TunnelRig.Mac, TunnelRig.InnerA, TunnelRig.InnerB)[14..];

    private byte[] Solicitation()
    {
        NeighborDiscoveryHeader message = new(IcmpV6Type.NeighborSolicitation, random.Next(3) == 0 ? TunnelRig.InnerA6 : TunnelRig.InnerB6);
        byte[] bytes = new byte[message.Length];
        _ = message.TryWriteMessage(bytes, TunnelRig.InnerA6, TunnelRig.InnerB6, out _);
        return PacketBuilder.IP(TunnelRig.InnerA6, TunnelRig.InnerB6, IPProtocol.IcmpV6, bytes, ttl: 255);
    }

    // Most stay whole; some are cut, and some have a bit turned.
    private byte[] Spoil(byte[] packet)
    {
        switch (random.Next(8))
        {
            case 0:
                return packet[..random.Next(packet.Length + 1)];
            case 1 when packet.Length > 0:
                byte[] turned = [.. packet];
                turned[random.Next(Math.Min(packet.Length, 60))] ^= (byte)(1 << random.Next(8));
                return turned;
            default:
                return packet;
        }
    }
}
