using System.Buffers.Binary;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

public sealed class InternetChecksumTests
{
    private const int MaximumLength = 2048;
    private const int MaximumAlignment = 64;

    // scapy 2.5: IP(src="192.0.2.1", dst="198.51.100.7")/UDP(sport=1234, dport=53)/b"hello"
    private static readonly byte[] Udp4 = Convert.FromHexString("450000210001000040118e8fc0000201c633640704d20035000dcabe68656c6c6f");

    // scapy: IPv6(src="2001:db8::1", dst="2001:db8::2")/UDP(sport=1234, dport=53)/b"hello"
    private static readonly byte[] Udp6 = Convert.FromHexString(
        "60000000000d114020010db800000000000000000000000120010db800000000000000000000000204d20035000d5b8668656c6c6f");

    private delegate ulong Sum(ReadOnlySpan<byte> data, ulong seed);

    // Every width that some machine would take, whether or not this one does: Vector<n> also works where it is slow.
    private static readonly Sum[] Sums =
    [
        InternetChecksum.Partial,
        InternetChecksum.Partial<InternetChecksum.Lanes128>,
        InternetChecksum.Partial<InternetChecksum.Lanes256>,
        InternetChecksum.Partial<InternetChecksum.Lanes512>,
        Copying(InternetChecksum.CopyPartial),
        Copying(InternetChecksum.CopyPartial<InternetChecksum.Lanes128>),
        Copying(InternetChecksum.CopyPartial<InternetChecksum.Lanes256>),
        Copying(InternetChecksum.CopyPartial<InternetChecksum.Lanes512>),
    ];

    private delegate ulong CopySum(ReadOnlySpan<byte> source, Span<byte> destination, ulong seed);

    [Theory]
    [InlineData(0)] // random
    [InlineData(1)] // all ones: the most carries
    [InlineData(2)] // all zeros
    public void Sum_equals_its_scalar_twin_at_every_length_and_alignment(int pattern)
    {
        byte[] memory = new byte[MaximumAlignment + MaximumLength];
        new Random(pattern).NextBytes(memory);
        if (pattern != 0)
        {
            memory.AsSpan().Fill((byte)(pattern == 1 ? 0xFF : 0));
        }

        for (int alignment = 0; alignment < MaximumAlignment; alignment++)
        {
            uint even = 0;
            for (int length = 0; length <= MaximumLength; length++)
            {
                // The twin: bytes as the RFC writes them, high byte first, carry added back at once.
                ReadOnlySpan<byte> data = memory.AsSpan(alignment, length);
                if (length % 2 == 0 && length > 0)
                {
                    even = Add(even, (uint)((data[^2] << 8) | data[^1]));
                }

                uint expected = length % 2 == 0 ? even : Add(even, (uint)(data[^1] << 8));
                Check(InternetChecksum.Partial(data), expected, length, alignment, Sums[0]);
                // The other forms at every length, though not at every alignment: what differs between them is how they divide the length.
                if (alignment % 21 == 0)
                {
                    foreach (Sum sum in Sums)
                    {
                        Check(sum(data, 0), expected, length, alignment, sum);
                        Check(sum(data, ulong.MaxValue - 2), Seeded(expected), length, alignment, sum);
                    }
                }
            }
        }

        // No message is made unless it is needed: there are a million of these.
        static void Check(ulong sum, uint expected, int length, int alignment, Sum how)
        {
            if (InternetChecksum.Fold(sum) != expected)
            {
                Assert.Fail($"{length} bytes at {alignment} sum up to {InternetChecksum.Fold(sum):x4}, not {expected:x4}: {how.Method}");
            }
        }

        // 2^64 - 3 is -2 modulo 65535, whichever way round its bytes are read.
        static uint Seeded(uint sum) => Add(sum, BitConverter.IsLittleEndian ? 0xFDFFu : 0xFFFD);
    }

