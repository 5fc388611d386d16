using System.Buffers.Binary;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

public sealed class FlowHashTests
{
    private static readonly MacAddress MacA = MacAddress.Parse("02:00:00:00:00:01");
    private static readonly MacAddress MacB = MacAddress.Parse("02:00:00:00:00:02");

    [Fact]
    public void Packets_of_a_flow_hash_alike_whatever_else_differs()
    {
        Random random = new(1);
        for (int i = 0; i < 1000; i++)
        {
            byte[] packet = i % 2 == 0
                ? IPv4(random.NextIPv4(), random.NextIPv4(), 1000, 2000)
                : IPv6(random.NextIPv6(), random.NextIPv6(), 1000, 2000);
            uint hash = FlowHash.ComputeIP(packet, 7);
            byte[] other = [.. packet, 1, 2, 3];
            if (i % 2 == 0)
            {
                // TOS, identification, DF, TTL, checksum, payload
                (other[1], other[4], other[5], other[6], other[8], other[10], other[11]) = (3, 4, 5, 0x40, 6, 7, 8);
            }
            else
            {
                // traffic class, flow label, hop limit
                (other[0], other[1], other[2], other[3], other[7]) = (0x6F, 0xFF, 1, 2, 3);
            }

            other[^4] ^= 0xFF;
            Assert.Equal(hash, FlowHash.ComputeIP(other, 7));
            Assert.NotEqual(hash, FlowHash.ComputeIP(packet, 8));
        }
    }

    [Fact]
    public void Frame_hashes_as_its_packet_through_tags_and_both_overloads()
    {
        foreach (byte[] packet in new[]
        {
            IPv4(ValueIPAddress.Parse("192.0.2.1"), ValueIPAddress.Parse("192.0.2.2"), 1, 2),
            IPv6(ValueIPAddress.Parse("2001:db8::1"), ValueIPAddress.Parse("2001:db8::2"), 1, 2),
        })
        {
            uint expected = FlowHash.ComputeIP(packet, 3);
            EtherType type = packet[0] >> 4 == 4 ? EtherType.IPv4 : EtherType.IPv6;
            foreach (EthernetHeader header in new EthernetHeader[]
            {
                new(MacA, MacB, type),
                new(MacB, MacA, type),
                new(MacA, MacB, type) { OuterVlan = new VlanTag(5) },
                new(MacA, MacB, type) { OuterVlan = new VlanTag(5, 0, false, EtherType.ServiceVlan), InnerVlan = new VlanTag(9) },
            })
            {
                byte[] frame = [.. HeaderAssert.Written(header.TryWrite), .. packet];
                Assert.Equal(expected, FlowHash.Compute(frame, 3));
                Assert.True(EthernetFrame.TryParse(frame, out EthernetFrame view));
                Assert.Equal(expected, FlowHash.Compute(in view, 3));
            }
        }
    }

    [Fact]
    public void Each_part_of_the_five_tuple_counts()
    {
        byte[] packet4 = IPv4(ValueIPAddress.Parse("192.0.2.1"), ValueIPAddress.Parse("192.0.2.2"), 1000, 2000);
        byte[] packet6 = IPv6(ValueIPAddress.Parse("2001:db8::1"), ValueIPAddress.Parse("2001:db8::2"), 1000, 2000);
        foreach ((byte[] packet, int first, int end) in new[] { (packet4, 12, 24), (packet6, 8, 44) })
        {
            HashSet<uint> hashes = [FlowHash.ComputeIP(packet, 0)];
            for (int bit = first * 8; bit < end * 8; bit++)
            {
                byte[] changed = [.. packet];
                changed[bit / 8] ^= (byte)(0x80 >> (bit % 8));
                Assert.True(hashes.Add(FlowHash.ComputeIP(changed, 0)), $"bit {bit} does not count");
            }
        }

        foreach (int protocol in new[] { 6, 17, 33, 132, 136 })
        {
            byte[] one = [.. packet4];
            one[9] = (byte)protocol;
            byte[] two = [.. one];
            two[21] ^= 1;
            Assert.NotEqual(FlowHash.ComputeIP(one, 0), FlowHash.ComputeIP(two, 0));
        }
    }

