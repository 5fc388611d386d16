using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

public sealed class GenevePacketTests
{
    // scapy 2.5: GENEVE(vni=0x123456, proto=0x6558, oam=1, critical=1, options=[GeneveOptions(classid=0x0102, type=0x80, data=1122334455667788),
    // GeneveOptions(classid=0xffff, type=3), GeneveOptions(classid=0xabcd, type=0x7f, data=99aabbcc)]) and two bytes behind.
    private static readonly byte[] Golden = Convert.FromHexString("06C0655812345600010280021122334455667788FFFF0300ABCD7F0199AABBCC0200");

    private static readonly GeneveHeader GoldenHeader = new(new Vni(0x123456)) { IsControl = true };

    // scapy 2.5: GENEVE(vni=0x123456, proto=0x0800) and two bytes behind.
    private static readonly byte[] Plain = Convert.FromHexString("00000800123456004500");

    private static readonly GeneveHeader PlainHeader = new(new Vni(0x123456), EtherType.IPv4);

    [Fact]
    public void Packet_parses()
    {
        GenevePacket packet = Parse(Golden);
        Assert.Equal((0, 32, true, true, true), (packet.Version, packet.HeaderLength, packet.IsControl, packet.AnnouncesCriticalOption, packet.HasCriticalOption));
        Assert.Equal((EtherType.TransparentEthernetBridging, 0x123456u), (packet.ProtocolType, packet.Vni.Value));
        Assert.Equal(0x06C0_6558_1234_5600UL, packet.RawHeader);
        Assert.Equal("0200", Convert.ToHexString(packet.Payload));
        Assert.Equal(GoldenHeader, packet.ToHeader());
        Assert.Equal(["0102/80+C/1122334455667788", "FFFF/03/", "ABCD/7F/99AABBCC"], Options(packet));

        packet = Parse(Plain);
        Assert.Equal((0, 8, false, false, false), (packet.Version, packet.HeaderLength, packet.IsControl, packet.AnnouncesCriticalOption, packet.HasCriticalOption));
        Assert.Equal((EtherType.IPv4, 0x123456u), (packet.ProtocolType, packet.Vni.Value));
        Assert.Equal("4500", Convert.ToHexString(packet.Payload));
        Assert.Equal(PlainHeader, packet.ToHeader());
        Assert.Empty(Options(packet));
    }

    [Fact]
    public void An_option_is_found_by_class_and_type()
    {
        GenevePacket packet = Parse(Golden);
        Assert.True(packet.TryGetOption(0xABCD, 0x7F, out GeneveOption option));
        Assert.Equal("99AABBCC", Convert.ToHexString(option.Data));
        Assert.False(packet.TryGetOption(0xABCD, 0xFF, out _));
        Assert.False(packet.TryGetOption(0xABCE, 0x7F, out _));
        Assert.False(Parse(Plain).TryGetOption(0, 0, out _));
    }

    [Fact]
    public void Headers_are_written()
    {
        HeaderAssert.Writes(Plain[..8], PlainHeader.TryWrite);
        HeaderAssert.Writes(Golden[..32], (Span<byte> d, out int n) => GoldenHeader.TryWrite(d, Golden.AsSpan(8, 24), out n));
    }

    [Fact]
    public void Options_may_lie_in_the_destination_already()
    {
        for (int at = 0; at < 16; at++)
        {
            byte[] memory = new byte[48];
            Golden.AsSpan(8, 24).CopyTo(memory.AsSpan(at));
            Assert.True(GoldenHeader.TryWrite(memory, memory.AsSpan(at, 24), out int written));
            Assert.Equal(Golden[..32], memory[..written]);
        }
    }

