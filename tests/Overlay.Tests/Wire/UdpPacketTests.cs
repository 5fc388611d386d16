using System.Buffers.Binary;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

public sealed class UdpPacketTests
{
    // scapy 2.5: IP(src="192.0.2.1", dst="192.0.2.2")/UDP(sport=50000, dport=4789)/b"\xde\xad\xbe\xef\x01", from UDP on
    private static readonly byte[] Golden = Convert.FromHexString("c35012b5000d072ddeadbeef01");

    // The same between 2001:db8::1 and 2001:db8::2.
    private static readonly byte[] GoldenIPv6 = Convert.FromHexString("c35012b5000d2fbcdeadbeef01");

    private static readonly UdpHeader GoldenHeader = new(50000, 4789, 13, 0x072D);

    private static readonly ValueIPAddress Source = ValueIPAddress.Parse("192.0.2.1");
    private static readonly ValueIPAddress Destination = ValueIPAddress.Parse("192.0.2.2");
    private static readonly ValueIPAddress SourceIPv6 = ValueIPAddress.Parse("2001:db8::1");
    private static readonly ValueIPAddress DestinationIPv6 = ValueIPAddress.Parse("2001:db8::2");

    [Fact]
    public void Datagram_parses_and_its_payload_ends_at_the_length()
    {
        byte[] padded = [.. Golden, 9, 9, 9];
        Assert.True(UdpPacket.TryParse(padded, out UdpPacket packet));
        Assert.Equal((50000, 4789, 13, 0x072D), (packet.SourcePort, packet.DestinationPort, packet.Length, packet.Checksum));
        Assert.True(packet.HasChecksum);
        Assert.Equal("DEADBEEF01", Convert.ToHexString(packet.Payload));
        Assert.Equal(GoldenHeader, packet.ToHeader());
    }

    [Fact]
    public void Header_is_written() => HeaderAssert.Writes(Golden[..8], GoldenHeader.TryWrite);

    [Fact]
    public void Truncated_datagrams_are_refused() =>
        HeaderAssert.RefusesEveryTruncation(Golden, (s, out e) => UdpPacket.TryParse(s, out _, out e));

    [Fact]
    public void Length_must_fit_header_and_bytes()
    {
        byte[] longest = new byte[65535];
        Golden.CopyTo(longest, 0);
        for (int length = 0; length <= ushort.MaxValue; length++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(longest.AsSpan(4), (ushort)length);
            bool fits = UdpPacket.TryParse(longest, out UdpPacket packet, out WireError error);
            Assert.Equal(length < 8 ? WireError.TotalLength : WireError.None, error);
            Assert.Equal(length >= 8, fits);
            if (fits)
            {
                Assert.Equal(length - 8, packet.Payload.Length);
                Assert.Equal(length, packet.Length);
            }

            Assert.Equal(
                length < 8 ? WireError.TotalLength : length > 13 ? WireError.Truncated : WireError.None,
                UdpPacket.TryParse(longest.AsSpan(0, 13), out _, out error) ? WireError.None : error);
        }
    }

    [Fact]
    public void Checksum_is_verified_over_both_families_and_a_missing_one_is_not_right()
    {
        Assert.True(Parse(Golden).IsChecksumValid(Source, Destination));
        Assert.True(Parse(GoldenIPv6).IsChecksumValid(SourceIPv6, DestinationIPv6));
        Assert.False(Parse(Golden).IsChecksumValid(Source, Source));
        byte[] without = [.. Golden];
        without[6] = without[7] = 0;
        Assert.False(Parse(without).HasChecksum);
        Assert.False(Parse(without).IsChecksumValid(Source, Destination));
        for (int bit = 0; bit < Golden.Length * 8; bit++)
        {
            byte[] changed = [.. Golden, 0];
            changed[bit / 8] ^= (byte)(0x80 >> (bit % 8));
            Assert.False(UdpPacket.TryParse(changed, out UdpPacket packet) && packet.IsChecksumValid(Source, Destination), $"bit {bit}");
        }
    }

