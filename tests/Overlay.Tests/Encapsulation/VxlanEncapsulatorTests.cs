using System.Buffers;
using System.Buffers.Binary;
using Overlay.Encapsulation;
using Overlay.Testing;
using Overlay.Tests.Wire;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Encapsulation;

public sealed class VxlanEncapsulatorTests
{
    private static readonly ValueIPAddress Local = ValueIPAddress.Parse("192.0.2.1");
    private static readonly ValueIPAddress Remote = ValueIPAddress.Parse("198.51.100.2");
    private static readonly ValueIPAddress LocalIPv6 = ValueIPAddress.Parse("2001:db8::1");
    private static readonly ValueIPAddress RemoteIPv6 = ValueIPAddress.Parse("2001:db8::2");
    private static readonly MacAddress Mac = MacAddress.Parse("02:00:00:00:00:01");
    private static readonly EthernetHeader Link = new(MacAddress.Parse("02:00:00:00:00:02"), Mac, default);

    public static TheoryData<bool, bool, bool> Forms => new MatrixTheoryData<bool, bool, bool>([false, true], [false, true], [false, true]);

    [Theory]
    [InlineData(false, false, 36)]
    [InlineData(false, true, 50)]
    [InlineData(true, false, 56)]
    [InlineData(true, true, 70)]
    public void Overhead_is_the_sum_of_the_headers(bool ipv6, bool link, int expected)
    {
        VxlanEncapsulator encapsulator = Make(ipv6, link, false);
        Assert.Equal(expected, encapsulator.Overhead);
        Assert.Equal(ipv6 ? 65519 : 65499, encapsulator.MaxFrameLength);
        Assert.Equal(ipv6 ? (LocalIPv6, RemoteIPv6) : (Local, Remote), (encapsulator.Local, encapsulator.Remote));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Bytes_are_those_of_an_independent_builder(bool ipv6, bool link, bool checksum)
    {
        Random random = new(42);
        VxlanEncapsulator encapsulator = Make(ipv6, link, checksum, 8472);
        for (int i = 0; i < 1000; i++)
        {
            byte[] frame = PacketBuilder.Payload(random.Next(14, 200), i);
            OuterHeaderFields fields = RandomFields(random) with { Identification = 0, FlowLabel = 0 };
            byte[] vxlan = [8, 0, 0, 0, (byte)(fields.Vni.Value >> 16), (byte)(fields.Vni.Value >> 8), (byte)fields.Vni.Value, 0, .. frame];
            byte[] packet = PacketBuilder.Udp(
                encapsulator.Local, encapsulator.Remote, fields.SourcePort, 8472, vxlan, fields.TrafficClass, fields.Ttl == 0 ? (byte)64 : fields.Ttl,
                fields.DontFragment);
            if (!checksum)
            {
                packet.AsSpan((ipv6 ? 40 : 20) + 6, 2).Clear();
            }

            byte[] expected = link ? PacketBuilder.Ethernet(Link.Destination, Mac, ipv6 ? EtherType.IPv6 : EtherType.IPv4, packet) : packet;
            HeaderAssert.Writes(expected, (Span<byte> d, out int n) => encapsulator.Encapsulate(frame, fields, d, out n) == OperationStatus.Done);
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void The_in_place_form_writes_what_the_copying_form_does(bool ipv6, bool link, bool checksum)
    {
        Random random = new(4711);
        VxlanEncapsulator encapsulator = Make(ipv6, link, checksum);
        byte[] copied = new byte[2048], memory = new byte[2048];
        for (int i = 0; i < 10_000; i++)
        {
            byte[] frame = PacketBuilder.Payload(random.Next(14, 128), i);
            OuterHeaderFields fields = RandomFields(random);
            Assert.Equal(OperationStatus.Done, encapsulator.Encapsulate(frame, fields, copied, out int length));

            int start = random.Next(100);
            memory.AsSpan().Fill(HeaderAssert.Dirt);
            frame.CopyTo(memory, start + encapsulator.Overhead);
            encapsulator.WriteOuter(memory.AsSpan(start, length), frame.Length, fields);
            Assert.True(copied.AsSpan(0, length).SequenceEqual(memory.AsSpan(start, length)));
            Assert.Equal(-1, memory.AsSpan(0, start).IndexOfAnyExcept(HeaderAssert.Dirt));
            Assert.Equal(-1, memory.AsSpan(start + length).IndexOfAnyExcept(HeaderAssert.Dirt));
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Flow_label_and_identification_stand_in_their_headers(bool ipv6, bool link, bool checksum)
    {
        VxlanEncapsulator encapsulator = Make(ipv6, link, checksum);
        byte[] memory = new byte[200];
        var fields = new OuterHeaderFields { FlowLabel = 0xFFF_ABCDE, Identification = 0x1234, DontFragment = true, TrafficClass = 0xFF };
        Assert.Equal(OperationStatus.Done, encapsulator.Encapsulate(new byte[64], fields, memory, out int length));
        ReadOnlySpan<byte> packet = memory.AsSpan(link ? 14 : 0, length - (link ? 14 : 0));
        if (ipv6)
        {
            Assert.True(IPv6Packet.TryParse(packet, out IPv6Packet ip));
            Assert.Equal((0xABCDEu, 0xFF, 64), (ip.FlowLabel, ip.TrafficClass, ip.HopLimit));
        }
        else
        {
            Assert.True(IPv4Packet.TryParse(packet, out IPv4Packet ip));
            Assert.True(ip.IsChecksumValid);
            Assert.Equal((0x1234, true, 0xFF, 64), (ip.Identification, ip.DontFragment, ip.TrafficClass, ip.TimeToLive));
            Assert.False(ip.IsFragment);
        }
    }

    [Fact]
    public void Header_checksum_is_right_for_every_length_identification_and_traffic_class()
    {
        VxlanEncapsulator encapsulator = Make(false, false, false);
        byte[] memory = new byte[36];
        for (int i = 0; i <= 65499; i++)
        {
            encapsulator.WriteOuter(memory, i, new OuterHeaderFields { Identification = (ushort)(i * 31), TrafficClass = (byte)i, DontFragment = (i & 256) != 0 });
            Assert.True(InternetChecksum.IsValid(memory.AsSpan(0, 20)));
            Assert.Equal((i + 36, i + 16), (BinaryPrimitives.ReadUInt16BigEndian(memory.AsSpan(2)), BinaryPrimitives.ReadUInt16BigEndian(memory.AsSpan(24))));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Checksum_that_computes_to_zero_is_sent_as_all_ones(bool ipv6)
    {
        VxlanEncapsulator encapsulator = Make(ipv6, false, true);
        byte[] frame = new byte[64], memory = new byte[200];
        var fields = new OuterHeaderFields { Vni = new Vni(7), SourcePort = 50000 };
        Assert.Equal(OperationStatus.Done, encapsulator.Encapsulate(frame, fields, memory, out _));
        int field = (ipv6 ? 40 : 20) + 6;
        // With its own checksum in it, the datagram sums up to all ones; so a frame that carries it has the checksum zero.
        memory.AsSpan(field, 2).CopyTo(frame.AsSpan(20));
        Assert.Equal(OperationStatus.Done, encapsulator.Encapsulate(frame, fields, memory, out int length));
        Assert.Equal(0xFFFF, BinaryPrimitives.ReadUInt16BigEndian(memory.AsSpan(field)));
        Assert.True(PacketBuilder.IsTransportChecksumValid(memory.AsSpan(0, length)));
    }

    [Fact]
    public void Frames_that_are_too_short_or_too_long_are_refused()
    {
        VxlanEncapsulator encapsulator = Make(false, false, false);
        byte[] destination = new byte[70_000];
        Assert.Equal(OperationStatus.InvalidData, encapsulator.Encapsulate(new byte[13], new Vni(1), destination, out int length));
        Assert.Equal(0, length);
        Assert.Equal(OperationStatus.InvalidData, encapsulator.Encapsulate(new byte[13], default(OuterHeaderFields), destination, out _));
        Assert.Equal(OperationStatus.InvalidData, encapsulator.Encapsulate(new byte[65500], new Vni(1), destination, out _));
        Assert.Equal(-1, destination.AsSpan().IndexOfAnyExcept((byte)0));
        Assert.Equal(OperationStatus.DestinationTooSmall, encapsulator.Encapsulate(new byte[14], new Vni(1), new byte[49], out length));
        Assert.Equal(0, length);
        Assert.Equal(OperationStatus.Done, encapsulator.Encapsulate(new byte[65499], new Vni(1), destination, out length));
        Assert.Equal(65535, length);
        Assert.Equal(0xFFFF, BinaryPrimitives.ReadUInt16BigEndian(destination.AsSpan(2)));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Wrong_headroom_or_length_is_the_callers_mistake(bool ipv6, bool link, bool checksum)
    {
        VxlanEncapsulator encapsulator = Make(ipv6, link, checksum);
        byte[] memory = new byte[70_000];
        Assert.Throws<ArgumentException>(() => encapsulator.WriteOuter(memory.AsSpan(0, encapsulator.Overhead - 1), 0, default));
        Assert.Throws<ArgumentOutOfRangeException>(() => encapsulator.WriteOuter(memory, -1, default));
        Assert.Throws<ArgumentOutOfRangeException>(() => encapsulator.WriteOuter(memory, encapsulator.MaxFrameLength + 1, default));
        encapsulator.WriteOuter(memory, encapsulator.MaxFrameLength, default);
        if (checksum)
        {
            Assert.Throws<ArgumentException>(() => encapsulator.WriteOuter(memory.AsSpan(0, encapsulator.Overhead + 63), 64, default));
        }
        else
        {
            encapsulator.WriteOuter(memory.AsSpan(0, encapsulator.Overhead), 64, default);
        }
    }

    [Fact]
    public void Ends_and_options_that_make_no_sense_are_refused()
    {
        ValueIPAddress group = ValueIPAddress.Parse("239.1.1.1");
        Assert.Throws<ArgumentException>(() => new VxlanEncapsulator(Local, RemoteIPv6));
        Assert.Throws<ArgumentException>(() => new VxlanEncapsulator(Local, Local));
        Assert.Throws<ArgumentException>(() => new VxlanEncapsulator(default, RemoteIPv6));
        Assert.Throws<ArgumentException>(() => new VxlanEncapsulator(ValueIPAddress.FromIPv4(0), Remote));
        Assert.Throws<ArgumentException>(() => new VxlanEncapsulator(Local, ValueIPAddress.FromIPv4(0)));
        Assert.Throws<ArgumentException>(() => new VxlanEncapsulator(group, Remote));
        Assert.Equal(group, new VxlanEncapsulator(Local, group).Remote);
        Assert.Throws<ArgumentOutOfRangeException>(() => new VxlanEncapsulator(Local, Remote, new() { Ttl = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new VxlanEncapsulator(Local, Remote, new() { DestinationPort = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new VxlanEncapsulator(Local, Remote, new() { Dscp = 64 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new VxlanEncapsulator(Local, Remote, new() { SourcePortMinimum = 2, SourcePortMaximum = 1 }));
        Assert.Throws<ArgumentException>(() => new VxlanEncapsulator(Local, Remote, new() { LinkHeader = Link with { OuterVlan = new VlanTag(1) } }));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Copying_form_takes_port_and_label_from_the_flow_and_ECN_from_the_inner_packet(bool ipv6)
    {
        VxlanEncapsulator encapsulator = Make(ipv6, false, true);
        HashSet<(ushort, uint)> seen = [];
        for (int flow = 0; flow < 100; flow++)
        {
            for (int ecn = 0; ecn < 4; ecn++)
            {
                byte[] inner = flow % 2 == 0
                    ? PacketBuilder.Udp(Local, Remote, (ushort)flow, 53, [1], (byte)(0xB8 | ecn))
                    : PacketBuilder.Udp(LocalIPv6, RemoteIPv6, (ushort)flow, 53, [1], (byte)(0xB8 | ecn));
                byte[] frame = PacketBuilder.Ethernet(Mac, Mac, flow % 2 == 0 ? EtherType.IPv4 : EtherType.IPv6, inner);
                byte[] memory = new byte[300];
                Assert.Equal(OperationStatus.Done, encapsulator.Encapsulate(frame, new Vni(9), memory, out int length));
                Assert.True(Decapsulator.TryDecapsulate(memory.AsSpan(0, length), TunnelKind.Vxlan, 4789, out Decapsulated outer, out _));
                Assert.Equal(ecn, outer.TrafficClass);
                Assert.Equal(64, outer.Ttl);
                Assert.InRange(outer.SourcePort, (ushort)49152, (ushort)65535);
                Assert.Equal(frame, outer.Payload.ToArray());
                uint label = ipv6 ? BinaryPrimitives.ReadUInt32BigEndian(memory) & 0xF_FFFF : 1;
                Assert.NotEqual(0u, label);
                // ECN is no part of the flow: four packets, one port and one label.
                Assert.Equal(ecn == 0, seen.Add((outer.SourcePort, label)) && ecn == 0);
                if (!ipv6)
                {
                    Assert.Equal(0x4000, BinaryPrimitives.ReadUInt16BigEndian(memory.AsSpan(6)));
                }
            }
        }

        Assert.InRange(seen.Count, 95, 100);
    }

    [Fact]
    public void Copying_form_follows_its_options()
    {
        byte[] frame = PacketBuilder.Ethernet(Mac, Mac, EtherType.IPv4, PacketBuilder.Udp(Local, Remote, 1, 2, [], 3));
        var options = new VxlanEncapsulatorOptions
        {
            Dscp = 46, Ecn = EcnProfile.Rfc6040Compatibility, DontFragment = false, SourcePortMinimum = 7, SourcePortMaximum = 7, Ttl = 3,
        };
        byte[] memory = new byte[300];
        Assert.Equal(OperationStatus.Done, new VxlanEncapsulator(Local, Remote, options).Encapsulate(frame, new Vni(9), memory, out int length));
        Assert.True(IPv4Packet.TryParse(memory.AsSpan(0, length), out IPv4Packet ip));
        Assert.Equal((46 << 2, false, 3), (ip.TrafficClass, ip.DontFragment, ip.TimeToLive));
        Assert.True(UdpPacket.TryParse(ip.Payload, out UdpPacket udp));
        Assert.Equal(7, udp.SourcePort);
    }

    [Fact]
    public void Frame_that_claims_IP_but_is_not_has_no_ECN()
    {
        VxlanEncapsulator encapsulator = Make(false, false, false);
        byte[] memory = new byte[300];
        foreach (byte[] payload in new byte[][] { [], [0x4F], [0x6F, 0xFF], [0x0F, 0xFF] })
        {
            Assert.Equal(OperationStatus.Done, encapsulator.Encapsulate(PacketBuilder.Ethernet(Mac, Mac, EtherType.IPv4, payload), new Vni(1), memory, out _));
            Assert.Equal(0, memory[1]);
        }
    }

    [Fact]
    public void Frame_may_lie_in_the_destination()
    {
        VxlanEncapsulator encapsulator = Make(false, false, true);
        byte[] frame = PacketBuilder.Ethernet(Mac, Mac, EtherType.IPv4, PacketBuilder.Udp(Local, Remote, 1, 2, PacketBuilder.Payload(300)));
        byte[] expected = new byte[500], memory = new byte[500];
        Assert.Equal(OperationStatus.Done, encapsulator.Encapsulate(frame, new Vni(1), expected, out int length));
        frame.CopyTo(memory, 0);
        Assert.Equal(OperationStatus.Done, encapsulator.Encapsulate(memory.AsSpan(0, frame.Length), new Vni(1), memory, out _));
        Assert.Equal(expected[..length], memory[..length]);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Nothing_is_allocated(bool ipv6, bool link, bool checksum)
    {
        VxlanEncapsulator encapsulator = Make(ipv6, link, checksum);
        byte[] frame = PacketBuilder.Ethernet(Mac, Mac, EtherType.IPv4, PacketBuilder.Udp(Local, Remote, 1, 2, PacketBuilder.Payload(300)));
        byte[] memory = new byte[500];
        OperationStatus status = default;
        Allocations.Zero(() =>
        {
            status = encapsulator.Encapsulate(frame, new Vni(1), memory, out int length);
            encapsulator.WriteOuter(memory.AsSpan(0, length), frame.Length, default);
        });
        Assert.Equal(OperationStatus.Done, status);
    }

    private static VxlanEncapsulator Make(bool ipv6, bool link, bool checksum, ushort port = 4789) => new(
        ipv6 ? LocalIPv6 : Local,
        ipv6 ? RemoteIPv6 : Remote,
        new VxlanEncapsulatorOptions { LinkHeader = link ? Link : null, OuterChecksum = checksum, DestinationPort = port });

    private static OuterHeaderFields RandomFields(Random random) => new()
    {
        Vni = new Vni((uint)random.Next(1 << 24)),
        SourcePort = (ushort)random.Next(65536),
        TrafficClass = (byte)random.Next(256),
        Ttl = (byte)random.Next(256),
        DontFragment = random.Next(2) == 1,
        FlowLabel = (uint)random.Next(1 << 20),
        Identification = (ushort)random.Next(65536),
    };

    /// <summary>The short form, whose stores are not checked one by one, against the form that checks them: every length, over A5, with guards.</summary>
    [Theory]
    [InlineData("192.0.2.1", "192.0.2.2", false, false)]
    [InlineData("192.0.2.1", "192.0.2.2", true, false)]
    [InlineData("192.0.2.1", "192.0.2.2", false, true)]
    [InlineData("2001:db8::1", "2001:db8::2", false, false)]
    public void The_short_form_writes_what_the_general_form_writes(string local, string remote, bool link, bool checksum)
    {
        VxlanEncapsulator encapsulator = new(ValueIPAddress.Parse(local), ValueIPAddress.Parse(remote), new VxlanEncapsulatorOptions
        {
            OuterChecksum = checksum,
            Ttl = 17,
            LinkHeader = link ? new EthernetHeader(MacAddress.Parse("02:00:00:00:00:01"), MacAddress.Parse("02:00:00:00:00:02"), EtherType.IPv4) : null,
        });
        const int Guard = 64;
        Random random = new(7348);
        for (int i = 0; i < 3_000; i++)
        {
            int length = i < 200 ? i : random.Next(0, encapsulator.MaxFrameLength + 1);
            Vni vni = new((uint)random.Next(0, 1 << 24));
            ushort port = (ushort)random.Next(0, 65_536);
            byte trafficClass = (byte)random.Next(0, 256);
            byte[] expected = new byte[Guard + encapsulator.Overhead + length + Guard];
            expected.AsSpan().Fill(0xA5);
            byte[] actual = [.. expected];
            encapsulator.WriteOuter(expected.AsSpan(Guard, encapsulator.Overhead + length), length, new OuterHeaderFields
            {
                Vni = vni, SourcePort = port, TrafficClass = trafficClass, FlowLabel = port, DontFragment = true,
            });
            encapsulator.WriteOuter(actual.AsSpan(Guard, encapsulator.Overhead + length), length, vni, port, trafficClass);
            Assert.Equal(expected, actual);
        }

        byte[] room = new byte[encapsulator.Overhead];
        Assert.Throws<ArgumentException>(() => encapsulator.WriteOuter(room.AsSpan(1), 0, default, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => encapsulator.WriteOuter(room, -1, default, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => encapsulator.WriteOuter(room, encapsulator.MaxFrameLength + 1, default, 0));
    }
}
