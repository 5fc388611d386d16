using System.Buffers.Binary;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

public sealed class GrePacketTests
{
    // scapy 2.5: GRE(proto=0x800)/b"\xab\xcd"
    private static readonly byte[] Plain = Convert.FromHexString("00000800abcd");

    // scapy: GRE(chksum_present=1, key_present=1, seqnum_present=1, proto=0x86dd, key=0x01020304, sequence_number=0xa0b0c0d0)/b"\xab\xcd\xef"
    private static readonly byte[] Full = Convert.FromHexString("b00086ddc8cb000001020304a0b0c0d0abcdef");

    // scapy: GRE(key_present=1, proto=0x6558, key=0x12345678)/b"\x02\x00"
    private static readonly byte[] Keyed = Convert.FromHexString("20006558123456780200");

    // scapy: GRE(chksum_present=1, seqnum_present=1, proto=0x800, sequence_number=7)/b"\xab\xcd\xef"
    private static readonly byte[] Sequenced = Convert.FromHexString("90000800cd29000000000007abcdef");

    private static readonly GreHeader FullHeader =
        new(EtherType.IPv6) { Checksum = 0xC8CB, Key = 0x01020304, SequenceNumber = 0xA0B0C0D0 };

    [Fact]
    public void Packet_without_optional_fields_parses()
    {
        GrePacket packet = Parse(Plain);
        Assert.Equal((4, GreFlags.None, EtherType.IPv4), (packet.HeaderLength, packet.Flags, packet.ProtocolType));
        Assert.False(packet.HasChecksum || packet.HasKey || packet.HasSequenceNumber || packet.IsChecksumValid);
        Assert.Equal((0, 0, 0u, 0u), (packet.Checksum, packet.Reserved1, packet.Key, packet.SequenceNumber));
        Assert.Equal("ABCD", Convert.ToHexString(packet.Payload));
        Assert.Equal(new GreHeader(EtherType.IPv4), packet.ToHeader());
    }

    [Fact]
    public void Packet_with_all_optional_fields_parses()
    {
        GrePacket packet = Parse(Full);
        Assert.Equal((16, EtherType.IPv6), (packet.HeaderLength, packet.ProtocolType));
        Assert.Equal(GreFlags.Checksum | GreFlags.Key | GreFlags.SequenceNumber, packet.Flags);
        Assert.True(packet.HasChecksum && packet.HasKey && packet.HasSequenceNumber && packet.IsChecksumValid);
        Assert.Equal((0xC8CB, 0, 0x01020304u, 0xA0B0C0D0u), (packet.Checksum, packet.Reserved1, packet.Key, packet.SequenceNumber));
        Assert.Equal("ABCDEF", Convert.ToHexString(packet.Payload));
        Assert.Equal(FullHeader, packet.ToHeader());
    }

    [Fact]
    public void Each_optional_field_lies_behind_those_that_are_there()
    {
        Assert.Equal((8, 0x12345678u, false), (Parse(Keyed).HeaderLength, Parse(Keyed).Key, Parse(Keyed).HasSequenceNumber));
        Assert.Equal((12, 7u, false), (Parse(Sequenced).HeaderLength, Parse(Sequenced).SequenceNumber, Parse(Sequenced).HasKey));
        Assert.Equal((0xCD29, true), (Parse(Sequenced).Checksum, Parse(Sequenced).IsChecksumValid));
        for (int fields = 0; fields < 8; fields++)
        {
            GreHeader header = new(EtherType.Arp)
            {
                Checksum = (fields & 1) != 0 ? 0x1111 : null,
                Key = (fields & 2) != 0 ? 0x22222222 : null,
                SequenceNumber = (fields & 4) != 0 ? 0x33333333 : null,
            };
            byte[] expected =
            [
                (byte)(((fields & 1) << 7) | ((fields & 2) << 4) | ((fields & 4) << 2)), 0, 0x08, 0x06,
                .. (fields & 1) != 0 ? [0x11, 0x11, 0, 0] : Array.Empty<byte>(),
                .. (fields & 2) != 0 ? [0x22, 0x22, 0x22, 0x22] : Array.Empty<byte>(),
                .. (fields & 4) != 0 ? [0x33, 0x33, 0x33, 0x33] : Array.Empty<byte>(),
            ];
            Assert.Equal(expected.Length, header.Length);
            HeaderAssert.Writes(expected, header.TryWrite);
            HeaderAssert.RefusesEveryTruncation(expected, ParseAny);
            Assert.Equal(header, Parse(expected).ToHeader());
        }
    }

