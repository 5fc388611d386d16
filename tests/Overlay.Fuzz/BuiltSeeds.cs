using System.Buffers.Binary;
using Overlay.Capture;
using Overlay.Testing;
using Overlay.Wire;

namespace Overlay.Fuzz;

/// <summary>Small whole examples of every format, so that a run without captures reaches everything too.</summary>
internal static class BuiltSeeds
{
    private static readonly ValueIPAddress A4 = ValueIPAddress.Parse("192.0.2.1");
    private static readonly ValueIPAddress B4 = ValueIPAddress.Parse("192.0.2.2");
    private static readonly ValueIPAddress A6 = ValueIPAddress.Parse("2001:db8::1");
    private static readonly ValueIPAddress B6 = ValueIPAddress.Parse("2001:db8::2");
    private static readonly MacAddress MacA = MacAddress.Parse("02:00:00:00:00:01");
    private static readonly MacAddress MacB = MacAddress.Parse("02:00:00:00:00:02");

    /// <summary>Whole configurations, from the shortest on.</summary>
    public static IReadOnlyList<string> Configurations { get; } =
    [
        "{}",
        """{ "tunnels": [] }""",
        """{ "tunnels": [ { "name": "a", "kind": "vxlan", "vni": 1, "local": "192.0.2.1", "device": { "type": "tap" } }, ] /* all */ }""",
        """
        { "control": { "socket": "/run/o.sock" }, "workers": { "count": 2, "cpus": [0, 1], "spinMicroseconds": 5, "warmUp": false },
          "tunnels": [
            { "name": "vx42", "kind": "vxlan", "vni": 42, "local": "192.0.2.1", "port": 4789, "link": "eth0", "transport": "udp",
              "device": { "type": "tap", "name": "vx42", "addresses": ["10.244.0.1/24", "fd00::1/64"], "mac": "02:00:00:00:00:01", "mtu": "auto" },
              "learning": { "enabled": true, "ageSeconds": 300, "maxEntries": 65536 }, "flood": ["192.0.2.2"],
              "fdb": [ { "mac": "02:00:00:00:00:02", "remote": "192.0.2.2" } ],
              "neighbors": [ { "ip": "10.244.0.2", "mac": "02:00:00:00:00:02" } ],
              "offload": { "tso": true, "uso": false },
              "policy": { "remotes": ["192.0.2.0/24"], "ttl": "inherit", "dscp": 10, "ecn": "rfc3168", "df": "set", "reservedBits": { "mask": "00FF00000000FF00" },
                          "outerChecksum": "off", "zeroChecksumIpv6": "accept", "innerVlan": "strip", "sourcePorts": "50000-60000", "sourcePortCount": 4 } } ] }
        """,
        """
        { "tunnels": [ // two
            { "name": "l3", "kind": "vxlan", "vni": 1, "local": "2001:db8::1", "port": 8472,
              "device": { "type": "tun", "addresses": ["10.245.1.0/32"], "mac": "02:00:00:00:00:11", "mtu": 1400 },
              "routes": [ { "prefix": "10.245.2.0/24", "remote": "2001:db8::2", "mac": "02:00:00:00:00:12" } ] },
            { "name": "ipip0", "kind": "ipip", "local": "192.0.2.1", "device": { "type": "tun", "addresses": ["10.246.0.1/32"] },
              "routes": [ { "prefix": "10.246.2.0/24", "remote": "192.0.2.2" }, { "prefix": "::/0", "remote": "192.0.2.3" } ] } ] }
        """,
        "{ \"a\": \"\\ud800\\u00e9\\n\", \"b\": [1e3, -0.5, true, null, {}], \"a\": 1 }",
    ];

    /// <summary>Addresses and numbers as people write them.</summary>
    public static IReadOnlyList<string> Texts { get; } =
    [
        "192.0.2.1", "0.0.0.0", "255.255.255.255", "::", "::1", "2001:db8::1", "fe80::1%eth0", "::ffff:192.0.2.1", "2001:db8:1:2:3:4:5:6", "02:00:00:00:00:01",
        "02-00-00-00-00-01", "0200.0000.0001", "42", "16777215", "0x2a",
    ];

