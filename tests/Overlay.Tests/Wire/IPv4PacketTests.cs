using System.Buffers.Binary;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

public sealed class IPv4PacketTests
{
    // scapy 2.5: IP(src="192.0.2.1", dst="198.51.100.7", tos=0xb9, id=0x1234, flags=2, ttl=63, proto=17)/b"abcdefgh"
    private static readonly byte[] Plain = Convert.FromHexString("45b9001c123440003f113ca8c0000201c63364076162636465666768");

    // scapy: IP(…, tos=2, id=0xbeef, flags=1, frag=185, ttl=1, proto=6, options=[Router Alert, NOP, NOP, NOP, EOL])/b"12345678"
    private static readonly byte[] WithOptions = Convert.FromHexString("47020024beef20b9010655e8c0000201c633640794040000010101003132333435363738");

    private static readonly ValueIPAddress Source = ValueIPAddress.Parse("192.0.2.1");
    private static readonly ValueIPAddress Destination = ValueIPAddress.Parse("198.51.100.7");

    private static readonly IPv4Header PlainHeader = new(Source, Destination, IPProtocol.Udp)
    {
        PayloadLength = 8,
        TrafficClass = 0xB9,
        Identification = 0x1234,
        Flags = IPv4Flags.DontFragment,
        TimeToLive = 63,
    };

    private static readonly IPv4Header OptionsHeader = new(Source, Destination, IPProtocol.Tcp)
    {
        PayloadLength = 8,
        TrafficClass = 2,
        Identification = 0xBEEF,
        Flags = IPv4Flags.MoreFragments,
        FragmentOffset = 1480,
        TimeToLive = 1,
    };

    [Fact]
    public void Packet_parses()
    {
        byte[] padded = [.. Plain, .. new byte[18]];
        Assert.True(IPv4Packet.TryParse(padded, out IPv4Packet packet));
        Assert.Equal(20, packet.HeaderLength);
        Assert.Equal(28, packet.TotalLength);
        Assert.Equal(0xB9, packet.TrafficClass);
        Assert.Equal(Ecn.Ect1, packet.Ecn);
        Assert.Equal(0x1234, packet.Identification);
        Assert.True(packet.DontFragment);
        Assert.False(packet.MoreFragments);
        Assert.False(packet.IsFragment);
        Assert.Equal(0, packet.FragmentOffset);
        Assert.Equal(63, packet.TimeToLive);
        Assert.Equal(IPProtocol.Udp, packet.Protocol);
        Assert.Equal(0x3CA8, packet.Checksum);
        Assert.True(packet.IsChecksumValid);
        Assert.Equal(Source, packet.Source);
        Assert.Equal(Destination, packet.Destination);
        Assert.True(packet.Options.IsEmpty);
        Assert.Equal("abcdefgh"u8.ToArray(), packet.Payload.ToArray());
        Assert.Equal(Plain, packet.Bytes.ToArray());
        Assert.False(packet.IsTruncated);
        Assert.Equal(PlainHeader, packet.ToHeader());
    }

    [Fact]
    public void Fragment_with_options_parses()
    {
        Assert.True(IPv4Packet.TryParse(WithOptions, out IPv4Packet packet));
        Assert.Equal(28, packet.HeaderLength);
        Assert.True(packet.IsChecksumValid);
        Assert.True(packet.MoreFragments);
        Assert.True(packet.IsFragment);
        Assert.Equal(1480, packet.FragmentOffset);
        Assert.Equal("9404000001010100", Convert.ToHexString(packet.Options));
        Assert.Equal("12345678"u8.ToArray(), packet.Payload.ToArray());
        Assert.Equal(OptionsHeader, packet.ToHeader());
    }

    [Fact]
    public void Headers_are_written()
    {
        HeaderAssert.Writes(Plain[..20], PlainHeader.TryWrite);
        HeaderAssert.Writes(WithOptions[..28], (Span<byte> d, out int n) => OptionsHeader.TryWrite(d, WithOptions.AsSpan(20, 8), out n));
    }

