using System.Buffers;
using System.Buffers.Binary;
using Overlay.Encapsulation;
using Overlay.Testing;
using Overlay.Tests.Wire;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Encapsulation;

public sealed class IPInIPEncapsulatorTests
{
    private static readonly ValueIPAddress Local = ValueIPAddress.Parse("192.0.2.1");
    private static readonly ValueIPAddress Remote = ValueIPAddress.Parse("198.51.100.2");
    private static readonly ValueIPAddress LocalIPv6 = ValueIPAddress.Parse("2001:db8::1");
    private static readonly ValueIPAddress RemoteIPv6 = ValueIPAddress.Parse("2001:db8::2");
    private static readonly ValueIPAddress Host = ValueIPAddress.Parse("10.0.0.1");
    private static readonly ValueIPAddress OtherHost = ValueIPAddress.Parse("10.1.0.1");
    private static readonly ValueIPAddress HostIPv6 = ValueIPAddress.Parse("fd00::1");
    private static readonly ValueIPAddress OtherHostIPv6 = ValueIPAddress.Parse("fd00:1::1");

    // scapy 2.5: IP(src="192.0.2.1", dst="198.51.100.2", flags="DF", id=0, tos=2)/IP(src="10.0.0.1", dst="10.1.0.1", flags="DF", tos=2)/UDP(sport=1, dport=2)/b"x"
    private static readonly byte[] Golden4In4 = Convert.FromHexString(
        "450200310000400040044e90c0000201c6336402" + "4502001d00014000401126cb0a0000010a010001" + "00010002000973d678");

    public static TheoryData<bool, bool> Families => new MatrixTheoryData<bool, bool>([false, true], [false, true]);