    /// <summary>Frames of every layer that tunnels carry or are made of.</summary>
    public static IEnumerable<byte[]> Frames()
    {
        byte[] payload = PacketBuilder.Payload(24, 7);
        byte[] tcpOptions = [2, 4, 5, 0xB4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7];
        List<byte[]> packets = [];
        foreach ((ValueIPAddress a, ValueIPAddress b) in ((ValueIPAddress, ValueIPAddress)[])[(A4, B4), (A6, B6)])
        {
            packets.Add(PacketBuilder.Udp(a, b, 5353, 53, payload));
            packets.Add(PacketBuilder.Tcp(a, b, 1000, 80, 1, 0x18, payload));
            packets.Add(PacketBuilder.Tcp(a, b, 1000, 80, 1, 0x02, [], tcpOptions));
            packets.Add(PacketBuilder.IP(a, b, (IPProtocol)132, payload));
            foreach (PathProbeType type in (PathProbeType[])[PathProbeType.Probe, PathProbeType.Answer])
            {
                byte[] probe = [.. new byte[PathProbePacket.HeaderLength], .. payload];
                _ = new PathProbeHeader(type, 1500, 0x0123_4567_89AB_CDEF).TryWrite(probe, out _);
                packets.Add(PacketBuilder.Udp(a, b, 50_000, 4789, probe));
            }
        }

        byte[] quote = PacketBuilder.Udp(A4, B4, 50_000, 4789, payload)[..28];
        byte[] unreachable = [3, 4, 0, 0, 0, 0, 5, 0x78, .. quote];
        BinaryPrimitives.WriteUInt16BigEndian(unreachable.AsSpan(2), PacketBuilder.Checksum(unreachable, 0));
        packets.Add(PacketBuilder.IP(A4, B4, IPProtocol.Icmp, unreachable));
        packets.Add(PacketBuilder.IP(A4, B4, IPProtocol.Icmp, [8, 0, 0, 0, 0, 1, 0, 2, .. payload]));
        packets.Add(PacketBuilder.IP(A6, B6, IPProtocol.IcmpV6, [2, 0, 0, 0, 0, 0, 5, 0x14, .. PacketBuilder.Udp(A6, B6, 50_000, 4789, payload)[..60]]));
        byte[] target = new byte[16];
        B6.TryWriteBytes(target, out _);
        packets.Add(PacketBuilder.IP(A6, B6, IPProtocol.IcmpV6, [135, 0, 0, 0, 0, 0, 0, 0, .. target, 1, 1, 2, 0, 0, 0, 0, 1, 14, 1, 1, 2, 3, 4, 5, 6], ttl: 255));
        packets.Add(PacketBuilder.IP(A6, B6, IPProtocol.IcmpV6, [136, 0, 0, 0, 0xE0, 0, 0, 0, .. target, 2, 1, 2, 0, 0, 0, 0, 2], ttl: 255));
        // IPv4 options, and chains of IPv6 extension headers: hop by hop, routing, destination options with an encapsulation limit, a fragment.
        byte[] plain = packets[0];
        byte[] options = [.. plain[..20], 0x94, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 0, .. plain[20..]];
        options[0] = 0x48;
        BinaryPrimitives.WriteUInt16BigEndian(options.AsSpan(2), (ushort)options.Length);
        Repair.IP(options);
        packets.Add(options);
        byte[] udp6 = packets[4][40..];
        packets.Add(PacketBuilder.IP(A6, B6, IPProtocol.HopByHopOptions, [43, 0, 5, 2, 0, 0, 1, 0, 60, 0, 0, 0, 0, 0, 0, 0, 17, 0, 4, 1, 4, 1, 1, 0, .. udp6]));
        packets.Add(PacketBuilder.IP(A6, B6, IPProtocol.FragmentHeader, [17, 0, 0, 1, 0, 0, 0, 9, .. udp6]));
        packets.Add(PacketBuilder.IP(A6, B6, IPProtocol.FragmentHeader, [17, 0, 0, 8, 0, 0, 0, 9, .. payload]));
        packets.Add(PacketBuilder.IP(A6, B6, IPProtocol.AuthenticationHeader, [17, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, .. udp6]));

        List<byte[]> frames = [.. packets.Select(packet => Frame(packet)), PacketBuilder.ArpRequest(MacA, A4, B4)];
        frames.Add(Frame(packets[0], (0x8100, 0x2005)));
        frames.Add(Frame(packets[4], (0x88A8, 7), (0x8100, 8), (0x8100, 9)));
        foreach (byte[] inner in frames.ToArray())
        {
            byte[] vxlan = [8, 0, 0, 0, 0, 0, 42, 0, .. inner];
            yield return inner;
            yield return Frame(PacketBuilder.Udp(A4, B4, 50_000, 4789, vxlan));
            yield return Frame(PacketBuilder.Udp(A6, B6, 50_000, 4789, vxlan));
        }

        // Geneve with two options, VXLAN-GPE with an NSH header, a group policy, GUE with and without a header; GRE with all fields, and NVGRE.
        byte[] frame = frames[0];
        (ushort Port, byte[] Payload)[] datagrams =
        [
            (6081, [5, 0x40, 0x65, 0x58, 0, 0, 10, 0, 0, 0, 0x80, 2, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 1, 9, 9, 9, 9, .. frame]),
            (4790, [12, 0, 0, 4, 0, 0, 42, 0, 0, 0x46, 1, 3, 0, 0, 1, 255, .. new byte[16], .. frame]),
            (4790, [12, 0, 0, 1, 0, 0, 42, 0, .. plain]),
            (4789, [0x88, 0x48, 0x12, 0x34, 0, 0, 42, 0, .. frame]),
            (6080, [1, 4, 0x10, 0, 1, 2, 3, 4, .. plain]),
            (6080, plain),
        ];
        foreach ((ushort port, byte[] datagram) in datagrams)
        {
            yield return Frame(PacketBuilder.Udp(A4, B4, 50_000, port, datagram));
        }

        yield return Frame(PacketBuilder.IP(A4, B4, (IPProtocol)47, [0xB0, 0, 8, 0, 0x12, 0x34, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9, .. plain]));
        yield return Frame(PacketBuilder.IP(A6, B6, (IPProtocol)47, [0x20, 0, 0x65, 0x58, 0, 0, 42, 1, .. frame]));
        yield return Frame(PacketBuilder.IP(A4, B4, (IPProtocol)47, [0, 0, 8, 0, .. plain]));

        foreach (byte[] inner in packets)
        {
            IPProtocol protocol = inner[0] >> 4 == 4 ? IPProtocol.IPv4 : IPProtocol.IPv6;
            yield return Frame(PacketBuilder.IP(A4, B4, protocol, inner));
            yield return Frame(PacketBuilder.IP(A6, B6, protocol, inner));
            byte[] limited = [(byte)protocol, 0, 4, 1, 4, 1, 1, 0, .. inner];
            yield return Frame(PacketBuilder.IP(A6, B6, IPProtocol.DestinationOptions, limited));
        }
    }