    [Fact]
    public void Copy_copies_and_touches_nothing_beside()
    {
        byte[] source = new byte[700];
        new Random(5).NextBytes(source);
        byte[] destination = new byte[800];
        for (int length = 0; length <= 650; length++)
        {
            destination.AsSpan().Fill(HeaderAssert.Dirt);
            ulong sum = InternetChecksum.CopyPartial(source.AsSpan(length % 37, length), destination.AsSpan(length % 41, length + 9), 7);
            Assert.Equal(InternetChecksum.Fold(InternetChecksum.Partial(source.AsSpan(length % 37, length), 7)), InternetChecksum.Fold(sum));
            Assert.True(source.AsSpan(length % 37, length).SequenceEqual(destination.AsSpan(length % 41, length)));
            Assert.Equal(-1, destination.AsSpan(0, length % 41).IndexOfAnyExcept(HeaderAssert.Dirt));
            Assert.Equal(-1, destination.AsSpan((length % 41) + length).IndexOfAnyExcept(HeaderAssert.Dirt));
        }

        // The same memory may be both.
        byte[] same = [.. source];
        Assert.Equal(InternetChecksum.Partial(source), InternetChecksum.CopyPartial(same, same));
        Assert.Equal(source, same);

        destination.AsSpan().Fill(HeaderAssert.Dirt);
        Assert.Throws<ArgumentException>(() => InternetChecksum.CopyPartial(source, destination.AsSpan(0, 699)));
        Assert.Equal(-1, destination.AsSpan().IndexOfAnyExcept(HeaderAssert.Dirt));
    }

    [Fact]
    public void Pieces_add_up_wherever_the_cut_is()
    {
        byte[] message = new byte[301];
        new Random(6).NextBytes(message);
        ushort whole = InternetChecksum.Compute(message);
        for (int cut = 0; cut <= message.Length; cut++)
        {
            ulong head = InternetChecksum.Partial(message.AsSpan(0, cut));
            ulong tail = InternetChecksum.Partial(message.AsSpan(cut));
            ulong sum = head + (cut % 2 == 0 ? tail : InternetChecksum.AtOddOffset(tail));
            Assert.Equal(whole, (ushort)~InternetChecksum.Fold(sum));
            if (cut % 2 == 0)
            {
                Assert.Equal(whole, InternetChecksum.Compute(message.AsSpan(cut), head));
            }
        }
    }

    [Fact]
    public void Sum_of_the_longest_data_does_not_overflow()
    {
        byte[] data = new byte[64 << 20];
        data.AsSpan().Fill(0xFF);
        ulong sum = 0;
        for (int i = 0; i < 4; i++)
        {
            sum = InternetChecksum.Partial(data, sum);
            Assert.True(sum < 1UL << 34);
        }

        Assert.Equal(0xFFFF, InternetChecksum.Fold(sum));
    }

    [Fact]
    public void Rfc_1071_example()
    {
        // RFC 1071 §3: 00 01 f2 03 f4 f5 f6 f7 sums up to ddf2.
        byte[] data = [0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7];
        Assert.Equal(0xDDF2, InternetChecksum.Fold(InternetChecksum.Partial(data)));
        Assert.Equal(0x220D, InternetChecksum.Compute(data));
    }

    [Fact]
    public void Rfc_1624_example()
    {
        // RFC 1624 §4: HC = 0xDD2F, m = 0x5555, m' = 0x3285 gives 0x0000, where equation 2 of RFC 1141 gave 0xFFFF.
        Assert.Equal(0x0000, InternetChecksum.Update(0xDD2F, 0x5555, 0x3285));
    }