    [Fact]
    public void Golden_packet_is_written()
    {
        byte[] inner = Golden4In4[20..];
        HeaderAssert.Writes(Golden4In4, (Span<byte> d, out int n) => new IPInIPEncapsulator(Local, Remote).Encapsulate(inner, d, out n) == OperationStatus.Done);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Bytes_are_those_of_an_independent_builder(bool outerIPv6, bool innerIPv6)
    {
        Random random = new(42);
        IPInIPEncapsulator encapsulator = Make(outerIPv6);
        Assert.Equal(outerIPv6 ? 40 : 20, encapsulator.Overhead);
        byte[] memory = new byte[512];
        for (int i = 0; i < 2000; i++)
        {
            byte[] inner = Inner(innerIPv6, PacketBuilder.Payload(random.Next(200), i));
            var fields = new OuterHeaderFields
            {
                TrafficClass = (byte)random.Next(256),
                Ttl = (byte)random.Next(256),
                DontFragment = random.Next(2) == 1,
                Identification = outerIPv6 ? (ushort)0 : (ushort)random.Next(65536),
            };
            byte[] expected = PacketBuilder.IP(
                encapsulator.Local, encapsulator.Remote, innerIPv6 ? IPProtocol.IPv6 : IPProtocol.IPv4, inner, fields.TrafficClass,
                fields.Ttl == 0 ? (byte)64 : fields.Ttl, fields.DontFragment, fields.Identification);
            memory.AsSpan().Fill(HeaderAssert.Dirt);
            inner.CopyTo(memory, encapsulator.Overhead);
            encapsulator.WriteOuter(memory, inner.Length, fields);
            Assert.Equal(Convert.ToHexString(expected), Convert.ToHexString(memory, 0, expected.Length));
            Assert.Equal(-1, memory.AsSpan(expected.Length).IndexOfAnyExcept(HeaderAssert.Dirt));
            if (i < 50)
            {
                HeaderAssert.Writes(expected, (Span<byte> d, out int n) => encapsulator.Encapsulate(inner, fields, d, out n) == OperationStatus.Done);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Inner_DF_and_ECN_are_taken_over_and_nothing_of_the_inner_packet_changes(bool outerIPv6, bool innerIPv6)
    {
        IPInIPEncapsulator encapsulator = Make(outerIPv6);
        byte[] memory = new byte[200];
        for (int ecn = 0; ecn < 4; ecn++)
        {
            foreach (bool dontFragment in new[] { false, true })
            {
                byte[] inner = Inner(innerIPv6, [1, 2, 3], (byte)(0xB8 | ecn), 1, dontFragment);
                byte[] padded = [.. inner, 0xEE, 0xEE];
                Assert.Equal(OperationStatus.Done, encapsulator.Encapsulate(padded, memory, out int length));
                Assert.Equal(encapsulator.Overhead + inner.Length, length);
                Assert.True(Decapsulator.TryDecapsulate(memory.AsSpan(0, length), TunnelKind.IPInIP, 0, out Decapsulated outer, out _));
                Assert.Equal((ecn, 64), (outer.TrafficClass, outer.Ttl));
                Assert.Equal(innerIPv6 ? IPProtocol.IPv6 : IPProtocol.IPv4, outer.Protocol);
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
    public void Options_are_followed()
    {
        var options = new IPInIPEncapsulatorOptions { Dscp = 10, Ttl = 7, DontFragment = true, Ecn = EcnProfile.Rfc6040Compatibility };
        byte[] memory = new byte[200];
        Assert.Equal(OperationStatus.Done, new IPInIPEncapsulator(Local, Remote, options).Encapsulate(Inner(true, [1], 3), memory, out int length));
        Assert.True(IPv4Packet.TryParse(memory.AsSpan(0, length), out IPv4Packet ip));
        Assert.Equal((40, 7, true), (ip.TrafficClass, ip.TimeToLive, ip.DontFragment));
        Assert.True(ip.IsChecksumValid);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Inner_TTL_of_zero_is_refused(bool innerIPv6)
    {
        byte[] memory = new byte[200];
        Assert.Equal(OperationStatus.InvalidData, Make(false).Encapsulate(Inner(innerIPv6, [1], ttl: 0), memory, out int length));
        Assert.Equal(0, length);
        Assert.Equal(-1, memory.AsSpan().IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void Packets_of_the_tunnel_itself_are_refused()
    {
        byte[] memory = new byte[200];
        Assert.Equal(OperationStatus.InvalidData, Make(false).Encapsulate(PacketBuilder.IP(Local, Remote, IPProtocol.Udp, [1]), memory, out _));
        Assert.Equal(OperationStatus.InvalidData, Make(false).Encapsulate(PacketBuilder.IP(Remote, OtherHost, IPProtocol.Udp, [1]), memory, out _));
        Assert.Equal(OperationStatus.InvalidData, Make(true).Encapsulate(PacketBuilder.IP(LocalIPv6, RemoteIPv6, IPProtocol.Udp, [1]), memory, out _));
        Assert.Equal(OperationStatus.Done, Make(false).Encapsulate(PacketBuilder.IP(Local, OtherHost, IPProtocol.Udp, [1]), memory, out _));
        Assert.Equal(OperationStatus.Done, Make(false).Encapsulate(PacketBuilder.IP(Host, Remote, IPProtocol.Udp, [1]), memory, out _));
    }

    [Fact]
    public void What_is_no_packet_is_refused()
    {
        IPInIPEncapsulator encapsulator = Make(false);
        byte[] memory = new byte[70_000];
        byte[] inner = Inner(false, [1, 2, 3]);
        for (int length = 0; length < inner.Length; length++)
        {
            Assert.Equal(OperationStatus.InvalidData, encapsulator.Encapsulate(inner.AsSpan(0, length), memory, out _));
        }

        Assert.Equal(OperationStatus.InvalidData, encapsulator.Encapsulate([0x55, .. new byte[60]], memory, out _));
        Assert.Equal(OperationStatus.InvalidData, encapsulator.Encapsulate([0x55, .. new byte[60]], default(OuterHeaderFields), memory, out _));
        Assert.Equal(OperationStatus.InvalidData, encapsulator.Encapsulate([], default(OuterHeaderFields), memory, out _));
        Assert.Equal(OperationStatus.DestinationTooSmall, encapsulator.Encapsulate(inner, memory.AsSpan(0, inner.Length + 19), out int written));
        Assert.Equal(0, written);

        // 65 515 bytes are the most that fit behind 20.
        Assert.Equal(65515, encapsulator.MaxPacketLength);
        Assert.Equal(OperationStatus.InvalidData, encapsulator.Encapsulate(Inner(false, new byte[65496]), memory, out _));
        Assert.Equal(OperationStatus.Done, encapsulator.Encapsulate(Inner(false, new byte[65495]), memory, out written));
        Assert.Equal(65535, written);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Wrong_headroom_or_length_is_the_callers_mistake(bool outerIPv6)
    {
        IPInIPEncapsulator encapsulator = Make(outerIPv6);
        byte[] memory = new byte[100];
        Assert.Throws<ArgumentException>(() => encapsulator.WriteOuter(memory.AsSpan(0, encapsulator.Overhead), 20, default));
        Assert.Throws<ArgumentException>(() => encapsulator.WriteOuter(memory, 20, default));
        memory[encapsulator.Overhead] = 0x45;
        encapsulator.WriteOuter(memory, 20, default);
        Assert.Throws<ArgumentOutOfRangeException>(() => encapsulator.WriteOuter(memory, 0, default));
        Assert.Throws<ArgumentOutOfRangeException>(() => encapsulator.WriteOuter(memory, -1, default));
        Assert.Throws<ArgumentOutOfRangeException>(() => encapsulator.WriteOuter(memory, encapsulator.MaxPacketLength + 1, default));
        encapsulator.WriteOuter(memory, encapsulator.MaxPacketLength, default);
    }

    [Fact]
    public void Ends_and_options_that_make_no_sense_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new IPInIPEncapsulator(Local, RemoteIPv6));
        Assert.Throws<ArgumentException>(() => new IPInIPEncapsulator(Local, Local));
        Assert.Throws<ArgumentException>(() => new IPInIPEncapsulator(default, RemoteIPv6));
        Assert.Throws<ArgumentOutOfRangeException>(() => new IPInIPEncapsulator(Local, Remote, new() { Ttl = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new IPInIPEncapsulator(Local, Remote, new() { Dscp = 64 }));
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Nothing_is_allocated(bool outerIPv6, bool innerIPv6)
    {
        IPInIPEncapsulator encapsulator = Make(outerIPv6);
        byte[] inner = Inner(innerIPv6, PacketBuilder.Payload(300)), memory = new byte[500];
        OperationStatus status = default;
        Allocations.Zero(() =>
        {
            status = encapsulator.Encapsulate(inner, memory, out _);
            encapsulator.WriteOuter(memory, inner.Length, default);
        });
        Assert.Equal(OperationStatus.Done, status);
    }

    private static IPInIPEncapsulator Make(bool ipv6) => ipv6 ? new(LocalIPv6, RemoteIPv6) : new(Local, Remote);

    private static byte[] Inner(bool ipv6, ReadOnlySpan<byte> payload, byte trafficClass = 0, byte ttl = 64, bool dontFragment = false) =>
        PacketBuilder.IP(ipv6 ? HostIPv6 : Host, ipv6 ? OtherHostIPv6 : OtherHost, (IPProtocol)253, payload, trafficClass, ttl, dontFragment);
}