    [Fact]
    public void Protocols_without_ports_hash_by_addresses_and_protocol()
    {
        byte[] one = IPv4(ValueIPAddress.Parse("192.0.2.1"), ValueIPAddress.Parse("192.0.2.2"), 1000, 2000);
        HashSet<uint> hashes = [];
        foreach (IPProtocol protocol in new[] { IPProtocol.Icmp, IPProtocol.Gre, IPProtocol.Esp, IPProtocol.IPv4 })
        {
            one[9] = (byte)protocol;
            byte[] two = [.. one];
            two[20] ^= 0xFF;
            Assert.Equal(FlowHash.ComputeIP(one, 0), FlowHash.ComputeIP(two, 0));
            Assert.True(hashes.Add(FlowHash.ComputeIP(one, 0)));
        }
    }

    [Fact]
    public void Options_are_stepped_over()
    {
        IPv4Header header = new(ValueIPAddress.Parse("192.0.2.1"), ValueIPAddress.Parse("192.0.2.2"), IPProtocol.Tcp) { PayloadLength = 20 };
        byte[] tcp = [0x03, 0xE8, 0x07, 0xD0, .. new byte[16]];
        byte[] plain = [.. HeaderAssert.Written(header.TryWrite), .. tcp];
        for (int words = 1; words <= 10; words++)
        {
            byte[] options = [.. Enumerable.Repeat((byte)1, words * 4)];
            byte[] packet = [.. HeaderAssert.Written((Span<byte> d, out int n) => header.TryWrite(d, options, out n)), .. tcp];
            Assert.Equal(FlowHash.ComputeIP(plain, 0), FlowHash.ComputeIP(packet, 0));
        }
    }

    [Fact]
    public void All_fragments_of_a_datagram_hash_alike()
    {
        Random random = new(2);
        byte[] packet4 = IPv4(random.NextIPv4(), random.NextIPv4(), 1000, 2000);
        packet4[6] = 0x20;
        uint first4 = FlowHash.ComputeIP(packet4, 0);
        for (int offset = 1; offset < 8192; offset++)
        {
            byte[] fragment = [.. packet4];
            BinaryPrimitives.WriteUInt16BigEndian(fragment.AsSpan(6), (ushort)(offset | (offset % 2 << 13)));
            random.NextBytes(fragment.AsSpan(20));
            Assert.Equal(first4, FlowHash.ComputeIP(fragment, 0));
        }

        ValueIPAddress source = random.NextIPv6(), destination = random.NextIPv6();
        byte[] Fragment6(IPProtocol next, int word, ushort sourcePort) =>
        [
            .. HeaderAssert.Written(new IPv6Header(source, destination, IPProtocol.FragmentHeader) { PayloadLength = 28 }.TryWrite),
            (byte)next, 0, (byte)(word >> 8), (byte)word, 1, 2, 3, 4, .. Ports(sourcePort, 2000), .. new byte[16],
        ];

        uint first6 = FlowHash.ComputeIP(Fragment6(IPProtocol.Udp, 1, 1000), 0);
        Assert.Equal(first6, FlowHash.ComputeIP(Fragment6(IPProtocol.Udp, 8 | 1, 4711), 0));
        Assert.Equal(first6, FlowHash.ComputeIP(Fragment6(IPProtocol.Tcp, 80, 4712), 0));

        // An atomic fragment is a whole datagram (RFC 6946): it goes where the rest of its flow goes.
        byte[] whole = IPv6(source, destination, 1000, 2000, IPProtocol.Udp);
        Assert.Equal(FlowHash.ComputeIP(whole, 0), FlowHash.ComputeIP(Fragment6(IPProtocol.Udp, 0, 1000), 0));
    }

    [Fact]
    public void Extension_headers_are_stepped_over()
    {
        ValueIPAddress source = ValueIPAddress.Parse("2001:db8::1"), destination = ValueIPAddress.Parse("2001:db8::2");
        byte[] packet =
        [
            .. HeaderAssert.Written(new IPv6Header(source, destination, IPProtocol.HopByHopOptions) { PayloadLength = 36 }.TryWrite),
            (byte)IPProtocol.DestinationOptions, 0, 0, 0, 0, 0, 0, 0, (byte)IPProtocol.Tcp, 0, 0, 0, 0, 0, 0, 0, .. Ports(1000, 2000), .. new byte[16],
        ];
        Assert.Equal(FlowHash.ComputeIP(IPv6(source, destination, 1000, 2000), 5), FlowHash.ComputeIP(packet, 5));
    }