    [Fact]
    public void C_bit_follows_from_the_options()
    {
        for (int type = 0; type < 256; type++)
        {
            byte[] options = [0, 1, 2, 0, 0, 1, (byte)type, 0];
            byte[] header = HeaderAssert.Written((Span<byte> d, out int n) => PlainHeader.TryWrite(d, options, out n));
            Assert.Equal(type >= 128 ? 0x40 : 0, header[1]);
            GenevePacket packet = Parse(header);
            Assert.Equal((type >= 128, type >= 128), (packet.AnnouncesCriticalOption, packet.HasCriticalOption));

            // What the sender says and what its options are is told apart.
            header[1] ^= 0x40;
            packet = Parse(header);
            Assert.Equal((type < 128, type >= 128), (packet.AnnouncesCriticalOption, packet.HasCriticalOption));
        }
    }

    [Fact]
    public void Headers_that_make_no_sense_are_refused()
    {
        byte[] memory = new byte[512];
        Assert.Throws<InvalidOperationException>(() => default(GeneveHeader).TryWrite(memory, out _));
        Assert.Throws<InvalidOperationException>(() => new GeneveHeader().TryWrite(memory, out _));
        Assert.Throws<InvalidOperationException>(() => new GeneveHeader(default, (EtherType)0x05FF).TryWrite(memory, out _));
        Assert.Throws<ArgumentException>(() => PlainHeader.TryWrite(memory, new byte[256], out _));
        for (int length = 1; length < 4; length++)
        {
            Assert.Throws<ArgumentException>(() => PlainHeader.TryWrite(memory, new byte[length], out _));
        }

        Assert.Throws<ArgumentException>(() => PlainHeader.TryWrite(memory, new byte[] { 0, 0, 0, 1 }, out _));
        Assert.Equal(new byte[512], memory);
        Assert.True(new GeneveHeader(default, (EtherType)0x0600).TryWrite(memory, out _));
    }

    [Fact]
    public void Truncated_packets_are_refused()
    {
        HeaderAssert.RefusesEveryTruncation(Golden[..32], Parse);
        HeaderAssert.RefusesEveryTruncation(Plain[..8], Parse);
    }

    [Fact]
    public void Unknown_versions_are_refused()
    {
        for (int version = 1; version < 4; version++)
        {
            byte[] changed = [.. Golden];
            changed[0] |= (byte)(version << 6);
            HeaderAssert.Refuses(WireError.Version, changed, Parse);
        }
    }

    [Fact]
    public void Option_lengths_must_add_up_to_the_length_of_the_options()
    {
        // One option of every length in an area of every length; a second one fills what the first leaves, or has one word too many.
        byte[] packet = new byte[8 + 252 + 200];
        Plain.AsSpan(0, 8).CopyTo(packet);
        for (int words = 0; words < 64; words++)
        {
            packet[0] = (byte)words;
            for (int first = 0; first < 32; first++)
            {
                packet.AsSpan(8).Clear();
                packet[11] = (byte)(0xE0 | first);
                int rest = words - 1 - first;
                if (rest is > 0 and <= 32)
                {
                    packet[8 + (4 * (1 + first)) + 3] = (byte)(rest - 1);
                }

                // Zeros are options without data: what lies behind both is walked word by word.
                bool good = words == 0 || rest >= 0;
                Assert.Equal(good, Parse(packet, out WireError error));
                Assert.Equal(good ? WireError.None : WireError.HeaderLength, error);

                if (rest is > 0 and < 32)
                {
                    packet[8 + (4 * (1 + first)) + 3] = (byte)rest;
                    HeaderAssert.Refuses(WireError.HeaderLength, packet, Parse);
                }
            }
        }
    }