    [Fact]
    public void Headers_are_written()
    {
        HeaderAssert.Writes(Plain[..4], new GreHeader(EtherType.IPv4).TryWrite);
        HeaderAssert.Writes(Full[..16], FullHeader.TryWrite);
        HeaderAssert.Writes(Keyed[..8], new GreHeader(EtherType.TransparentEthernetBridging) { Key = 0x12345678 }.TryWrite);
        HeaderAssert.Writes(Sequenced[..12], new GreHeader(EtherType.IPv4) { Checksum = 0xCD29, SequenceNumber = 7 }.TryWrite);
        HeaderAssert.Writes(new byte[4], default(GreHeader).TryWrite);
    }

    [Fact]
    public void Largest_values_are_written() => HeaderAssert.Writes(
        Convert.FromHexString("B000FFFFFFFF0000FFFFFFFFFFFFFFFF"),
        new GreHeader((EtherType)0xFFFF) { Checksum = 0xFFFF, Key = uint.MaxValue, SequenceNumber = uint.MaxValue }.TryWrite);

    [Fact]
    public void Checksum_covers_header_and_payload()
    {
        for (int bit = 0; bit < Full.Length * 8; bit++)
        {
            byte[] changed = [.. Full];
            changed[bit / 8] ^= (byte)(0x80 >> (bit % 8));
            Assert.False(GrePacket.TryParse(changed, out GrePacket packet) && packet.IsChecksumValid, $"bit {bit}");
        }

        byte[] longer = [.. Full, 1];
        Assert.False(Parse(longer).IsChecksumValid);
        foreach (byte[] packet in new[] { Full, Sequenced })
        {
            byte[] without = [.. packet];
            without[4] = without[5] = 0;
            Assert.Equal(Parse(packet).Checksum, GrePacket.ComputeChecksum(without));
        }
    }

    [Fact]
    public void Checksum_zero_is_a_checksum()
    {
        // Unlike in UDP: that there is one says the C bit, not the value.
        byte[] packet = Convert.FromHexString("8000080000000000" + "77FF");
        Assert.Equal(0, GrePacket.ComputeChecksum(packet));
        Assert.True(Parse(packet).HasChecksum && Parse(packet).IsChecksumValid);
        Assert.Equal(new GreHeader(EtherType.IPv4) { Checksum = 0 }, Parse(packet).ToHeader());
    }

    [Fact]
    public void First_two_bytes_decide_what_is_taken()
    {
        byte[] packet = new byte[24];
        for (int word = 0; word <= 0xFFFF; word++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(packet, (ushort)word);
            WireError expected = (word & 7) != 0 ? WireError.Version
                : (word & 0b0100_1100_0000_0000) != 0 ? WireError.Flags
                : WireError.None;
            Assert.Equal(expected == WireError.None, GrePacket.TryParse(packet, out GrePacket view, out WireError error));
            Assert.Equal(expected, error);
            if (error == WireError.None)
            {
                int fields = ((word >> 15) & 1) + ((word >> 13) & 1) + ((word >> 12) & 1);
                Assert.Equal((4 + (4 * fields), 24), (view.HeaderLength, view.HeaderLength + view.Payload.Length));
                Assert.Equal((word & 0xB000, (word >> 3) & 0x7F), ((int)view.Flags, view.Reserved0));
            }
        }
    }

    [Fact]
    public void Truncated_packets_are_refused()
    {
        HeaderAssert.RefusesEveryTruncation(Plain[..4], ParseAny);
        HeaderAssert.RefusesEveryTruncation(Full[..16], ParseAny);
        HeaderAssert.RefusesEveryTruncation(Keyed[..8], ParseAny);
        HeaderAssert.RefusesEveryTruncation(Sequenced[..12], ParseAny);
    }

