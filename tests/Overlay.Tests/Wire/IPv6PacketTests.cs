using System.Buffers.Binary;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

public sealed class IPv6PacketTests
{
    // scapy 2.5: IPv6(src="2001:db8::1", dst="2001:db8:1:2:3:4:5:6", tc=0xb9, fl=0x54321, nh=17, hlim=63)/b"abcdefgh"
    private static readonly byte[] Plain = Convert.FromHexString(
        "6b9543210008113f20010db800000000000000000000000120010db80001000200030004000500066162636465666768");

    // scapy: IPv6/HopByHop(RouterAlert)/DestOpt(PadN 12)/Routing(1 address)/Fragment(0, m=0, id=0xdeadbeef)/AH(icv 12)/DestOpt/UDP(1234, 53)/"dns!"
    private static readonly byte[] Chain = Convert.FromHexString(
        "600000000064004020010db800000000000000000000000120010db8000000000000000000000002" +
        "3c00050200000100" +
        "2b01010c000000000000000000000000" +
        "2c0200010000000020010db8000000000000000000000003" +
        "33000000deadbeef" +
        "3c0400000000000100000002010101010101010101010101" +
        "1100010400000000" +
        "04d20035000cc7c9" +
        "646e7321");

    // scapy: IPv6/Fragment(offset=181, m=1, id=0xdeadbeef, nh=17)/b"12345678"
    private static readonly byte[] LaterFragment = Convert.FromHexString(
        "6000000000102c4020010db800000000000000000000000120010db8000000000000000000000002110005a9deadbeef3132333435363738");

    private static readonly IPv6Header PlainHeader = new(
        ValueIPAddress.Parse("2001:db8::1"), ValueIPAddress.Parse("2001:db8:1:2:3:4:5:6"), IPProtocol.Udp)
    {
        PayloadLength = 8,
        TrafficClass = 0xB9,
        FlowLabel = 0x54321,
        HopLimit = 63,
    };

    [Fact]
    public void Packet_parses()
    {
        byte[] padded = [.. Plain, 1, 2, 3];
        Assert.True(IPv6Packet.TryParse(padded, out IPv6Packet packet));
        Assert.Equal(0xB9, packet.TrafficClass);
        Assert.Equal(Ecn.Ect1, packet.Ecn);
        Assert.Equal(0x54321u, packet.FlowLabel);
        Assert.Equal(8, packet.PayloadLength);
        Assert.Equal(IPProtocol.Udp, packet.NextHeader);
        Assert.Equal(63, packet.HopLimit);
        Assert.Equal(PlainHeader.Source, packet.Source);
        Assert.Equal(PlainHeader.Destination, packet.Destination);
        Assert.Equal("abcdefgh"u8.ToArray(), packet.Payload.ToArray());
        Assert.Equal(Plain, packet.Bytes.ToArray());
        Assert.False(packet.IsTruncated);
        Assert.Equal(PlainHeader, packet.ToHeader());
        Assert.True(packet.TryGetTransport(out IPProtocol protocol, out ReadOnlySpan<byte> transport, out IPv6Fragment fragment));
        Assert.Equal(IPProtocol.Udp, protocol);
        Assert.True(transport == packet.Payload);
        Assert.Equal(default, fragment);
    }

    [Fact]
    public void Header_is_written() => HeaderAssert.Writes(Plain[..40], PlainHeader.TryWrite);

    [Fact]
    public void Longest_packet_is_read()
    {
        byte[] bytes = new byte[40 + 65535];
        Assert.True((PlainHeader with { PayloadLength = 65535, FlowLabel = 0xF_FFFF, TrafficClass = 255, HopLimit = 255 }).TryWrite(bytes, out _));
        IPv6Packet packet = View(bytes);
        Assert.Equal((65535, 65535), (packet.PayloadLength, packet.Payload.Length));
        Assert.Equal((0xF_FFFFu, 255, 255), (packet.FlowLabel, packet.TrafficClass, packet.HopLimit));
        HeaderAssert.Refuses(WireError.Truncated, bytes[..^1], Parse);
    }