    [Fact]
    public void Longest_packet_and_header_are_written_and_read()
    {
        byte[] bytes = new byte[65535];
        Assert.True((PlainHeader with { PayloadLength = 65475 }).TryWrite(bytes, new byte[40], out int written));
        Assert.Equal(60, written);
        Assert.True(IPv4Packet.TryParse(bytes, out IPv4Packet packet));
        Assert.Equal((60, 65535, 65475, 40), (packet.HeaderLength, packet.TotalLength, packet.Payload.Length, packet.Options.Length));
        Assert.True(packet.IsChecksumValid);
        Assert.False(IPv4Packet.TryParse(bytes.AsSpan(1), out packet));
        Assert.False(IPv4Packet.TryParse(bytes.AsSpan(0, 65534), out packet));
    }

    [Fact]
    public void Headers_that_make_no_sense_are_refused()
    {
        byte[] memory = new byte[128];
        Assert.Throws<InvalidOperationException>(() => default(IPv4Header).TryWrite(memory, out _));
        Assert.Throws<InvalidOperationException>(() => (PlainHeader with { Destination = ValueIPAddress.Parse("2001:db8::1") }).TryWrite(memory, out _));
        Assert.Throws<InvalidOperationException>(() => (PlainHeader with { PayloadLength = 65516 }).TryWrite(memory, out _));
        Assert.Throws<ArgumentException>(() => PlainHeader.TryWrite(memory, new byte[3], out _));
        Assert.Throws<ArgumentException>(() => PlainHeader.TryWrite(memory, new byte[44], out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => PlainHeader with { FragmentOffset = 4 });
        Assert.Throws<ArgumentOutOfRangeException>(() => PlainHeader with { FragmentOffset = 65536 });
        Assert.Throws<ArgumentOutOfRangeException>(() => PlainHeader with { FragmentOffset = -8 });
        Assert.Throws<ArgumentOutOfRangeException>(() => PlainHeader with { Flags = (IPv4Flags)8 });
        Assert.Equal(-1, memory.AsSpan().IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void Truncated_packets_are_refused()
    {
        HeaderAssert.RefusesEveryTruncation(Plain, Parse);
        HeaderAssert.RefusesEveryTruncation(WithOptions, Parse);
    }

    [Fact]
    public void Other_versions_are_refused()
    {
        for (int version = 0; version < 16; version++)
        {
            byte[] changed = [.. Plain];
            changed[0] = (byte)((version << 4) | 5);
            if (version != 4)
            {
                HeaderAssert.Refuses(WireError.Version, changed, Parse);
            }
        }
    }

    [Fact]
    public void Header_and_total_length_must_fit_each_other()
    {
        for (int words = 0; words < 16; words++)
        {
            byte[] changed = [.. Plain];
            changed[0] = (byte)(0x40 | words);
            if (words < 5)
            {
                HeaderAssert.Refuses(WireError.HeaderLength, changed, Parse);
            }
            else
            {
                // 28 bytes hold a header of 5, 6 or 7 words.
                Assert.Equal(words <= 7, Parse(changed, out WireError error));
                Assert.Equal(words <= 7 ? WireError.None : WireError.TotalLength, error);
            }
        }

        for (int total = 0; total <= ushort.MaxValue; total++)
        {
            byte[] changed = [.. WithOptions];
            BinaryPrimitives.WriteUInt16BigEndian(changed.AsSpan(2), (ushort)total);
            WireError expected = total < 28 ? WireError.TotalLength : total > changed.Length ? WireError.Truncated : WireError.None;
            Assert.Equal(expected == WireError.None, Parse(changed, out WireError error));
            Assert.Equal(expected, error);
        }
    }

    [Fact]
    public void Payload_ends_at_the_total_length()
    {
        byte[] padded = [.. Plain, 1, 2, 3];
        padded[3] = 27;
        Assert.True(IPv4Packet.TryParse(padded, out IPv4Packet packet));
        Assert.Equal("abcdefg"u8.ToArray(), packet.Payload.ToArray());
        Assert.False(packet.IsChecksumValid);
    }

    [Fact]
    public void Quoted_packet_may_end_early_but_not_in_its_header()
    {
        for (int length = 0; length <= WithOptions.Length; length++)
        {
            byte[] quote = WithOptions[..length];
            Assert.Equal(length >= 28, IPv4Packet.TryParseTruncated(quote, out IPv4Packet packet));
            if (length >= 28)
            {
                Assert.Equal(length - 28, packet.Payload.Length);
                Assert.Equal(length < 36, packet.IsTruncated);
                Assert.Equal(36, packet.TotalLength);
                Assert.Equal(OptionsHeader, packet.ToHeader());
            }
        }

        byte[] padded = [.. Plain, 1, 2, 3];
        Assert.True(IPv4Packet.TryParseTruncated(padded, out IPv4Packet cut));
        Assert.Equal(8, cut.Payload.Length);
        foreach ((int offset, byte value) in new (int, byte)[] { (0, 0x65), (0, 0x44), (3, 19) })
        {
            byte[] changed = [.. Plain];
            changed[offset] = value;
            Assert.False(IPv4Packet.TryParseTruncated(changed, out _));
        }
    }

    [Fact]
    public void Memory_that_changes_under_a_view_does_not_move_its_bounds()
    {
        byte[] bytes = [.. Plain];
        Assert.True(IPv4Packet.TryParse(bytes, out IPv4Packet packet));
        bytes.AsSpan(0, 20).Fill(0xFF);
        Assert.Equal((20, 28, 8, 0), (packet.HeaderLength, packet.Bytes.Length, packet.Payload.Length, packet.Options.Length));
        bytes.AsSpan(0, 20).Clear();
        Assert.Equal(0, packet.ToHeader().PayloadLength);
    }

    [Fact]
    public void Every_bit_belongs_to_its_field()
    {
        // Not in the table: version, IHL and total length, which decide whether it parses; they have their own tests.
        Field[] fields =
        [
            new("DSCP", 8, 6, b => (UInt128)(View(b).TrafficClass >> 2)),
            new("ECN", 14, 2, b => (UInt128)(int)View(b).Ecn),
            new("identification", 32, 16, b => View(b).Identification),
            new("reserved", 48, 1, b => (View(b).Flags & IPv4Flags.Reserved) != 0 ? 1u : 0),
            new("DF", 49, 1, b => View(b).DontFragment ? 1u : 0),
            new("MF", 50, 1, b => View(b).MoreFragments ? 1u : 0),
            new("fragment offset", 51, 13, b => (UInt128)(View(b).FragmentOffset / 8)),
            new("time to live", 64, 8, b => View(b).TimeToLive),
            new("protocol", 72, 8, b => (UInt128)(int)View(b).Protocol),
            new("source", 96, 32, b => View(b).Source.ToNumber()),
            new("destination", 128, 32, b => View(b).Destination.ToNumber()),
        ];
        HeaderAssert.EveryBit(Plain, fields, bytes =>
        {
            // The checksum is the writer's: it is right where the flipped bit has made the old one wrong.
            byte[] written = HeaderAssert.Written(View(bytes).ToHeader().TryWrite);
            byte[] packet = [.. written, .. bytes[20..]];
            Assert.True(View(packet).IsChecksumValid);
            Assert.False(View(bytes).IsChecksumValid);
            bytes.AsSpan(10, 2).CopyTo(packet.AsSpan(10));
            return packet;
        });
        HeaderAssert.EveryBit(Plain, [new("checksum", 80, 16, b => View(b).Checksum)]);
    }

    [Fact]
    public void Random_headers_round_trip() => HeaderAssert.RoundTrips(
        random => new IPv4Header(random.NextIPv4(), random.NextIPv4(), (IPProtocol)random.Next(256))
        {
            PayloadLength = (ushort)random.Next(65476),
            TrafficClass = (byte)random.Next(256),
            Identification = (ushort)random.Next(65536),
            Flags = (IPv4Flags)random.Next(8),
            FragmentOffset = random.Next(8192) * 8,
            TimeToLive = (byte)random.Next(256),
        },
        header => HeaderAssert.Written((Span<byte> d, out int n) => header.TryWrite(d, new byte[header.TimeToLive % 11 * 4], out n)),
        bytes =>
        {
            Assert.True(IPv4Packet.TryParseTruncated(bytes, out IPv4Packet packet));
            Assert.True(packet.IsChecksumValid);
            return packet.ToHeader();
        });

    [Fact]
    public void No_bytes_make_it_throw() => HeaderAssert.NeverThrows(WithOptions, bytes =>
    {
        bool taken = IPv4Packet.TryParse(bytes, out IPv4Packet packet);
        bool takenTruncated = IPv4Packet.TryParseTruncated(bytes, out IPv4Packet quote);
        Assert.True(takenTruncated || !taken);
        if (taken)
        {
            Assert.Equal(packet.TotalLength, packet.HeaderLength + packet.Payload.Length);
            Assert.Equal(packet.HeaderLength, 20 + packet.Options.Length);
            Assert.Equal(packet.IsFragment, packet.MoreFragments || packet.FragmentOffset != 0);
            Assert.Equal(packet.ToHeader(), quote.ToHeader());
            _ = packet.IsChecksumValid;
        }

        return taken;
    });

    [Fact]
    public void PacketDotNet_reads_the_same_and_finds_the_checksum_right()
    {
        Random random = new(2);
        for (int i = 0; i < 1000; i++)
        {
            IPv4Header header = new(random.NextIPv4(), random.NextIPv4(), (IPProtocol)253)
            {
                PayloadLength = 4,
                TrafficClass = (byte)random.Next(256),
                Identification = (ushort)random.Next(65536),
                Flags = (IPv4Flags)random.Next(4),
                FragmentOffset = random.Next(8192) * 8,
                TimeToLive = (byte)random.Next(256),
            };
            byte[] bytes = [.. HeaderAssert.Written(header.TryWrite), 1, 2, 3, 4];
            PacketDotNet.IPv4Packet other = new(new PacketDotNet.Utils.ByteArraySegment(bytes));
            Assert.Equal(header.Source.ToIPAddress(), other.SourceAddress);
            Assert.Equal(header.Destination.ToIPAddress(), other.DestinationAddress);
            Assert.Equal(253, (int)other.Protocol);
            Assert.Equal(24, other.TotalLength);
            Assert.Equal(header.TrafficClass, other.TypeOfService);
            Assert.Equal(header.Identification, other.Id);
            Assert.Equal((int)header.Flags, (int)other.FragmentFlags);
            Assert.Equal(header.FragmentOffset / 8, other.FragmentOffset);
            Assert.Equal(header.TimeToLive, other.TimeToLive);
            Assert.True(other.ValidIPChecksum);
        }
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] memory = new byte[28];
        Allocations.Zero(() =>
        {
            if (IPv4Packet.TryParse(WithOptions, out IPv4Packet packet) && packet.IsChecksumValid)
            {
                packet.ToHeader().TryWrite(memory, packet.Options, out _);
            }
        });
        Assert.Equal(WithOptions[..28], memory);
    }

    private static bool Parse(ReadOnlySpan<byte> source, out WireError error) => IPv4Packet.TryParse(source, out _, out error);

    private static IPv4Packet View(ReadOnlySpan<byte> bytes)
    {
        Assert.True(IPv4Packet.TryParse(bytes, out IPv4Packet packet));
        return packet;
    }
}
