using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

public sealed class TcpPacketTests
{
    // scapy 2.5, between 192.0.2.1 and 192.0.2.2: TCP(sport=443, dport=51000, seq=0x01020304, ack=0xa0b0c0d0, flags="SAE", window=0xfaf0, urgptr=7,
    // options=[MSS 1460, NOP, WScale 7, SAckOK])/b"\xab\xcd"
    private static readonly byte[] WithOptions = Convert.FromHexString("01bbc73801020304a0b0c0d08052faf0167c0007020405b40103030704020000abcd");

    // scapy: TCP(sport=443, dport=51000, seq=1, flags="A", window=1)/b"x"
    private static readonly byte[] Plain = Convert.FromHexString("01bbc738000000010000000050100001ead9000078");

    private static readonly TcpHeader OptionsHeader =
        new(443, 51000, 0x01020304, 0xA0B0C0D0, TcpFlags.Syn | TcpFlags.Ack | TcpFlags.Ece, 0xFAF0) { Checksum = 0x167C, UrgentPointer = 7 };

    private static readonly ValueIPAddress Source = ValueIPAddress.Parse("192.0.2.1");
    private static readonly ValueIPAddress Destination = ValueIPAddress.Parse("192.0.2.2");

    [Fact]
    public void Segment_with_options_parses()
    {
        Assert.True(TcpPacket.TryParse(WithOptions, out TcpPacket packet));
        Assert.Equal((443, 51000), (packet.SourcePort, packet.DestinationPort));
        Assert.Equal((0x01020304u, 0xA0B0C0D0u), (packet.SequenceNumber, packet.AcknowledgmentNumber));
        Assert.Equal(32, packet.HeaderLength);
        Assert.Equal(0, packet.Reserved);
        Assert.Equal(TcpFlags.Syn | TcpFlags.Ack | TcpFlags.Ece, packet.Flags);
        Assert.Equal((0xFAF0, 0x167C, 7), (packet.Window, packet.Checksum, packet.UrgentPointer));
        Assert.Equal("020405B40103030704020000", Convert.ToHexString(packet.Options));
        Assert.Equal("ABCD", Convert.ToHexString(packet.Payload));
        Assert.Equal(OptionsHeader, packet.ToHeader());
    }

    [Fact]
    public void Checksum_is_verified()
    {
        Assert.True(Parse(WithOptions).IsChecksumValid(Source, Destination));
        Assert.True(Parse(Plain).IsChecksumValid(Source, Destination));
        for (int bit = 0; bit < Plain.Length * 8; bit++)
        {
            byte[] changed = [.. Plain];
            changed[bit / 8] ^= (byte)(0x80 >> (bit % 8));
            Assert.False(TcpPacket.TryParse(changed, out TcpPacket packet) && packet.IsChecksumValid(Source, Destination), $"bit {bit}");
        }
    }

    [Fact]
    public void Headers_are_written()
    {
        HeaderAssert.Writes(WithOptions[..32], (Span<byte> d, out int n) => OptionsHeader.TryWrite(d, WithOptions.AsSpan(20, 12), out n));
        HeaderAssert.Writes(Plain[..20], new TcpHeader(443, 51000, 1, 0, TcpFlags.Ack, 1) { Checksum = 0xEAD9 }.TryWrite);
    }

    [Fact]
    public void Options_may_lie_where_they_are_written()
    {
        byte[] memory = new byte[32];
        WithOptions.AsSpan(20, 12).CopyTo(memory.AsSpan(4));
        Assert.True(OptionsHeader.TryWrite(memory, memory.AsSpan(4, 12), out _));
        Assert.Equal(WithOptions[..32], memory);
    }

    [Fact]
    public void Headers_that_make_no_sense_are_refused()
    {
        byte[] memory = new byte[128];
        Assert.Throws<ArgumentException>(() => OptionsHeader.TryWrite(memory, new byte[3], out _));
        Assert.Throws<ArgumentException>(() => OptionsHeader.TryWrite(memory, new byte[44], out _));
        Assert.Throws<InvalidOperationException>(() => (OptionsHeader with { Reserved = 16 }).TryWrite(memory, out _));
        Assert.Equal(new byte[128], memory);
    }

    [Fact]
    public void Truncated_segments_are_refused()
    {
        HeaderAssert.RefusesEveryTruncation(WithOptions[..32], Parse);
        HeaderAssert.RefusesEveryTruncation(Plain[..20], Parse);
    }