    [Fact]
    public void Every_bit_belongs_to_its_field()
    {
        // The C, K and S bits move the fields behind them, bits 1, 4 and 5 and the version decide whether it parses: they have their own tests.
        Field[] fields =
        [
            new("protocol type", 16, 16, b => (UInt128)(ushort)Parse(b).ProtocolType),
            new("checksum", 32, 16, b => Parse(b).Checksum),
            new("key", 64, 32, b => Parse(b).Key),
            new("sequence number", 96, 32, b => Parse(b).SequenceNumber),
        ];
        HeaderAssert.EveryBit(Full, [.. fields, new("reserved 0", 6, 7, b => Parse(b).Reserved0), new("reserved 1", 48, 16, b => Parse(b).Reserved1)]);
        HeaderAssert.EveryBit(Full, fields, bytes => [.. HeaderAssert.Written(Parse(bytes).ToHeader().TryWrite), .. Full[16..]]);
        HeaderAssert.EveryBit(
            Keyed,
            [
                new("protocol type", 16, 16, b => (UInt128)(ushort)Parse(b).ProtocolType),
                new("key", 32, 32, b => Parse(b).Key),
            ],
            bytes => [.. HeaderAssert.Written(Parse(bytes).ToHeader().TryWrite), .. Keyed[8..]]);
    }

    [Fact]
    public void Random_headers_round_trip() => HeaderAssert.RoundTrips(
        random => new GreHeader((EtherType)random.Next(65536))
        {
            Checksum = random.Next(2) == 0 ? null : (ushort)random.Next(65536),
            Key = random.Next(2) == 0 ? null : (uint)random.NextInt64(1L << 32),
            SequenceNumber = random.Next(2) == 0 ? null : (uint)random.NextInt64(1L << 32),
        },
        header => HeaderAssert.Written(header.TryWrite),
        bytes => Parse(bytes).ToHeader());

    [Fact]
    public void No_bytes_make_it_throw() => HeaderAssert.NeverThrows(Full, bytes =>
    {
        if (!GrePacket.TryParse(bytes, out GrePacket packet))
        {
            return false;
        }

        Assert.Equal(bytes[packet.HeaderLength..], packet.Payload.ToArray());
        _ = packet.IsChecksumValid;
        _ = packet.SequenceNumber + packet.Key + packet.Checksum;
        byte[] written = HeaderAssert.Written(packet.ToHeader().TryWrite);
        Assert.Equal(packet.HeaderLength, written.Length);
        if (packet.Reserved0 == 0 && packet.Reserved1 == 0)
        {
            Assert.Equal(bytes[..packet.HeaderLength], written);
        }

        return true;
    });

    [Fact]
    public void Memory_that_changes_under_a_view_moves_no_field()
    {
        byte[] bytes = [.. Keyed];
        GrePacket packet = Parse(bytes);
        BinaryPrimitives.WriteUInt16BigEndian(bytes, 0xB000);
        Assert.Equal((8, GreFlags.Key, 0x12345678u), (packet.HeaderLength, packet.Flags, packet.Key));
        Assert.Equal((0, 0u, 0), (packet.Checksum, packet.SequenceNumber, packet.Reserved1));
        bytes = [.. Full];
        packet = Parse(bytes);
        BinaryPrimitives.WriteUInt16BigEndian(bytes, 0);
        Assert.Equal(FullHeader, packet.ToHeader());
    }

    [Fact]
    public void PacketDotNet_reads_the_same()
    {
        PacketDotNet.GrePacket other = new(new PacketDotNet.Utils.ByteArraySegment([.. HeaderAssert.Written(FullHeader.TryWrite), .. new byte[40]]), null);
        // Not compared: its Checksum is read from the protocol type, and it has neither key nor sequence number.
        Assert.Equal(PacketDotNet.EthernetType.IPv6, other.Protocol);
        Assert.True(other.HasCheckSum && other.HasKey && other.HasSequence);
    }