    [Fact]
    public void Every_bit_belongs_to_its_field()
    {
        // Not in the table: version and Opt Len, which decide whether it parses, and have their own tests.
        Field[] written =
        [
            new("O", 8, 1, b => Parse(b).IsControl ? 1u : 0),
            new("protocol type", 16, 16, b => (ushort)Parse(b).ProtocolType),
            new("VNI", 32, 24, b => Parse(b).Vni.Value),
        ];
        HeaderAssert.EveryBit(
            Golden,
            [
                .. written,
                new("C", 9, 1, b => Parse(b).AnnouncesCriticalOption ? 1u : 0),
                new("reserved 6", 10, 6, b => (UInt128)((Parse(b).RawHeader >> 48) & 0x3F)),
                new("reserved 8", 56, 8, b => (UInt128)(Parse(b).RawHeader & 0xFF)),
                new("option class", 64, 16, b => First(b).Class),
                new("critical and type", 80, 8, b => First(b).Type),
                new("option data", 96, 64, b => System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(First(b).Data)),
                new("second class", 160, 16, b => Second(b).Class),
                new("second type", 176, 8, b => Second(b).Type),
            ]);
        // EtherTypes begin at 0x0600: from 0x8658 on every single bit leads to another one.
        byte[] high = [.. Golden];
        high[2] = 0x86;
        HeaderAssert.EveryBit(high, written, Rewrite);
        // Reserved bits of an option are ignored: not its own, and not the length's.
        for (int bit = 0; bit < 3; bit++)
        {
            byte[] changed = [.. Golden];
            changed[11] |= (byte)(0x80 >> bit);
            Assert.Equal(Options(Parse(Golden)), Options(Parse(changed)));
        }

        static byte[] Rewrite(byte[] bytes)
        {
            GenevePacket packet = Parse(bytes);
            byte[] options = packet.OptionBytes.ToArray();
            GeneveHeader header = packet.ToHeader();
            return [.. HeaderAssert.Written((Span<byte> d, out int n) => header.TryWrite(d, options, out n)), .. bytes[packet.HeaderLength..]];
        }
    }

    [Fact]
    public void Every_bit_of_the_length_of_an_option_counts_words()
    {
        for (int words = 0; words < 32; words++)
        {
            byte[] packet = [(byte)(words + 1), .. Plain[1..8], 0, 0, 0, (byte)words, .. new byte[words * 4]];
            Assert.Equal(words * 4, First(packet).Data.Length);
            Assert.Equal(12 + (words * 4), Parse(packet).HeaderLength);
        }
    }

    [Fact]
    public void Largest_header_is_written_and_read()
    {
        // 252 bytes: one option with the most data, and one that fills what is left.
        byte[] options = new byte[252];
        options.AsSpan().Fill(0xFF);
        options[3] = 31;
        options[128 + 3] = 30;
        GeneveHeader header = new(new Vni(Vni.MaxValue), (EtherType)0xFFFF) { IsControl = true };
        byte[] expected = [.. Convert.FromHexString("3FC0FFFFFFFFFF00"), .. options];
        HeaderAssert.Writes(expected, (Span<byte> d, out int n) => header.TryWrite(d, options, out n));
        GenevePacket packet = Parse(expected);
        Assert.Equal((GenevePacket.MaximumHeaderLength, 260), (packet.HeaderLength, packet.HeaderLength));
        Assert.Equal(header, packet.ToHeader());
        Assert.Equal((GeneveOption.MaximumDataLength, 120), (First(expected).Data.Length, Second(expected).Data.Length));
        Assert.True(packet.Payload.IsEmpty);
    }

