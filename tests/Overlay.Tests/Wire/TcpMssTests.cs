using System.Buffers.Binary;
using Overlay.Testing;
using Overlay.Testing.Conformance;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

/// <summary>The size in a SYN, lowered in place (RFC 9293 §3.7.1, reliability.md §6, 79).</summary>
public sealed class TcpMssTests
{
    private static readonly ValueIPAddress A = ValueIPAddress.Parse("10.0.0.1");
    private static readonly ValueIPAddress B = ValueIPAddress.Parse("10.0.0.2");

    [Theory]
    [InlineData(1_461, 1_460, true)]
    [InlineData(1_460, 1_460, false)]
    [InlineData(1_459, 1_460, false)]
    [InlineData(65_535, 1, true)]
    [InlineData(0, 1, false)]
    [RfcItem(79, "RFC 4459 §3.2", "A clamp of the segment size touches SYN segments only, lowers only, and keeps the checksum right.")]
    public void Lowered_only_and_the_checksum_stays_right(int before, int to, bool lowered)
    {
        // Behind as many bytes that mean nothing as there can be: at even and at odd offsets.
        for (int fill = 0; fill <= 7; fill++)
        {
            byte[] segment = Syn((ushort)before, fill, TcpFlags.Syn | TcpFlags.Ack);
            Assert.Equal(lowered, TcpMss.TryLower(segment, (ushort)to, isChecksumPartial: false));
            Assert.Equal(lowered ? to : before, BinaryPrimitives.ReadUInt16BigEndian(segment.AsSpan(22 + fill)));
            Assert.True(TcpPacket.TryParse(segment, out TcpPacket tcp) && tcp.IsChecksumValid(A, B));
        }
    }

    [Fact]
    public void A_partial_checksum_is_of_the_pseudo_header_and_stays()
    {
        byte[] segment = Syn(1_460, 0, TcpFlags.Syn);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(16), 0x1456);
        Assert.True(TcpMss.TryLower(segment, 1_000, isChecksumPartial: true));
        Assert.Equal((0x1456, 1_000), (BinaryPrimitives.ReadUInt16BigEndian(segment.AsSpan(16)), BinaryPrimitives.ReadUInt16BigEndian(segment.AsSpan(22))));
    }

    [Fact]
    public void A_checksum_that_was_wrong_stays_wrong()
    {
        byte[] segment = Syn(1_460, 0, TcpFlags.Syn);
        segment[16] ^= 0x40;
        Assert.True(TcpMss.TryLower(segment, 1_000, isChecksumPartial: false));
        Assert.True(TcpPacket.TryParse(segment, out TcpPacket tcp) && !tcp.IsChecksumValid(A, B));
    }

    public static TheoryData<string, byte[]> Untouched() => new()
    {
        { "no SYN", Syn(1_460, 0, TcpFlags.Ack) },
        { "no options", Segment(TcpFlags.Syn, []) },
        { "end before it", Segment(TcpFlags.Syn, [0, 2, 4, 5, 0xB4, 0, 0, 0]) },
        { "length 3", Segment(TcpFlags.Syn, [2, 3, 5, 0xB4]) },
        { "length 0", Segment(TcpFlags.Syn, [2, 0, 5, 0xB4]) },
        { "length 1", Segment(TcpFlags.Syn, [8, 1, 2, 4]) },
        { "longer than the options", Segment(TcpFlags.Syn, [1, 1, 2, 4]) },
        { "cut", Segment(TcpFlags.Syn, [1, 1, 1, 2]) },
        { "in another option", Segment(TcpFlags.Syn, [8, 10, 2, 4, 5, 0xB4, 0, 0, 0, 0, 1, 1]) },
    };

    [Theory]
    [MemberData(nameof(Untouched))]
    public void What_is_no_SYN_with_the_option_is_left_alone(string why, byte[] segment)
    {
        byte[] before = [.. segment];
        Assert.False(TcpMss.TryLower(segment, 100, isChecksumPartial: false), why);
        Assert.Equal(before, segment);
    }

    [Fact]
    public void Any_bytes_of_any_length_do_no_harm()
    {
        Random random = new(79);
        for (int i = 0; i < 50_000; i++)
        {
            byte[] bytes = new byte[random.Next(70)];
            random.NextBytes(bytes);
            if (bytes.Length > 13)
            {
                bytes[13] |= (byte)TcpFlags.Syn;
            }

            byte[] before = [.. bytes];
            if (!TcpMss.TryLower(bytes, (ushort)random.Next(65_536), isChecksumPartial: random.Next(2) == 0))
            {
                Assert.Equal(before, bytes);
            }
        }
    }

    [Fact]
    public void Lowering_allocates_nothing()
    {
        byte[] segment = Syn(1_460, 0, TcpFlags.Syn);
        ushort to = 1_459;
        Allocations.Zero(() => TcpMss.TryLower(segment, to--, isChecksumPartial: false));
        Assert.True(to < 1_459);
    }

    internal static byte[] Syn(ushort mss, int fill, TcpFlags flags)
    {
        byte[] options = new byte[(fill + 4 + 3) / 4 * 4];
        options.AsSpan().Fill(1);
        options[fill] = 2;
        options[fill + 1] = 4;
        BinaryPrimitives.WriteUInt16BigEndian(options.AsSpan(fill + 2), mss);
        return Segment(flags, options);
    }

    private static byte[] Segment(TcpFlags flags, byte[] options) => Segment(flags, options, A, B);

    internal static byte[] Segment(TcpFlags flags, byte[] options, ValueIPAddress source, ValueIPAddress destination)
    {
        byte[] segment = new byte[20 + options.Length];
        Assert.True(new TcpHeader(1000, 80, 1, 2, flags, 512).TryWrite(segment, options, out int written) && written == segment.Length);
        ushort checksum = InternetChecksum.Compute(segment, InternetChecksum.PseudoHeader(source, destination, IPProtocol.Tcp, segment.Length));
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(16), checksum);
        return segment;
    }
}