    [Fact]
    public void Other_frames_hash_by_addresses_and_type()
    {
        byte[] frame = [.. HeaderAssert.Written(new EthernetHeader(MacA, MacB, EtherType.Arp).TryWrite), .. new byte[46]];
        uint hash = FlowHash.Compute(frame, 0);
        byte[] other = [.. frame];
        other[20] = 1;
        Assert.Equal(hash, FlowHash.Compute(other, 0));
        EthernetHeader taggedHeader = new(MacA, MacB, EtherType.Arp) { OuterVlan = new VlanTag(5) };
        byte[] tagged = [.. HeaderAssert.Written(taggedHeader.TryWrite), .. new byte[46]];
        Assert.Equal(hash, FlowHash.Compute(tagged, 0));
        HashSet<uint> hashes = [hash];
        for (int bit = 0; bit < 14 * 8; bit++)
        {
            other = [.. frame];
            other[bit / 8] ^= (byte)(0x80 >> (bit % 8));
            Assert.True(hashes.Add(FlowHash.Compute(other, 0)), $"bit {bit} does not count");
        }
    }

    [Fact]
    public void No_bytes_make_it_throw()
    {
        byte[] packet = IPv4(ValueIPAddress.Parse("192.0.2.1"), ValueIPAddress.Parse("192.0.2.2"), 1000, 2000);
        byte[] frame = [.. HeaderAssert.Written(new EthernetHeader(MacA, MacB, EtherType.IPv4).TryWrite), .. packet];
        Random random = new(3);
        HashSet<uint> hashes = [];
        for (int i = 0; i < 50_000; i++)
        {
            byte[] bytes = frame[..random.Next(frame.Length + 1)];
            random.NextBytes(bytes);
            if (bytes.Length > 14)
            {
                (bytes[12], bytes[13], bytes[14]) = (i % 3) switch
                {
                    0 => ((byte)0x08, (byte)0x00, (byte)(0x40 | (i % 16))),
                    1 => ((byte)0x86, (byte)0xDD, (byte)0x60),
                    _ => ((byte)0x81, (byte)0x00, bytes[14]),
                };
            }

            hashes.Add(FlowHash.Compute(bytes, 1));
            hashes.Add(FlowHash.ComputeIP(bytes, 1));
            hashes.Add(FlowHash.ComputeIP(bytes.AsSpan(Math.Min(14, bytes.Length)), 1));
        }

        Assert.True(hashes.Count > 1000);
        Assert.Equal(FlowHash.ComputeIP(default, 1), FlowHash.ComputeIP(new byte[60], 1));
        Assert.Equal(FlowHash.Compute(default(ReadOnlySpan<byte>), 1), FlowHash.Compute(new byte[13], 1));
    }

    [Fact]
    public void Ports_and_labels_keep_to_their_range()
    {
        Assert.Equal(49152, FlowHash.ToSourcePort(0));
        Assert.Equal(65535, FlowHash.ToSourcePort(uint.MaxValue));
        Assert.Equal(0, FlowHash.ToSourcePort(0, 0, 65535));
        Assert.Equal(65535, FlowHash.ToSourcePort(uint.MaxValue, 0, 65535));
        Assert.Equal(4789, FlowHash.ToSourcePort(0x8000_0000, 4789, 4789));
        Assert.Throws<ArgumentOutOfRangeException>(() => FlowHash.ToSourcePort(1, 2, 1));
        Assert.Equal(1u, FlowHash.ToFlowLabel(0));
        Assert.Equal(0xF_FFFFu, FlowHash.ToFlowLabel(uint.MaxValue));

        // Every port of a small range is reached, and none beside it.
        HashSet<ushort> ports = [];
        Random random = new(4);
        for (int i = 0; i < 1000; i++)
        {
            ports.Add(FlowHash.ToSourcePort((uint)random.NextInt64(1L << 32), 50000, 50015));
        }

        Assert.Equal(Enumerable.Range(50000, 16), ports.Select(port => (int)port).Order());
    }