    [Fact]
    public void Random_headers_and_options_round_trip() => HeaderAssert.RoundTrips(
        random =>
        {
            List<(ushort Class, byte Type, string Data)> options = [];
            for (int left = random.Next(200); left > 0;)
            {
                byte[] data = new byte[4 * random.Next(Math.Min(left / 4, 31) + 1)];
                random.NextBytes(data);
                options.Add(((ushort)random.Next(65536), (byte)random.Next(256), Convert.ToHexString(data)));
                left -= 4 + data.Length;
            }

            return new Described(
                new GeneveHeader(new Vni((uint)random.Next(1 << 24)), (EtherType)random.Next(0x0600, 65536)) { IsControl = random.Next(2) == 1 },
                options.Exists(option => option.Type >= 128),
                string.Join(' ', options.Select(option => Text(option.Class, option.Type, option.Type >= 128, Convert.FromHexString(option.Data)))));
        },
        described => HeaderAssert.Written((Span<byte> d, out int n) =>
        {
            GeneveOptionsBuilder builder = new(new byte[300]);
            foreach (string option in described.Options.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                string[] parts = option.Split('/');
                Assert.True(builder.TryAdd(Convert.ToUInt16(parts[0], 16), Convert.ToByte(parts[1][..2], 16), Convert.FromHexString(parts[2])));
            }

            Assert.Equal(described.IsCritical, builder.HasCriticalOption);
            return described.Header.TryWrite(d, builder.Written, out n);
        }),
        bytes =>
        {
            GenevePacket packet = Parse(bytes);
            Assert.Equal(packet.HasCriticalOption, packet.AnnouncesCriticalOption);
            return new Described(packet.ToHeader(), packet.HasCriticalOption, string.Join(' ', Options(packet)));
        });

    [Fact]
    public void No_bytes_make_it_throw() => HeaderAssert.NeverThrows(Golden, bytes =>
    {
        if (!GenevePacket.TryParse(bytes, out GenevePacket packet))
        {
            return false;
        }

        Assert.Equal(bytes.Length, packet.HeaderLength + packet.Payload.Length);
        int length = 0;
        foreach (GeneveOption option in packet.Options)
        {
            length += 4 + option.Data.Length;
        }

        Assert.Equal(packet.OptionBytes.Length, length);
        return (ushort)packet.ProtocolType < 0x0600 || packet.ToHeader().TryWrite(new byte[260], packet.OptionBytes, out _);
    });