    [Fact]
    public void Data_offset_must_fit_header_and_bytes()
    {
        for (int words = 0; words < 16; words++)
        {
            byte[] changed = [.. WithOptions];
            changed[12] = (byte)(words << 4);
            WireError expected = words < 5 ? WireError.HeaderLength : words * 4 > changed.Length ? WireError.Truncated : WireError.None;
            Assert.Equal(expected == WireError.None, Parse(changed, out WireError error));
            Assert.Equal(expected, error);
            byte[] longest = [.. changed, .. new byte[60]];
            Assert.Equal(words >= 5, TcpPacket.TryParse(longest, out TcpPacket packet));
            if (words >= 5)
            {
                Assert.Equal((words * 4, (words * 4) - 20, longest.Length - (words * 4)), (packet.HeaderLength, packet.Options.Length, packet.Payload.Length));
            }
        }
    }

    [Fact]
    public void Every_bit_belongs_to_its_field() => HeaderAssert.EveryBit(
        Plain,
        [
            // Not in the table: the data offset, which decides whether it parses.
            new("source port", 0, 16, b => Parse(b).SourcePort),
            new("destination port", 16, 16, b => Parse(b).DestinationPort),
            new("sequence number", 32, 32, b => Parse(b).SequenceNumber),
            new("acknowledgment number", 64, 32, b => Parse(b).AcknowledgmentNumber),
            new("reserved", 100, 4, b => Parse(b).Reserved),
            .. new[] { TcpFlags.Cwr, TcpFlags.Ece, TcpFlags.Urg, TcpFlags.Ack, TcpFlags.Psh, TcpFlags.Rst, TcpFlags.Syn, TcpFlags.Fin }
                .Select((flag, i) => new Field(flag.ToString(), 104 + i, 1, b => Parse(b).Flags.HasFlag(flag) ? 1u : 0)),
            new("window", 112, 16, b => Parse(b).Window),
            new("checksum", 128, 16, b => Parse(b).Checksum),
            new("urgent pointer", 144, 16, b => Parse(b).UrgentPointer),
        ],
        bytes => [.. HeaderAssert.Written(Parse(bytes).ToHeader().TryWrite), .. Plain[20..]]);

    [Fact]
    public void Random_headers_round_trip() => HeaderAssert.RoundTrips(
        random => new TcpHeader(
            (ushort)random.Next(65536), (ushort)random.Next(65536), (uint)random.NextInt64(1L << 32), (uint)random.NextInt64(1L << 32),
            (TcpFlags)random.Next(256), (ushort)random.Next(65536))
        {
            Checksum = (ushort)random.Next(65536),
            UrgentPointer = (ushort)random.Next(65536),
            Reserved = (byte)random.Next(16),
        },
        header => HeaderAssert.Written((Span<byte> d, out int n) => header.TryWrite(d, new byte[header.Window % 11 * 4], out n)),
        bytes => Parse(bytes).ToHeader());

    [Fact]
    public void No_bytes_make_it_throw() => HeaderAssert.NeverThrows(WithOptions, bytes =>
    {
        if (!TcpPacket.TryParse(bytes, out TcpPacket packet))
        {
            return false;
        }

        Assert.Equal(bytes.Length, packet.HeaderLength + packet.Payload.Length);
        _ = packet.IsChecksumValid(Source, Destination);
        byte[] options = packet.Options.ToArray();
        TcpHeader header = packet.ToHeader();
        Assert.Equal(bytes[..packet.HeaderLength], HeaderAssert.Written((Span<byte> d, out int n) => header.TryWrite(d, options, out n)));
        return true;
    });

    [Fact]
    public void PacketDotNet_reads_the_same()
    {
        PacketDotNet.TcpPacket other = new(new PacketDotNet.Utils.ByteArraySegment([.. WithOptions]));
        Assert.Equal((443, 51000), (other.SourcePort, other.DestinationPort));
        Assert.Equal((0x01020304u, 0xA0B0C0D0u), (other.SequenceNumber, other.AcknowledgmentNumber));
        Assert.Equal((8, 0xFAF0, 0x167C, 7), (other.DataOffset, other.WindowSize, other.Checksum, other.UrgentPointer));
        Assert.True(other.Synchronize && other.Acknowledgment && other.ExplicitCongestionNotificationEcho);
        Assert.Equal("ABCD", Convert.ToHexString(other.PayloadData));
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] memory = new byte[32];
        Allocations.Zero(() =>
        {
            if (TcpPacket.TryParse(WithOptions, out TcpPacket packet) && packet.IsChecksumValid(Source, Destination))
            {
                packet.ToHeader().TryWrite(memory, packet.Options, out _);
            }
        });
        Assert.Equal(WithOptions[..32], memory);
    }

    private static bool Parse(ReadOnlySpan<byte> source, out WireError error) => TcpPacket.TryParse(source, out _, out error);

    private static TcpPacket Parse(ReadOnlySpan<byte> bytes)
    {
        Assert.True(TcpPacket.TryParse(bytes, out TcpPacket packet));
        return packet;
    }
}