    [Fact]
    public void Headers_that_make_no_sense_are_refused()
    {
        byte[] memory = new byte[64];
        Assert.Throws<InvalidOperationException>(() => (PlainHeader with { Source = ValueIPAddress.Parse("192.0.2.1") }).TryWrite(memory, out _));
        Assert.Throws<InvalidOperationException>(() => (PlainHeader with { Destination = ValueIPAddress.Parse("192.0.2.1") }).TryWrite(memory, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => PlainHeader with { FlowLabel = 0x10_0000 });
        Assert.Equal(-1, memory.AsSpan().IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void Default_header_is_unspecified_to_unspecified_with_hop_limit_zero()
    {
        // The initial hop limit of 64 is the constructor's, which default does not run.
        IPv6Packet packet = View(HeaderAssert.Written(default(IPv6Header).TryWrite));
        Assert.True(packet.Source.IsUnspecified);
        Assert.Equal(0, packet.HopLimit);
    }

    [Fact]
    public void Truncated_packets_are_refused()
    {
        HeaderAssert.RefusesEveryTruncation(Plain, Parse);
        HeaderAssert.RefusesEveryTruncation(Chain, Parse);
    }

    [Fact]
    public void Other_versions_are_refused()
    {
        for (int version = 0; version < 16; version++)
        {
            byte[] changed = [.. Plain];
            changed[0] = (byte)((version << 4) | (changed[0] & 0xF));
            if (version != 6)
            {
                HeaderAssert.Refuses(WireError.Version, changed, Parse);
                Assert.False(IPv6Packet.TryParseTruncated(changed, out _));
            }
        }
    }

    [Fact]
    public void Payload_length_must_fit_the_bytes()
    {
        for (int payload = 0; payload <= ushort.MaxValue; payload++)
        {
            byte[] changed = [.. Plain];
            BinaryPrimitives.WriteUInt16BigEndian(changed.AsSpan(4), (ushort)payload);
            Assert.Equal(payload <= 8, Parse(changed, out WireError error));
            Assert.Equal(payload <= 8 ? WireError.None : WireError.Truncated, error);
            if (payload <= 8)
            {
                Assert.Equal(payload, View(changed).Payload.Length);
            }
        }
    }

    [Fact]
    public void Quoted_packet_may_end_early_but_not_in_its_header()
    {
        for (int length = 0; length <= Plain.Length; length++)
        {
            byte[] quote = Plain[..length];
            Assert.Equal(length >= 40, IPv6Packet.TryParseTruncated(quote, out IPv6Packet packet));
            if (length >= 40)
            {
                Assert.Equal(length - 40, packet.Payload.Length);
                Assert.Equal(length < 48, packet.IsTruncated);
                Assert.Equal(PlainHeader, packet.ToHeader());
            }
        }

        byte[] padded = [.. Plain, 1, 2, 3];
        Assert.True(IPv6Packet.TryParseTruncated(padded, out IPv6Packet cut));
        Assert.Equal(8, cut.Payload.Length);
    }

    [Fact]
    public void All_extension_headers_are_walked()
    {
        Assert.True(View(Chain).TryGetTransport(out IPProtocol protocol, out ReadOnlySpan<byte> transport, out IPv6Fragment fragment));
        Assert.Equal(IPProtocol.Udp, protocol);
        Assert.Equal("04D20035000CC7C9646E7321", Convert.ToHexString(transport));
        Assert.Equal(new IPv6Fragment(true, 0, false, 0xDEADBEEF), fragment);
        Assert.True(fragment.IsAtomic);
        Assert.False(fragment.IsNonFirst);
    }

    [Fact]
    public void Chain_that_is_cut_has_no_transport()
    {
        // Behind the last extension header there is a transport, though an empty one.
        const int ChainLength = 128;
        for (int length = 40; length <= Chain.Length; length++)
        {
            Assert.True(IPv6Packet.TryParseTruncated(Chain.AsSpan(0, length), out IPv6Packet packet));
            Assert.Equal(length >= ChainLength, packet.TryGetTransport(out _, out _));
        }
    }

    [Fact]
    public void Later_fragment_has_no_transport()
    {
        Assert.False(View(LaterFragment).TryGetTransport(out IPProtocol protocol, out ReadOnlySpan<byte> bytes, out IPv6Fragment fragment));
        Assert.Equal(new IPv6Fragment(true, 1448, true, 0xDEADBEEF), fragment);
        Assert.True(fragment.IsNonFirst);
        Assert.False(fragment.IsAtomic);
        Assert.Equal(IPProtocol.Udp, protocol);
        Assert.Equal("12345678"u8.ToArray(), bytes.ToArray());

        byte[] first = [.. LaterFragment];
        BinaryPrimitives.WriteUInt16BigEndian(first.AsSpan(42), 1);
        Assert.True(View(first).TryGetTransport(out _, out bytes, out fragment));
        Assert.Equal(new IPv6Fragment(true, 0, true, 0xDEADBEEF), fragment);
        Assert.False(fragment.IsAtomic);
        Assert.Equal(8, bytes.Length);
    }

    [Fact]
    public void Walk_is_bounded_and_ordered()
    {
        static byte[] Packet(params IPProtocol[] headers)
        {
            byte[] body = [.. headers.Skip(1).SelectMany(next => new byte[] { (byte)next, 0, 0, 0, 0, 0, 0, 0 })];
            return [.. HeaderAssert.Written((PlainHeader with { NextHeader = headers[0], PayloadLength = (ushort)body.Length }).TryWrite), .. body];
        }

        static bool Walks(params IPProtocol[] headers) =>
            View(Packet(headers)).TryGetTransport(out IPProtocol protocol, out _) && protocol == headers[^1];

        const IPProtocol Options = IPProtocol.DestinationOptions;
        Assert.True(Walks([.. Enumerable.Repeat(Options, IPv6Packet.MaximumExtensionHeaders), IPProtocol.Tcp]));
        Assert.False(Walks([.. Enumerable.Repeat(Options, IPv6Packet.MaximumExtensionHeaders + 1), IPProtocol.Tcp]));
        Assert.False(Walks([.. Enumerable.Repeat(Options, 100), IPProtocol.Tcp]));
        Assert.True(Walks(IPProtocol.HopByHopOptions, IPProtocol.Tcp));
        Assert.False(Walks(Options, IPProtocol.HopByHopOptions, IPProtocol.Tcp));
        Assert.False(Walks(IPProtocol.FragmentHeader, IPProtocol.FragmentHeader, IPProtocol.Tcp));
        foreach (IPProtocol last in new[] { IPProtocol.Esp, IPProtocol.NoNextHeader, IPProtocol.IcmpV6, IPProtocol.IPv6, (IPProtocol)253 })
        {
            Assert.True(Walks(last));
            Assert.True(Walks(IPProtocol.RoutingHeader, last));
        }
    }

    [Fact]
    public void Every_bit_belongs_to_its_field()
    {
        // Not in the table: version and payload length, which decide whether it parses; they have their own tests.
        Field[] fields =
        [
            new("DSCP", 4, 6, b => (UInt128)(View(b).TrafficClass >> 2)),
            new("ECN", 10, 2, b => (UInt128)(int)View(b).Ecn),
            new("flow label", 12, 20, b => View(b).FlowLabel),
            new("next header", 48, 8, b => (UInt128)(int)View(b).NextHeader),
            new("hop limit", 56, 8, b => View(b).HopLimit),
            new("source", 64, 128, b => View(b).Source.ToNumber()),
            new("destination", 192, 128, b => View(b).Destination.ToNumber()),
        ];
        HeaderAssert.EveryBit(Plain, fields, bytes => [.. HeaderAssert.Written(View(bytes).ToHeader().TryWrite), .. bytes[40..]]);

        static IPv6Fragment Fragment(ReadOnlySpan<byte> bytes)
        {
            View(bytes).TryGetTransport(out _, out _, out IPv6Fragment fragment);
            return fragment;
        }

        HeaderAssert.EveryBit(LaterFragment, [
            new("fragment offset", 336, 13, b => (UInt128)(Fragment(b).Offset / 8)),
            new("M", 351, 1, b => Fragment(b).MoreFragments ? 1u : 0),
            new("identification", 352, 32, b => Fragment(b).Identification),
        ]);
    }

    [Fact]
    public void Random_headers_round_trip() => HeaderAssert.RoundTrips(
        random => new IPv6Header(random.NextIPv6(), random.NextIPv6(), (IPProtocol)random.Next(256))
        {
            PayloadLength = (ushort)random.Next(65536),
            TrafficClass = (byte)random.Next(256),
            FlowLabel = (uint)random.Next(1 << 20),
            HopLimit = (byte)random.Next(256),
        },
        header => HeaderAssert.Written(header.TryWrite),
        bytes =>
        {
            Assert.True(IPv6Packet.TryParseTruncated(bytes, out IPv6Packet packet));
            return packet.ToHeader();
        });

    [Fact]
    public void No_bytes_make_it_throw() => HeaderAssert.NeverThrows(Chain, bytes =>
    {
        bool taken = IPv6Packet.TryParse(bytes, out IPv6Packet packet);
        if (IPv6Packet.TryParseTruncated(bytes, out IPv6Packet quote))
        {
            quote.TryGetTransport(out _, out ReadOnlySpan<byte> transport);
            Assert.True(quote.Payload.Length >= transport.Length);
            Assert.Equal(bytes.Length < 40 + quote.PayloadLength, quote.IsTruncated);
        }

        if (taken)
        {
            Assert.Equal(packet.PayloadLength, packet.Payload.Length);
            Assert.Equal(packet.ToHeader(), quote.ToHeader());
        }

        return taken;
    });

    [Fact]
    public void PacketDotNet_reads_the_same()
    {
        Random random = new(3);
        for (int i = 0; i < 1000; i++)
        {
            IPv6Header header = new(random.NextIPv6(), random.NextIPv6(), (IPProtocol)253)
            {
                PayloadLength = 4,
                TrafficClass = (byte)random.Next(256),
                FlowLabel = (uint)random.Next(1 << 20),
                HopLimit = (byte)random.Next(256),
            };
            byte[] bytes = [.. HeaderAssert.Written(header.TryWrite), 1, 2, 3, 4];
            PacketDotNet.IPv6Packet other = new(new PacketDotNet.Utils.ByteArraySegment(bytes));
            Assert.Equal(header.Source.ToIPAddress(), other.SourceAddress);
            Assert.Equal(header.Destination.ToIPAddress(), other.DestinationAddress);
            Assert.Equal(header.TrafficClass, other.TrafficClass);
            Assert.Equal(header.FlowLabel, (uint)other.FlowLabel);
            Assert.Equal(header.HopLimit, other.HopLimit);
            Assert.Equal(253, (int)other.NextHeader);
            Assert.Equal(4, other.PayloadLength);
        }
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] memory = new byte[40];
        Allocations.Zero(() =>
        {
            if (IPv6Packet.TryParse(Chain, out IPv6Packet packet) && packet.TryGetTransport(out _, out _, out _))
            {
                packet.ToHeader().TryWrite(memory, out _);
            }
        });
        Assert.Equal(Chain[..40], memory);
    }

    private static bool Parse(ReadOnlySpan<byte> source, out WireError error) => IPv6Packet.TryParse(source, out _, out error);

    private static IPv6Packet View(ReadOnlySpan<byte> bytes)
    {
        Assert.True(IPv6Packet.TryParse(bytes, out IPv6Packet packet));
        return packet;
    }
}
