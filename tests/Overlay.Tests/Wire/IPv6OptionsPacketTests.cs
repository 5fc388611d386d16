using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

public sealed class IPv6OptionsPacketTests
{
    // scapy 2.5: IPv6ExtHdrDestOpt(nh=41, options=[HBHOptUnknown(otype=4, optdata=b"\x04")])/b"\xab\xcd"; scapy pads as Linux's ip6_tunnel does
    private static readonly byte[] Limit = Convert.FromHexString("2900040104010100abcd");

    // scapy: IPv6ExtHdrDestOpt(nh=59, options=[HBHOptUnknown(otype=0x1e, optdata=b"\xaa\xbb\xcc"), Pad1(), HBHOptUnknown(otype=4, optdata=b"\x07"),
    //                                          HBHOptUnknown(otype=0xe2, optdata=b"")])
    private static readonly byte[] Many = Convert.FromHexString("3b011e03aabbcc00040107e200010100");

    // scapy, between 2001:db8::1 and 2001:db8::2: IPv6(hlim=64)/IPv6ExtHdrHopByHop(options=[RouterAlert(value=0)])/
    // IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=4, optdata=b"\x07")])/IPv6ExtHdrFragment(nh=59, offset=0, m=0, id=1)
    private static readonly byte[] Packet = Convert.FromHexString(
        "600000000018004020010db800000000000000000000000120010db8000000000000000000000002" +
        "3c000502000001002c000401070101003b00000000000001");

    // scapy: IPv6(hlim=64)/IPv6ExtHdrFragment(offset=0, m=0, id=1)/IPv6ExtHdrDestOpt(nh=59, options=[HBHOptUnknown(otype=4, optdata=b"\x00")])
    private static readonly byte[] Atomic = Convert.FromHexString(
        "6000000000102c4020010db800000000000000000000000120010db8000000000000000000000002" +
        "3c000000000000013b00040100010100");

    private static readonly EncapsulationLimitHeader LimitHeader = new(IPProtocol.IPv6, 4);

    [Fact]
    public void Encapsulation_limit_parses()
    {
        IPv6OptionsPacket packet = Parse(Limit);
        Assert.Equal((8, IPProtocol.IPv6), (packet.HeaderLength, packet.NextHeader));
        Assert.Equal("ABCD", Convert.ToHexString(packet.Payload));
        Assert.True(packet.TryGetEncapsulationLimit(out byte limit, out int offset));
        Assert.Equal((4, 4), (limit, offset));
        Assert.Equal(["04@2 Skip 04"], Describe(Limit));
    }

    [Fact]
    public void Options_come_one_after_the_other_without_padding()
    {
        Assert.Equal((16, IPProtocol.NoNextHeader), (Parse(Many).HeaderLength, Parse(Many).NextHeader));
        Assert.Equal(["1E@2 Skip AABBCC", "04@8 Skip 07", "E2@11 DiscardAndReportUnicast changes "], Describe(Many));
        Assert.True(Parse(Many).TryGetEncapsulationLimit(out byte limit, out int offset));
        Assert.Equal((7, 10), (limit, offset));
        Assert.Equal(Many[offset], limit);
    }

    [Fact]
    public void Highest_bits_of_a_type_say_what_becomes_of_it()
    {
        for (int type = 2; type < 256; type++)
        {
            byte[] bytes = [59, 0, (byte)type, 1, 0, 1, 1, 0];
            IPv6OptionEnumerator options = Parse(bytes).Options;
            Assert.True(options.MoveNext());
            Assert.Equal((type, type >> 6, (type & 0x20) != 0), ((int)options.Current.Type, (int)options.Current.Action, options.Current.MayChange));
            Assert.False(options.MoveNext());
        }
    }

    [Fact]
    public void Limit_header_is_written()
    {
        HeaderAssert.Writes(Limit[..8], LimitHeader.TryWrite);
        HeaderAssert.Writes(Convert.FromHexString("FF000401FF010100"), new EncapsulationLimitHeader((IPProtocol)255, 255).TryWrite);
        HeaderAssert.Writes(Convert.FromHexString("0000040100010100"), default(EncapsulationLimitHeader).TryWrite);
    }

    [Fact]
    public void Truncated_headers_are_refused()
    {
        HeaderAssert.RefusesEveryTruncation(Limit[..8], ParseAny);
        HeaderAssert.RefusesEveryTruncation(Many, ParseAny);
        HeaderAssert.RefusesEveryTruncation([59, 255, .. new byte[2046]], ParseAny);
    }