    [Fact]
    public void Update_equals_computing_anew()
    {
        Random random = new(8);
        byte[] data = new byte[40];
        for (int i = 0; i < 200_000; i++)
        {
            random.NextBytes(data);
            int offset = random.Next(19) * 2;
            ushort before = InternetChecksum.Compute(data);
            uint oldValue = BinaryPrimitives.ReadUInt32BigEndian(data.AsSpan(offset));
            uint newValue = i % 3 == 0 ? (uint)random.Next(2) * 0xFFFF_FFFF : (uint)random.NextInt64(1L << 32);
            BinaryPrimitives.WriteUInt32BigEndian(data.AsSpan(offset), newValue);
            Assert.Equal(InternetChecksum.Compute(data), InternetChecksum.Update(before, oldValue, newValue));
            BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(offset), (ushort)i);
            ushort between = InternetChecksum.Update(before, oldValue, newValue);
            Assert.Equal(InternetChecksum.Compute(data), InternetChecksum.Update(between, (ushort)(newValue >> 16), (ushort)i));
        }
    }

    [Fact]
    public void Scapys_packets_are_valid()
    {
        Assert.True(IPv4Packet.TryParse(Udp4, out IPv4Packet ipv4));
        Assert.True(ipv4.IsChecksumValid);
        ulong seed = InternetChecksum.PseudoHeader(ipv4.Source, ipv4.Destination, ipv4.Protocol, ipv4.Payload.Length);
        Assert.True(InternetChecksum.IsValid(ipv4.Payload, seed));
        Assert.True(IPv6Packet.TryParse(Udp6, out IPv6Packet ipv6));
        ulong seed6 = InternetChecksum.PseudoHeader(ipv6.Source, ipv6.Destination, ipv6.NextHeader, ipv6.Payload.Length);
        Assert.True(InternetChecksum.IsValid(ipv6.Payload, seed6));

        for (int bit = 0; bit < ipv4.Payload.Length * 8; bit++)
        {
            byte[] changed = ipv4.Payload.ToArray();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(InternetChecksum.IsValid(changed, seed));
        }
    }

    [Fact]
    public void Pseudo_header_equals_the_sum_of_its_bytes()
    {
        Random random = new(9);
        for (int i = 0; i < 10_000; i++)
        {
            bool isIPv4 = i % 2 == 0;
            ValueIPAddress source = isIPv4 ? random.NextIPv4() : random.NextIPv6();
            ValueIPAddress destination = isIPv4 ? random.NextIPv4() : random.NextIPv6();
            int length = random.Next(isIPv4 ? 65536 : 1 << 24);
            byte protocol = (byte)random.Next(1, 256);
            byte[] bytes = new byte[isIPv4 ? 12 : 40];
            int addressLength = isIPv4 ? 4 : 16;
            source.TryWriteBytes(bytes, out _);
            destination.TryWriteBytes(bytes.AsSpan(addressLength), out _);
            if (isIPv4)
            {
                // RFC 768: zero, protocol, 16-bit length.
                bytes[9] = protocol;
                BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(10), (ushort)length);
            }
            else
            {
                // RFC 8200 §8.1: 32-bit length, zero, next header.
                BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(32), (uint)length);
                bytes[39] = protocol;
            }

            Assert.Equal(
                InternetChecksum.Fold(InternetChecksum.Partial(bytes)),
                InternetChecksum.Fold(InternetChecksum.PseudoHeader(source, destination, (IPProtocol)protocol, length)));
        }
    }

    [Fact]
    public void PacketDotNet_computes_the_same()
    {
        Random random = new(10);
        for (int i = 0; i < 1000; i++)
        {
            PacketDotNet.UdpPacket udp = new((ushort)random.Next(65536), (ushort)random.Next(65536)) { PayloadData = new byte[random.Next(1400)] };
            random.NextBytes(udp.PayloadData);
            PacketDotNet.IPPacket ip = i % 2 == 0
                ? new PacketDotNet.IPv4Packet(random.NextIPv4().ToIPAddress(), random.NextIPv4().ToIPAddress())
                : new PacketDotNet.IPv6Packet(random.NextIPv6().ToIPAddress(), random.NextIPv6().ToIPAddress());
            ip.PayloadPacket = udp;
            udp.UpdateUdpChecksum();
            byte[] datagram = ip.PayloadPacket.Bytes;
            ushort theirs = udp.Checksum;
            datagram[6] = datagram[7] = 0;
            ulong seed = InternetChecksum.PseudoHeader(ip.SourceAddress, ip.DestinationAddress, IPProtocol.Udp, datagram.Length);
            ushort ours = InternetChecksum.Compute(datagram, seed);
            Assert.Equal(theirs, ours);
            BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(6), ours);
            Assert.True(InternetChecksum.IsValid(datagram, seed));
        }
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] data = new byte[1500];
        byte[] copy = new byte[1500];
        ulong total = 0;
        Allocations.Zero(() => total += InternetChecksum.Compute(data) + InternetChecksum.CopyPartial(data, copy) +
            InternetChecksum.PseudoHeader(default, default, IPProtocol.Udp, 1));
        Assert.NotEqual(0u, total);
    }

    private static uint Add(uint left, uint right)
    {
        uint sum = left + right;
        return (sum & 0xFFFF) + (sum >> 16);
    }

    private static Sum Copying(CopySum sum)
    {
        byte[] destination = new byte[MaximumLength];
        return (data, seed) => sum(data, destination, seed);
    }
}