    [Fact]
    public void Memory_that_changes_under_the_view_makes_nothing_throw()
    {
        Random random = new(11);
        byte[] bytes = new byte[Golden.Length];
        int shortened = 0;
        for (int i = 0; i < 20_000; i++)
        {
            Golden.CopyTo(bytes, 0);
            GenevePacket packet = Parse(bytes);
            random.NextBytes(bytes);
            Assert.Equal((32, 24, 2), (packet.HeaderLength, packet.OptionBytes.Length, packet.Payload.Length));
            _ = (packet.Version, packet.IsControl, packet.AnnouncesCriticalOption, packet.ProtocolType, packet.Vni, packet.RawHeader, packet.ToHeader());
            int length = 0;
            foreach (GeneveOption option in packet.Options)
            {
                length += 4 + option.Data.Length;
            }

            shortened += length < 24 ? 1 : 0;
            Assert.InRange(length, 0, 24);
        }

        Assert.InRange(shortened, 1, 20_000);
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] memory = new byte[32];
        int options = 0;
        Allocations.Zero(() =>
        {
            if (GenevePacket.TryParse(Golden, out GenevePacket packet))
            {
                GeneveOptionsBuilder builder = new(stackalloc byte[GenevePacket.MaximumOptionsLength]);
                foreach (GeneveOption option in packet.Options)
                {
                    builder.TryAdd(option.Class, option.Type, option.Data);
                    options++;
                }

                packet.ToHeader().TryWrite(memory, builder.Written, out _);
            }
        });
        Assert.Equal(Golden[..32], memory);
        Assert.Equal(0, options % 3);
        Assert.NotEqual(0, options);
    }

    // What the captures hold stands in the corpus's INDEX.md and in tcpdump's own expected outputs.
    [Theory]
    [InlineData("tcpdump/geneve.pcap", 10, 19, EtherType.TransparentEthernetBridging, "0000/80+C/0000000C")]
    [InlineData("tcpdump/geneve.pcap", 11, 20, EtherType.TransparentEthernetBridging, "")]
    [InlineData(
        "tcpdump/geneve-gcp.pcap", 0, 1, EtherType.IPv4,
        "0132/01/800000D1 0132/02/0800000DC0A864020000000000000000 0132/03/0000000000001234")]
    [InlineData("tcpdump/gso-ipv4-geneve-ipv4.pcap", 5001, 1, EtherType.TransparentEthernetBridging, "")]
    [InlineData("tcpdump/gso-ipv4-geneve-ipv6.pcap", 5001, 1, EtherType.TransparentEthernetBridging, "")]
    [InlineData("tcpdump/gso-ipv6-geneve-ipv4.pcap", 5001, 1, EtherType.TransparentEthernetBridging, "")]
    [InlineData("tcpdump/gso-ipv6-geneve-ipv6.pcap", 5001, 1, EtherType.TransparentEthernetBridging, "")]
    [InlineData("gopacket/gopacket-vectors.pcap", 10, 1, EtherType.TransparentEthernetBridging, "")]
    [InlineData("gopacket/gopacket-vectors.pcap", 10, 1, EtherType.TransparentEthernetBridging, "0000/80+C/0000000C")]
    public void Captures_are_read_as_documented(string file, int vni, int count, EtherType type, string options)
    {
        List<byte[]> all = CapturedTunnels.Payloads(file, GenevePacket.DefaultPort);
        List<byte[]> packets = all.FindAll(bytes => Parse(bytes).Vni.Value == (uint)vni);
        Assert.Equal(count, packets.Count(bytes => string.Join(' ', Options(Parse(bytes))) == options));
        foreach (byte[] bytes in packets)
        {
            GenevePacket packet = Parse(bytes);
            Assert.Equal((type, packet.AnnouncesCriticalOption, false), (packet.ProtocolType, packet.HasCriticalOption, packet.IsControl));
            CapturedTunnels.AssertInner(packet.Payload, type);
        }
    }

    [Fact]
    public void Captured_vector_of_VNI_0_is_read_behind_its_cooked_header()
    {
        // It came with a Linux "cooked" header of 16 bytes, which the capture's link type does not say.
        ReadOnlySpan<byte> cooked = Corpus.Packets("gopacket/gopacket-vectors.pcap")[1].Data.Span;
        Assert.True(IPv4Packet.TryParse(cooked[16..], out IPv4Packet ip));
        Assert.True(UdpPacket.TryParse(ip.Payload, out UdpPacket udp));
        Assert.Equal(GenevePacket.DefaultPort, udp.DestinationPort);
        GenevePacket packet = Parse(udp.Payload);
        Assert.Equal((8, 0u, EtherType.TransparentEthernetBridging), (packet.HeaderLength, packet.Vni.Value, packet.ProtocolType));
        CapturedTunnels.AssertInner(packet.Payload, packet.ProtocolType);
    }

    private static GeneveOption First(ReadOnlySpan<byte> bytes) => At(bytes, 0);

    private static GeneveOption Second(ReadOnlySpan<byte> bytes) => At(bytes, 1);

    private static GeneveOption At(ReadOnlySpan<byte> bytes, int index)
    {
        GeneveOptionEnumerator options = Parse(bytes).Options;
        for (int i = 0; i <= index; i++)
        {
            Assert.True(options.MoveNext());
        }

        return options.Current;
    }

    private static List<string> Options(GenevePacket packet)
    {
        List<string> texts = [];
        foreach (GeneveOption option in packet.Options)
        {
            texts.Add(Text(option.Class, option.Type, option.IsCritical, option.Data));
        }

        return texts;
    }

    private static string Text(ushort optionClass, byte type, bool isCritical, ReadOnlySpan<byte> data) =>
        $"{optionClass:X4}/{type:X2}{(isCritical ? "+C" : "")}/{Convert.ToHexString(data)}";

    private static bool Parse(ReadOnlySpan<byte> source, out WireError error) => GenevePacket.TryParse(source, out _, out error);

    private static GenevePacket Parse(ReadOnlySpan<byte> bytes)
    {
        Assert.True(GenevePacket.TryParse(bytes, out GenevePacket packet, out WireError error), error.ToString());
        return packet;
    }

    private sealed record Described(GeneveHeader Header, bool IsCritical, string Options);
}