    [Theory]
    [InlineData("3B00040501010100", WireError.HeaderLength)] // data reach one byte too far
    [InlineData("3B000404070101FF", WireError.None)]
    [InlineData("3B000101000401FF", WireError.None)]
    [InlineData("3B00010200000004", WireError.HeaderLength)] // type without a length
    [InlineData("3B00010200000001", WireError.HeaderLength)]
    [InlineData("3B00010105000000", WireError.None)]
    [InlineData("3B00010500000000", WireError.HeaderLength)] // so does padding
    [InlineData("3B00FFFF00000000", WireError.HeaderLength)]
    [InlineData("3B00000000000000", WireError.None)] // Pad1 only
    public void Options_must_lie_within_the_header(string hex, WireError expected)
    {
        // What follows the header does not save an option that reaches beyond it.
        byte[] bytes = [.. Convert.FromHexString(hex), .. new byte[512]];
        Assert.Equal(expected == WireError.None, ParseAny(bytes, out WireError error));
        Assert.Equal(expected, error);
    }

    [Theory]
    [InlineData("3B00040207010100")] // two bytes of data: none, as in Linux
    [InlineData("3B00040001020000")] // no data
    [InlineData("3B00010400040107")] // inside of padding
    [InlineData("3B000B0400040107")] // inside of another option
    public void What_only_looks_like_a_limit_is_none(string hex)
    {
        byte[] bytes = Convert.FromHexString(hex);
        Assert.False(Parse(bytes).TryGetEncapsulationLimit(out byte limit, out int offset));
        Assert.Equal((0, 0), (limit, offset));
    }

    [Fact]
    public void First_limit_counts()
    {
        Assert.True(Parse(Convert.FromHexString("3B00040107040109")).TryGetEncapsulationLimit(out byte limit, out int offset));
        Assert.Equal((7, 4), (limit, offset));
        Assert.True(Parse(Convert.FromHexString("3B00040004010900")).TryGetEncapsulationLimit(out limit, out offset));
        Assert.Equal((9, 6), (limit, offset));
    }

    [Fact]
    public void Limit_of_a_packet_is_found_behind_other_headers()
    {
        Assert.True(IPv6Packet.TryParse(Packet, out IPv6Packet packet));
        Assert.True(packet.TryGetEncapsulationLimit(out byte limit, out int offset));
        Assert.Equal((7, 52), (limit, offset));
        Assert.Equal(Packet[offset], limit);

        Assert.True(IPv6Packet.TryParse(Atomic, out packet));
        Assert.True(packet.TryGetEncapsulationLimit(out limit, out offset));
        Assert.Equal((0, 52), (limit, offset));

        Assert.True(IPv6Packet.TryParseTruncated(Packet.AsSpan(0, 57), out packet));
        Assert.True(packet.TryGetEncapsulationLimit(out limit, out offset));
        Assert.Equal((7, 52), (limit, offset));
    }

    [Fact]
    public void Limit_of_a_packet_is_not_found_where_there_is_none()
    {
        // Cut inside of the header, with the payload length to match.
        for (int length = 40; length < 56; length++)
        {
            byte[] cut = Packet[..length];
            cut[5] = (byte)(length - 40);
            NoLimit(cut);
        }

        NoLimit([.. Packet[..6], 59, .. Packet[7..]]); // the headers are payload of something else
        NoLimit([.. Packet[..6], 60, .. Packet[7..40], 0, .. Packet[41..]]); // hop-by-hop options that are not the first
        NoLimit([.. Packet[..50], 0x0B, .. Packet[51..]]); // another option
        NoLimit([.. Packet[..51], 9, .. Packet[52..]]); // malformed options
        foreach ((byte high, byte low) in new[] { ((byte)0, (byte)1), ((byte)0, (byte)8), ((byte)1, (byte)0) })
        {
            NoLimit([.. Atomic[..42], high, low, .. Atomic[44..]]); // a fragment
        }

        byte[] chain = [.. Packet[..4], 0, 72, 60, 64, .. Packet[8..40]];
        for (int i = 0; i < IPv6Packet.MaximumExtensionHeaders; i++)
        {
            chain = [.. chain, 60, 0, 1, 4, 0, 0, 0, 0];
        }

        NoLimit([.. chain, 59, 0, 4, 1, 7, 1, 1, 0]); // one header too many
        byte[] shorter = [.. chain[..^8], 59, 0, 4, 1, 7, 1, 1, 0];
        shorter[5] = 64;
        Assert.True(IPv6Packet.TryParse(shorter, out IPv6Packet packet));
        Assert.True(packet.TryGetEncapsulationLimit(out byte limit, out int offset));
        Assert.Equal((7, 40 + 56 + 4), (limit, offset));

        static void NoLimit(byte[] bytes)
        {
            Assert.True(IPv6Packet.TryParse(bytes, out IPv6Packet packet));
            Assert.False(packet.TryGetEncapsulationLimit(out byte limit, out int offset), Convert.ToHexString(bytes));
            Assert.Equal((0, 0), (limit, offset));
        }
    }

