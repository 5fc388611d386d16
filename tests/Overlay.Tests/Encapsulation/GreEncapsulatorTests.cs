using System.Buffers;
using System.Buffers.Binary;
using Overlay.Encapsulation;
using Overlay.Testing;
using Overlay.Tests.Wire;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Encapsulation;

public sealed class GreEncapsulatorTests
{
    private static readonly ValueIPAddress Local = ValueIPAddress.Parse("192.0.2.1");
    private static readonly ValueIPAddress Remote = ValueIPAddress.Parse("198.51.100.2");
    private static readonly ValueIPAddress LocalIPv6 = ValueIPAddress.Parse("2001:db8::1");
    private static readonly ValueIPAddress RemoteIPv6 = ValueIPAddress.Parse("2001:db8::2");
    private static readonly ValueIPAddress Host = ValueIPAddress.Parse("10.0.0.1");
    private static readonly ValueIPAddress OtherHost = ValueIPAddress.Parse("10.1.0.1");
    private static readonly ValueIPAddress HostIPv6 = ValueIPAddress.Parse("fd00::1");
    private static readonly ValueIPAddress OtherHostIPv6 = ValueIPAddress.Parse("fd00:1::1");
    private static readonly MacAddress Mac = MacAddress.Parse("02:00:00:00:00:01");
    private static readonly MacAddress OtherMac = MacAddress.Parse("02:00:00:00:00:02");

    private const string GoldenInner = "4502001D00014000401126CB0A0000010A01000100010002000973D678";

    // scapy 2.5: IP(src="192.0.2.1", dst="198.51.100.2", flags="DF", id=0, tos=2, proto=47)/GRE(proto=0x800)/inner, where
    // inner = IP(src="10.0.0.1", dst="10.1.0.1", flags="DF", tos=2)/UDP(sport=1, dport=2)/b"x"
    private static readonly byte[] GoldenPlain = Convert.FromHexString("4502003500004000402F4E61C0000201C633640200000800" + GoldenInner);

    // ... /GRE(chksum_present=1, key_present=1, seqnum_present=1, proto=0x800, key=0x01020304, seqence_number=0xA0B0C0D0)/inner
    private static readonly byte[] GoldenAll = Convert.FromHexString(
        "4502004100004000402F4E55C0000201C6336402B0000800F694000001020304A0B0C0D0" + GoldenInner);

    // IPv6(src="2001:db8::1", dst="2001:db8::2", nh=47, tc=0x28, fl=0x12345, hlim=7)/GRE(proto=0x6558, key_present=1, key=7)/
    //   Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01")/inner
    private static readonly byte[] GoldenEthernet = Convert.FromHexString(
        "6281234500332F0720010DB800000000000000000000000120010DB8000000000000000000000002200065580000000702000000000202000000000108" + "00" + GoldenInner);

    public static TheoryData<bool, bool, int> Forms => new MatrixTheoryData<bool, bool, int>([false, true], [false, true], Enumerable.Range(0, 8));