    /// <summary>
    /// Pearson's chi-square over flows that differ as real ones do: in a few bits of one or two fields. With k - 1 degrees of freedom the
    /// statistic is about normal, mean k - 1 and variance 2(k - 1). Five standard deviations: a good hash would fail once in three million.
    /// </summary>
    [Theory]
    [InlineData("source port")]
    [InlineData("source address")]
    [InlineData("both ports")]
    [InlineData("address and port")]
    [InlineData("IPv6 address and port")]
    [InlineData("random")]
    public void Flows_spread_evenly(string what)
    {
        const int Flows = 100_000;
        int[] ports = new int[65536 - 49152];
        int[] low = new int[256];
        int[] workers = new int[16];
        Random random = new(5);
        byte[] packet4 = IPv4(ValueIPAddress.Parse("10.244.1.2"), ValueIPAddress.Parse("10.244.2.3"), 32768, 443);
        byte[] packet6 = IPv6(ValueIPAddress.Parse("2001:db8::1"), ValueIPAddress.Parse("2001:db8::2"), 32768, 443);
        byte[] packet = what.StartsWith("IPv6", StringComparison.Ordinal) ? packet6 : packet4;
        for (int i = 0; i < Flows; i++)
        {
            switch (what)
            {
                case "source port": // two servers, since one has only 65 536
                    BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(20), (ushort)i);
                    packet[19] = (byte)(3 + (i >> 16));
                    break;
                case "source address":
                    BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(12), 0x0AF4_0000u + (uint)i);
                    break;
                case "both ports":
                    BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(20), (ushort)(32768 + (i % 1000)));
                    BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(22), (ushort)(8000 + (i / 1000)));
                    break;
                case "address and port":
                    packet[15] = (byte)(i % 250);
                    BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(20), (ushort)(32768 + (i / 250)));
                    break;
                case "IPv6 address and port":
                    packet[23] = (byte)(i % 250);
                    BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(40), (ushort)(32768 + (i / 250)));
                    break;
                default:
                    random.NextBytes(packet.AsSpan(12, 12));
                    break;
            }

            uint hash = FlowHash.ComputeIP(packet, 0x1234_5678);
            ports[FlowHash.ToSourcePort(hash) - 49152]++;
            low[hash % 256]++;
            workers[FlowHash.ToSourcePort(hash, 50000, 50015) - 50000]++;
        }

        foreach (int[] buckets in new[] { ports, low, workers })
        {
            double expected = (double)Flows / buckets.Length;
            double chiSquare = buckets.Sum(count => (count - expected) * (count - expected) / expected);
            double degrees = buckets.Length - 1;
            double sigmas = (chiSquare - degrees) / Math.Sqrt(2 * degrees);
            Assert.True(sigmas < 5, $"{what}, {buckets.Length} buckets: chi-square {chiSquare:F0} is {sigmas:F1} standard deviations above its mean");
        }
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] packet = IPv4(ValueIPAddress.Parse("192.0.2.1"), ValueIPAddress.Parse("192.0.2.2"), 1000, 2000);
        byte[] frame = [.. HeaderAssert.Written(new EthernetHeader(MacA, MacB, EtherType.IPv4).TryWrite), .. packet];
        uint total = 0;
        Allocations.Zero(() => total |= FlowHash.Compute(frame, 0) | FlowHash.ToSourcePort(total));
        Assert.NotEqual(0u, total);
    }

    private static byte[] Ports(ushort source, ushort destination) => [(byte)(source >> 8), (byte)source, (byte)(destination >> 8), (byte)destination];

    private static byte[] IPv4(ValueIPAddress source, ValueIPAddress destination, ushort sourcePort, ushort destinationPort) =>
    [
        .. HeaderAssert.Written(new IPv4Header(source, destination, IPProtocol.Tcp) { PayloadLength = 20 }.TryWrite),
        .. Ports(sourcePort, destinationPort), .. new byte[16],
    ];

    private static byte[] IPv6(
        ValueIPAddress source, ValueIPAddress destination, ushort sourcePort, ushort destinationPort, IPProtocol protocol = IPProtocol.Tcp) =>
    [
        .. HeaderAssert.Written(new IPv6Header(source, destination, protocol) { PayloadLength = 20 }.TryWrite),
        .. Ports(sourcePort, destinationPort), .. new byte[16],
    ];

    /// <summary>The short way of the usual frame against the way of every frame.</summary>
    [Fact]
    public void The_short_way_hashes_as_the_long_one()
    {
        Random random = new(6438);
        byte[] protocols = [6, 17, 1, 33, 132, 136, 47];
        int usual = 0;
        for (int i = 0; i < 20_000; i++)
        {
            byte[] frame = new byte[random.Next(0, 80)];
            random.NextBytes(frame);
            if (frame.Length > 24 && random.Next(4) != 0)
            {
                (frame[12], frame[13], frame[14]) = (8, 0, (byte)(random.Next(5) == 0 ? 0x46 : 0x45));
                frame[20] = (byte)(random.Next(5) == 0 ? 0x20 : 0x40);
                frame[21] = (byte)(random.Next(5) == 0 ? 1 : 0);
                frame[23] = protocols[random.Next(protocols.Length)];
                usual++;
            }

            uint seed = (uint)random.Next();
            Assert.Equal(FlowHash.ComputeAny(frame, seed), FlowHash.Compute(frame, seed));
        }

        Assert.True(usual > 1_000);
    }
}