    [Fact]
    public void Every_bit_belongs_to_its_field() => HeaderAssert.EveryBit(
        Limit,
        [
            // Not in the table: the length and the option's type and length, which decide what is found.
            new("next header", 0, 8, b => (UInt128)(byte)Parse(b).NextHeader),
            new("limit", 32, 8, b => Parse(b).TryGetEncapsulationLimit(out byte limit, out _) ? limit : throw new InvalidOperationException("none")),
        ],
        bytes => [.. HeaderAssert.Written(ToHeader(bytes).TryWrite), .. Limit[8..]]);

    [Fact]
    public void Random_headers_round_trip() => HeaderAssert.RoundTrips(
        random => new EncapsulationLimitHeader((IPProtocol)random.Next(256), (byte)random.Next(256)),
        header => HeaderAssert.Written(header.TryWrite),
        bytes => ToHeader(bytes));

    [Fact]
    public void Random_options_come_out_as_they_went_in()
    {
        Random random = new(42);
        for (int i = 0; i < 10_000; i++)
        {
            List<byte> bytes = [59, 0];
            List<string> expected = [];
            for (int count = random.Next(6); count > 0; count--)
            {
                byte type = (byte)random.Next(random.Next(2) == 0 ? 256 : 3);
                byte[] data = new byte[random.Next(9)];
                random.NextBytes(data);
                if (type > 1)
                {
                    expected.Add(Describe((IPv6OptionType)type, bytes.Count, data));
                }

                bytes.AddRange(type == 0 ? [0] : [type, (byte)data.Length, .. data]);
            }

            while (bytes.Count % 8 != 0)
            {
                bytes.Add(0);
            }

            bytes[1] = (byte)((bytes.Count / 8) - 1);
            Assert.Equal(expected, Describe([.. bytes, 1, 2, 3]));
        }
    }

    [Fact]
    public void No_bytes_make_it_throw() => HeaderAssert.NeverThrows(Many, bytes =>
    {
        if (!IPv6OptionsPacket.TryParse(bytes, out IPv6OptionsPacket packet))
        {
            return false;
        }

        Assert.Equal(bytes[packet.HeaderLength..], packet.Payload.ToArray());
        _ = packet.TryGetEncapsulationLimit(out _, out _);
        Assert.InRange(Describe(bytes).Length, 0, packet.HeaderLength / 2);
        return true;
    });

    [Fact]
    public void No_packet_makes_the_search_throw() => HeaderAssert.NeverThrows(Packet, bytes =>
    {
        bool found = IPv6Packet.TryParseTruncated(bytes, out IPv6Packet packet) && packet.TryGetEncapsulationLimit(out byte limit, out int offset) &&
            bytes[offset] == limit;
        return found;
    });

    [Fact]
    public void Memory_that_changes_under_a_view_ends_the_enumeration()
    {
        byte[] bytes = [.. Many];
        IPv6OptionsPacket packet = Parse(bytes);
        bytes[1] = 255;
        bytes[9] = 255;
        Assert.Equal(16, packet.HeaderLength);
        IPv6OptionEnumerator options = packet.Options;
        Assert.True(options.MoveNext());
        Assert.False(options.MoveNext());
        Assert.False(options.MoveNext());
        Assert.False(packet.TryGetEncapsulationLimit(out _, out _));
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] memory = new byte[8];
        Allocations.Zero(() =>
        {
            if (IPv6OptionsPacket.TryParse(Limit, out IPv6OptionsPacket packet) && packet.TryGetEncapsulationLimit(out byte limit, out _) &&
                IPv6Packet.TryParse(Packet, out IPv6Packet outer) && outer.TryGetEncapsulationLimit(out _, out _))
            {
                new EncapsulationLimitHeader(packet.NextHeader, limit).TryWrite(memory, out _);
            }
        });
        Assert.Equal(Limit[..8], memory);
    }

    private static EncapsulationLimitHeader ToHeader(byte[] bytes)
    {
        Assert.True(Parse(bytes).TryGetEncapsulationLimit(out byte limit, out int offset));
        Assert.Equal(4, offset);
        return new EncapsulationLimitHeader(Parse(bytes).NextHeader, limit);
    }

    private static string[] Describe(byte[] bytes)
    {
        List<string> found = [];
        foreach (IPv6Option option in Parse(bytes).Options)
        {
            found.Add(Describe(option.Type, option.Offset, option.Data));
        }

        return [.. found];
    }

    private static string Describe(IPv6OptionType type, int offset, ReadOnlySpan<byte> data) =>
        $"{(byte)type:X2}@{offset} {(IPv6OptionAction)((byte)type >> 6)} {(((byte)type & 0x20) != 0 ? "changes " : "")}{Convert.ToHexString(data)}";

    private static bool ParseAny(ReadOnlySpan<byte> source, out WireError error) => IPv6OptionsPacket.TryParse(source, out _, out error);

    private static IPv6OptionsPacket Parse(ReadOnlySpan<byte> bytes)
    {
        Assert.True(IPv6OptionsPacket.TryParse(bytes, out IPv6OptionsPacket packet));
        return packet;
    }
}