    [Fact]
    public void Computed_checksum_is_the_one_that_others_compute_and_never_zero()
    {
        byte[] datagram = [.. Golden];
        datagram[6] = datagram[7] = 0;
        Assert.Equal(0x072D, UdpPacket.ComputeChecksum(datagram, Source, Destination));
        Assert.Equal(0x2FBC, UdpPacket.ComputeChecksum(datagram, SourceIPv6, DestinationIPv6));

        // Two bytes more that make the sum all ones: its complement is zero, which would mean "none".
        byte[] longer = [.. datagram, 0, 0, 0];
        longer[5] = 16;
        ushort rest = UdpPacket.ComputeChecksum(longer, Source, Destination);
        BinaryPrimitives.WriteUInt16BigEndian(longer.AsSpan(14), rest);
        Assert.Equal(0xFFFF, UdpPacket.ComputeChecksum(longer, Source, Destination));
        BinaryPrimitives.WriteUInt16BigEndian(longer.AsSpan(6), 0xFFFF);
        Assert.True(Parse(longer).IsChecksumValid(Source, Destination));
    }

    [Fact]
    public void Header_shorter_than_itself_is_refused()
    {
        byte[] memory = new byte[8];
        Assert.Throws<InvalidOperationException>(() => default(UdpHeader).TryWrite(memory, out _));
        Assert.Throws<InvalidOperationException>(() => (GoldenHeader with { Length = 7 }).TryWrite(memory, out _));
        Assert.Equal(new byte[8], memory);
    }

    [Fact]
    public void Every_bit_belongs_to_its_field() => HeaderAssert.EveryBit(
        Golden,
        [
            // Not in the table: the length, which decides whether it parses.
            new("source port", 0, 16, b => Parse(b).SourcePort),
            new("destination port", 16, 16, b => Parse(b).DestinationPort),
            new("checksum", 48, 16, b => Parse(b).Checksum),
        ],
        bytes => [.. HeaderAssert.Written(Parse(bytes).ToHeader().TryWrite), .. Golden[8..]]);

    [Fact]
    public void Random_headers_round_trip() => HeaderAssert.RoundTrips(
        random => new UdpHeader((ushort)random.Next(65536), (ushort)random.Next(65536), (ushort)random.Next(8, 257), (ushort)random.Next(65536)),
        header => [.. HeaderAssert.Written(header.TryWrite), .. new byte[header.Length - 8]],
        bytes => Parse(bytes).ToHeader());

    [Fact]
    public void No_bytes_make_it_throw() => HeaderAssert.NeverThrows(Golden, bytes =>
    {
        if (!UdpPacket.TryParse(bytes, out UdpPacket packet))
        {
            return false;
        }

        Assert.Equal(packet.Length, 8 + packet.Payload.Length);
        _ = packet.IsChecksumValid(Source, Destination);
        Assert.Equal(bytes[..8], HeaderAssert.Written(packet.ToHeader().TryWrite));
        return true;
    });

    [Fact]
    public void PacketDotNet_reads_the_same()
    {
        PacketDotNet.UdpPacket other = new(new PacketDotNet.Utils.ByteArraySegment([.. Golden]));
        Assert.Equal((GoldenHeader.SourcePort, GoldenHeader.DestinationPort), (other.SourcePort, other.DestinationPort));
        Assert.Equal((13, 0x072D), (other.Length, other.Checksum));
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] memory = new byte[8];
        Allocations.Zero(() =>
        {
            if (UdpPacket.TryParse(Golden, out UdpPacket packet) && packet.IsChecksumValid(Source, Destination))
            {
                packet.ToHeader().TryWrite(memory, out _);
            }
        });
        Assert.Equal(Golden[..8], memory);
    }

    private static UdpPacket Parse(ReadOnlySpan<byte> bytes)
    {
        Assert.True(UdpPacket.TryParse(bytes, out UdpPacket packet));
        return packet;
    }
}