    // What each capture has says the corpus's INDEX.md; that these checksums are right says tshark.
    [Theory]
    [InlineData("zeek/gre-sample.pcap", 40, GreFlags.None, EtherType.IPv4)]
    [InlineData("packetnet/gre_all_options.pcap", 10, GreFlags.Checksum | GreFlags.Key | GreFlags.SequenceNumber, EtherType.IPv4)]
    [InlineData("packetnet/gre_ipv6.pcap", 1, GreFlags.None, EtherType.IPv6)]
    [InlineData("packetnet/gre_nvgre.pcap", 1, GreFlags.Key, EtherType.TransparentEthernetBridging)]
    public void Captures_decode(string file, int packets, GreFlags flags, EtherType type)
    {
        List<byte[]> found = [.. WireCorpus.Payloads(file, IPProtocol.Gre)];
        Assert.Equal(packets, found.Count);
        foreach (byte[] bytes in found)
        {
            GrePacket packet = Parse(bytes);
            Assert.Equal((flags, type, 0, 0), (packet.Flags, packet.ProtocolType, packet.Reserved0, packet.Reserved1));
            Assert.Equal(packet.HasChecksum, packet.IsChecksumValid);
            Assert.True(type switch
            {
                EtherType.IPv4 => IPv4Packet.TryParse(packet.Payload, out IPv4Packet ip) && ip.IsChecksumValid,
                EtherType.IPv6 => IPv6Packet.TryParse(packet.Payload, out IPv6Packet ip) && ip.NextHeader == IPProtocol.Udp,
                _ => EthernetFrame.TryParse(packet.Payload, out EthernetFrame frame) && frame.EtherType == EtherType.IPv4,
            });
            Assert.Equal(bytes[..packet.HeaderLength], HeaderAssert.Written(packet.ToHeader().TryWrite));
        }
    }

    // tshark -T fields -e gre.key -e gre.sequence_number: request and reply of each number.
    [Fact]
    public void Keys_and_sequence_numbers_of_a_capture_are_what_they_are()
    {
        List<byte[]> found = [.. WireCorpus.Payloads("packetnet/gre_all_options.pcap", IPProtocol.Gre)];
        Assert.All(found, bytes => Assert.Equal(0x0001D97Cu, Parse(bytes).Key));
        Assert.Equal([5, 5, 6, 6, 7, 7, 8, 8, 9, 9], found.Select(bytes => Parse(bytes).SequenceNumber));
    }

    // Frames 5 and 6 of the corpus's own numbering are GRE with IPv4 and with an Ethernet frame; frame 21 has GRE version 1, PPTP, behind IPv6.
    [Fact]
    public void Vectors_of_gopacket_decode()
    {
        List<byte[]> found = [.. WireCorpus.Payloads("gopacket/gopacket-vectors.pcap", IPProtocol.Gre)];
        Assert.Equal([EtherType.IPv4, EtherType.TransparentEthernetBridging], found.Select(bytes => Parse(bytes).ProtocolType));
        Assert.True(IPv4Packet.TryParse(Parse(found[0]).Payload, out IPv4Packet ip) && ip.Protocol == IPProtocol.Icmp);
        Assert.True(EthernetFrame.TryParse(Parse(found[1]).Payload, out EthernetFrame frame) && frame.EtherType == EtherType.IPv4);
    }

    [Fact]
    public void Inner_protocols_of_the_sample_are_what_they_are()
    {
        Dictionary<IPProtocol, int> counts = [];
        foreach (byte[] bytes in WireCorpus.Payloads("zeek/gre-sample.pcap", IPProtocol.Gre))
        {
            Assert.True(IPv4Packet.TryParse(Parse(bytes).Payload, out IPv4Packet ip));
            counts[ip.Protocol] = counts.GetValueOrDefault(ip.Protocol) + 1;
        }

        Assert.Equal((22, 10, 8, 3), (counts[IPProtocol.Tcp], counts[IPProtocol.Icmp], counts[IPProtocol.Udp], counts.Count));
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] memory = new byte[16];
        Allocations.Zero(() =>
        {
            if (GrePacket.TryParse(Full, out GrePacket packet) && packet.IsChecksumValid)
            {
                packet.ToHeader().TryWrite(memory, out _);
            }
        });
        Assert.Equal(Full[..16], memory);
    }

    private static bool ParseAny(ReadOnlySpan<byte> source, out WireError error) => GrePacket.TryParse(source, out _, out error);

    private static GrePacket Parse(ReadOnlySpan<byte> bytes)
    {
        Assert.True(GrePacket.TryParse(bytes, out GrePacket packet));
        return packet;
    }
}