    [Fact]
    public void Golden_packets_are_written()
    {
        byte[] inner = Convert.FromHexString(GoldenInner);
        HeaderAssert.Writes(GoldenPlain, (Span<byte> d, out int n) => new GreEncapsulator(Local, Remote).Encapsulate(inner, d, out n) == OperationStatus.Done);
        GreEncapsulator all = new(Local, Remote, new() { Key = 0x01020304, Checksum = true, SequenceNumbers = true });
        HeaderAssert.Writes(GoldenAll, (Span<byte> d, out int n) => all.Encapsulate(inner, d, out n, 0xA0B0C0D0) == OperationStatus.Done);
        GreEncapsulator ethernet = new(LocalIPv6, RemoteIPv6, new() { Key = 7, Ethernet = true });
        byte[] frame = GoldenEthernet[48..];
        OuterHeaderFields fields = new() { TrafficClass = 0x28, FlowLabel = 0x12345, Ttl = 7 };
        HeaderAssert.Writes(GoldenEthernet, (Span<byte> d, out int n) => ethernet.Encapsulate(frame, fields, d, out n) == OperationStatus.Done);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Bytes_are_those_of_an_independent_builder(bool outerIPv6, bool isEthernet, int optional)
    {
        Random random = new(optional);
        uint? key = (optional & 1) != 0 ? (uint)random.NextInt64(1L << 32) : null;
        bool checksum = (optional & 2) != 0, numbered = (optional & 4) != 0;
        GreEncapsulator encapsulator = Make(outerIPv6, new() { Ethernet = isEthernet, Key = key, Checksum = checksum, SequenceNumbers = numbered });
        Assert.Equal(4 + (4 * int.PopCount(optional)), encapsulator.HeaderLength);
        Assert.Equal((outerIPv6 ? 40 : 20) + encapsulator.HeaderLength, encapsulator.Overhead);
        byte[] memory = new byte[512];
        for (int i = 0; i < 1000; i++)
        {
            bool innerIPv6 = random.Next(2) == 1;
            byte[] inner = Inner(innerIPv6, PacketBuilder.Payload(random.Next(200), i));
            inner = isEthernet ? PacketBuilder.Ethernet(OtherMac, Mac, innerIPv6 ? EtherType.IPv6 : EtherType.IPv4, inner) : inner;
            uint number = (uint)random.NextInt64(1L << 32);
            var fields = new OuterHeaderFields
            {
                TrafficClass = (byte)random.Next(256),
                Ttl = (byte)random.Next(256),
                DontFragment = random.Next(2) == 1,
                Identification = outerIPv6 ? (ushort)0 : (ushort)random.Next(65536),
            };
            EtherType type = isEthernet ? EtherType.TransparentEthernetBridging : innerIPv6 ? EtherType.IPv6 : EtherType.IPv4;
            byte[] expected = PacketBuilder.IP(
                encapsulator.Local, encapsulator.Remote, IPProtocol.Gre, Gre(type, key, checksum, numbered ? number : null, inner), fields.TrafficClass,
                fields.Ttl == 0 ? (byte)64 : fields.Ttl, fields.DontFragment, fields.Identification);
            memory.AsSpan().Fill(HeaderAssert.Dirt);
            inner.CopyTo(memory, encapsulator.Overhead);
            encapsulator.WriteOuter(memory, inner.Length, fields, number);
            Assert.Equal(Convert.ToHexString(expected), Convert.ToHexString(memory, 0, expected.Length));
            Assert.Equal(-1, memory.AsSpan(expected.Length).IndexOfAnyExcept(HeaderAssert.Dirt));
            if (i < 20)
            {
                HeaderAssert.Writes(expected, (Span<byte> d, out int n) => encapsulator.Encapsulate(inner, fields, d, out n, number) == OperationStatus.Done);
            }
        }
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Inner_DF_and_ECN_are_taken_over_and_padding_is_left_out(bool outerIPv6, bool innerIPv6)
    {
        GreEncapsulator encapsulator = Make(outerIPv6, new());
        byte[] memory = new byte[200];
        for (int ecn = 0; ecn < 4; ecn++)
        {
            foreach (bool dontFragment in new[] { false, true })
            {
                byte[] inner = Inner(innerIPv6, [1, 2, 3], (byte)(0xB8 | ecn), 1, dontFragment);
                byte[] padded = [.. inner, 0xEE, 0xEE];
                Assert.Equal(OperationStatus.Done, encapsulator.Encapsulate(padded, memory, out int length));
                Assert.Equal(encapsulator.Overhead + inner.Length, length);
                Assert.True(Decapsulator.TryDecapsulate(memory.AsSpan(0, length), TunnelKind.Gre, 0, out Decapsulated outer, out _));
                Assert.Equal((ecn, 64, IPProtocol.Gre), (outer.TrafficClass, outer.Ttl, outer.Protocol));
                Assert.Equal(inner, outer.Payload.ToArray());
                if (outerIPv6)
                {
                    Assert.NotEqual(0u, BinaryPrimitives.ReadUInt32BigEndian(memory) & 0xF_FFFF);
                }
                else
                {
                    Assert.Equal(dontFragment && !innerIPv6 ? 0x4000 : 0, BinaryPrimitives.ReadUInt16BigEndian(memory.AsSpan(6)));
                }
            }
        }
    }

    [Fact]
    public void A_frame_keeps_its_DF_to_itself()
    {
        GreEncapsulator encapsulator = Make(false, new() { Ethernet = true });
        byte[] memory = new byte[200];
        byte[] frame = PacketBuilder.Ethernet(OtherMac, Mac, EtherType.IPv4, Inner(false, [1], 1, dontFragment: true));
        Assert.Equal(OperationStatus.Done, encapsulator.Encapsulate(frame, memory, out int length));
        Assert.True(IPv4Packet.TryParse(memory.AsSpan(0, length), out IPv4Packet ip));
        Assert.Equal((1, false, IPProtocol.Gre), (ip.TrafficClass, ip.DontFragment, ip.Protocol));
    }

    [Fact]
    public void Options_are_followed()
    {
        GreEncapsulator encapsulator = Make(false, new() { Dscp = 10, Ttl = 7, DontFragment = true, Ecn = EcnProfile.Rfc6040Compatibility });
        byte[] memory = new byte[200];
        Assert.Equal(OperationStatus.Done, encapsulator.Encapsulate(Inner(true, [1], 3), memory, out int length));
        Assert.True(IPv4Packet.TryParse(memory.AsSpan(0, length), out IPv4Packet ip));
        Assert.Equal((40, 7, true), (ip.TrafficClass, ip.TimeToLive, ip.DontFragment));
        Assert.True(ip.IsChecksumValid);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_may_not_enter_is_refused(bool innerIPv6)
    {
        GreEncapsulator encapsulator = Make(innerIPv6, new());
        byte[] memory = new byte[200];
        Assert.Equal(OperationStatus.InvalidData, encapsulator.Encapsulate(Inner(innerIPv6, [1], ttl: 0), memory, out int length));
        Assert.Equal(0, length);
        Assert.Equal(-1, memory.AsSpan().IndexOfAnyExcept((byte)0));
        ValueIPAddress other = innerIPv6 ? OtherHostIPv6 : OtherHost;
        Assert.Equal(
            OperationStatus.InvalidData,
            encapsulator.Encapsulate(PacketBuilder.IP(encapsulator.Local, encapsulator.Remote, IPProtocol.Gre, [1]), memory, out _));
        Assert.Equal(OperationStatus.InvalidData, encapsulator.Encapsulate(PacketBuilder.IP(encapsulator.Remote, other, IPProtocol.Udp, [1]), memory, out _));
        Assert.Equal(OperationStatus.Done, encapsulator.Encapsulate(PacketBuilder.IP(encapsulator.Local, other, IPProtocol.Udp, [1]), memory, out _));
    }

    [Fact]
    public void What_is_no_packet_is_refused()
    {
        GreEncapsulator encapsulator = Make(false, new() { Key = 1 });
        byte[] memory = new byte[70_000];
        byte[] inner = Inner(false, [1, 2, 3]);
        for (int length = 0; length < inner.Length; length++)
        {
            Assert.Equal(OperationStatus.InvalidData, encapsulator.Encapsulate(inner.AsSpan(0, length), memory, out _));
        }

        Assert.Equal(OperationStatus.InvalidData, encapsulator.Encapsulate([0x55, .. new byte[60]], memory, out _));
        Assert.Equal(OperationStatus.InvalidData, encapsulator.Encapsulate([0x55, .. new byte[60]], default(OuterHeaderFields), memory, out _));
        Assert.Equal(OperationStatus.InvalidData, encapsulator.Encapsulate([], default(OuterHeaderFields), memory, out _));
        Assert.Equal(OperationStatus.DestinationTooSmall, encapsulator.Encapsulate(inner, memory.AsSpan(0, inner.Length + 27), out int written));
        Assert.Equal(0, written);
        GreEncapsulator ethernet = Make(false, new() { Ethernet = true });
        for (int length = 0; length < 14; length++)
        {
            Assert.Equal(OperationStatus.InvalidData, ethernet.Encapsulate(new byte[length], memory, out _));
            Assert.Equal(OperationStatus.InvalidData, ethernet.Encapsulate(new byte[length], default(OuterHeaderFields), memory, out _));
        }

        Assert.Equal(OperationStatus.Done, ethernet.Encapsulate(new byte[14], memory, out _));
        Assert.Equal(65_507, encapsulator.MaxPayloadLength);
        Assert.Equal(65_531, Make(true, new()).MaxPayloadLength);
        Assert.Equal(OperationStatus.InvalidData, ethernet.Encapsulate(new byte[65_512], memory, out _));
        Assert.Equal(OperationStatus.Done, ethernet.Encapsulate(new byte[65_511], memory, out written));
        Assert.Equal(65_535, written);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Wrong_headroom_or_length_is_the_callers_mistake(bool outerIPv6)
    {
        GreEncapsulator encapsulator = Make(outerIPv6, new());
        byte[] memory = new byte[100];
        Assert.Throws<ArgumentException>(() => encapsulator.WriteOuter(memory.AsSpan(0, encapsulator.Overhead), 20, default));
        Assert.Throws<ArgumentException>(() => encapsulator.WriteOuter(memory, 20, default));
        memory[encapsulator.Overhead] = 0x45;
        encapsulator.WriteOuter(memory, 20, default);
        Assert.Throws<ArgumentOutOfRangeException>(() => encapsulator.WriteOuter(memory, 0, default));
        Assert.Throws<ArgumentOutOfRangeException>(() => encapsulator.WriteOuter(memory, -1, default));
        Assert.Throws<ArgumentOutOfRangeException>(() => encapsulator.WriteOuter(memory, encapsulator.MaxPayloadLength + 1, default));
        encapsulator.WriteOuter(memory, encapsulator.MaxPayloadLength, default);
        GreEncapsulator summing = Make(outerIPv6, new() { Checksum = true });
        memory[summing.Overhead] = 0x45;
        Assert.Throws<ArgumentException>(() => summing.WriteOuter(memory, 101 - summing.Overhead, default));
        summing.WriteOuter(memory, 100 - summing.Overhead, default);
    }

    [Fact]
    public void Ends_and_options_that_make_no_sense_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new GreEncapsulator(Local, RemoteIPv6));
        Assert.Throws<ArgumentException>(() => new GreEncapsulator(Local, Local));
        Assert.Throws<ArgumentOutOfRangeException>(() => new GreEncapsulator(Local, Remote, new() { Ttl = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new GreEncapsulator(Local, Remote, new() { Dscp = 64 }));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Nothing_is_allocated(bool outerIPv6, bool isEthernet, int optional)
    {
        GreEncapsulator encapsulator = Make(outerIPv6, new()
        {
            Ethernet = isEthernet,
            Key = (optional & 1) != 0 ? 1 : null,
            Checksum = (optional & 2) != 0,
            SequenceNumbers = (optional & 4) != 0,
        });
        byte[] inner = Inner(false, PacketBuilder.Payload(300)), memory = new byte[500];
        inner = isEthernet ? PacketBuilder.Ethernet(OtherMac, Mac, EtherType.IPv4, inner) : inner;
        OperationStatus status = default;
        Allocations.Zero(() =>
        {
            status = encapsulator.Encapsulate(inner, memory, out _, 5);
            encapsulator.WriteOuter(memory, inner.Length, default, 6);
        });
        Assert.Equal(OperationStatus.Done, status);
    }

    /// <summary>A GRE header and what it carries, written another way than the library does.</summary>
    internal static byte[] Gre(EtherType type, uint? key, bool checksum, uint? number, ReadOnlySpan<byte> payload)
    {
        List<byte> bytes = [(byte)((checksum ? 0x80 : 0) | (key is null ? 0 : 0x20) | (number is null ? 0 : 0x10)), 0, (byte)((int)type >> 8), (byte)type];
        bytes.AddRange(checksum ? [0, 0, 0, 0] : []);
        foreach (uint? word in new[] { key, number })
        {
            bytes.AddRange(word is uint value ? [(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value] : []);
        }

        byte[] packet = [.. bytes, .. payload];
        if (checksum)
        {
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), PacketBuilder.Checksum(packet, 0));
        }

        return packet;
    }

    private static GreEncapsulator Make(bool ipv6, GreEncapsulatorOptions options) =>
        ipv6 ? new(LocalIPv6, RemoteIPv6, options) : new(Local, Remote, options);

    private static byte[] Inner(bool ipv6, ReadOnlySpan<byte> payload, byte trafficClass = 0, byte ttl = 64, bool dontFragment = false) =>
        PacketBuilder.IP(ipv6 ? HostIPv6 : Host, ipv6 ? OtherHostIPv6 : OtherHost, (IPProtocol)253, payload, trafficClass, ttl, dontFragment);
}