    /// <summary>A capture in each format, with what the writer can say of packets.</summary>
    public static IEnumerable<byte[]> Captures()
    {
        byte[] packet = PacketBuilder.Udp(A4, B4, 1, 2, PacketBuilder.Payload(11));
        foreach (CaptureFormat format in (CaptureFormat[])[CaptureFormat.Pcap, CaptureFormat.PcapNg])
        {
            MemoryStream stream = new();
            // A stream in memory never waits.
            Write(stream, format, packet).GetAwaiter().GetResult();
            yield return stream.ToArray();
        }

        // The other byte order, nanoseconds.
        yield return [0xA1, 0xB2, 0x3C, 0x4D, 0, 2, 0, 4, .. new byte[8], 0, 0, 1, 0, 0, 0, 0, 101, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, (byte)packet.Length, 0, 0, 0, (byte)packet.Length, .. packet];
        // A section header of unknown length, an interface with its resolution and an offset of its times, a simple packet, a block that nobody knows.
        yield return
        [
            0x0A, 0x0D, 0x0D, 0x0A, 0, 0, 0, 28, 0x1A, 0x2B, 0x3C, 0x4D, 0, 1, 0, 0, .. Enumerable.Repeat((byte)0xFF, 8), 0, 0, 0, 28,
            0, 0, 0, 1, 0, 0, 0, 44, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 9, 0, 0, 0, 0, 14, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 44,
            0, 0, 0, 3, 0, 0, 0, 20, 0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 0, 20,
            0, 0, 0, 99, 0, 0, 0, 12, 0, 0, 0, 12,
        ];
    }

    private static async Task Write(Stream stream, CaptureFormat format, byte[] packet)
    {
        CaptureWriter writer = new(stream, new CaptureWriterOptions { Format = format }, leaveOpen: true);
        await using (writer.ConfigureAwait(false))
        {
            bool pcapng = format == CaptureFormat.PcapNg;
            int first = pcapng ? writer.AddInterface(LinkType.Raw, "tun0", "a device", 100) : writer.AddInterface(LinkType.Raw);
            writer.Write(first, 1_000_000_007, packet);
            if (pcapng)
            {
                writer.Write(writer.AddInterface(LinkType.Ethernet), 5, packet, PacketDirection.Outbound, "unknown-vni");
                writer.WriteStatistics(first, 9, 3, 1);
            }

            await writer.FlushAsync().ConfigureAwait(false);
        }
    }

    private static byte[] Frame(byte[] packet, params (ushort Tpid, ushort Tci)[] tags) =>
        PacketBuilder.Ethernet(MacB, MacA, packet[0] >> 4 == 4 ? EtherType.IPv4 : EtherType.IPv6, packet, tags);
}
