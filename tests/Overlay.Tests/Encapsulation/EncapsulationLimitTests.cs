using System.Buffers;
using Overlay.Encapsulation;
using Overlay.Testing;
using Overlay.Tests.Wire;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Encapsulation;

/// <summary>The tunnel encapsulation limit of IP in IP over IPv6 (RFC 2473 §4.1.1).</summary>
public sealed class EncapsulationLimitTests
{
    private static readonly ValueIPAddress Local = ValueIPAddress.Parse("2001:db8::1");
    private static readonly ValueIPAddress Remote = ValueIPAddress.Parse("2001:db8::2");
    private static readonly ValueIPAddress Host = ValueIPAddress.Parse("fd00::1");
    private static readonly ValueIPAddress OtherHost = ValueIPAddress.Parse("fd00:1::1");
    private static readonly ValueIPAddress Local4 = ValueIPAddress.Parse("192.0.2.1");
    private static readonly ValueIPAddress Remote4 = ValueIPAddress.Parse("192.0.2.2");

    // scapy 2.5: IPv6(src="2001:db8::1", dst="2001:db8::2", nh=60)/IPv6ExtHdrDestOpt(nh=41, options=[HBHOptUnknown(otype=4, optdata=b"\x04")])/
    //   IPv6(src="fd00::1", dst="fd00:1::1")/UDP(sport=1, dport=2)/b"x"; scapy pads with PadN of one byte as RFC 2473 §5.1 does.
    private static readonly byte[] Golden = Convert.FromHexString(
        "6000000000393C4020010DB800000000000000000000000120010DB800000000000000000000000229000401040" + "10100" +
        "6000000000091140FD000000000000000000000000000001FD0000010000000000000000000000010001000200098DD478");

    [Fact]
    public void Golden_packet_is_written()
    {
        byte[] inner = Golden[48..];
        IPInIPEncapsulator encapsulator = new(Local, Remote);
        HeaderAssert.Writes(Golden, (Span<byte> d, out int n) => encapsulator.Encapsulate(inner, default(OuterHeaderFields), d, out n, 4) == OperationStatus.Done);
        byte[] memory = new byte[Golden.Length];
        inner.CopyTo(memory, 48);
        encapsulator.WriteOuter(memory, inner.Length, default, 4);
        Assert.Equal(Golden, memory);
    }

    [Theory]
    [InlineData(null, null, null)]
    [InlineData(null, 4, 4)]
    [InlineData(null, 0, 0)]
    [InlineData(1, null, 0)]
    [InlineData(255, 4, 254)]
    [InlineData(1, 4, 0)]
    [InlineData(0, 4, -1)]
    [InlineData(0, null, -1)]
    public void A_carried_limit_counts_down_and_the_configured_one_stands_in(int? carried, int? configured, int? expected)
    {
        // reliability.md §6, 30 and 31.
        IPInIPEncapsulator encapsulator = new(Local, Remote, new() { EncapsulationLimit = (byte?)configured });
        byte[] inner = Inner(carried), memory = new byte[200];
        OperationStatus status = encapsulator.Encapsulate(inner, memory, out int length);
        if (expected < 0)
        {
            Assert.Equal((OperationStatus.InvalidData, 0), (status, length));
            return;
        }

        Assert.Equal((OperationStatus.Done, inner.Length + (expected is null ? 40 : 48)), (status, length));
        Assert.True(IPv6Packet.TryParse(memory.AsSpan(0, length), out IPv6Packet outer));
        Assert.Equal(expected is not null, outer.TryGetEncapsulationLimit(out byte limit, out int offset));
        Assert.Equal((expected ?? 0, expected is null ? 0 : 44), (limit, offset));
        Assert.True(Decapsulator.TryDecapsulate(memory.AsSpan(0, length), TunnelKind.IPInIP, 0, out Decapsulated taken, out _));
        Assert.Equal(inner, taken.Payload.ToArray());
        Assert.Equal(IPProtocol.IPv6, taken.Protocol);
    }

    [Fact]
    public void An_inner_IPv4_packet_gets_the_configured_limit()
    {
        IPInIPEncapsulator encapsulator = new(Local, Remote, new() { EncapsulationLimit = 4 });
        byte[] inner = PacketBuilder.IP(Local4, Remote4, (IPProtocol)253, [1]), memory = new byte[100];
        Assert.Equal(OperationStatus.Done, encapsulator.Encapsulate(inner, memory, out int length));
        Assert.True(Decapsulator.TryDecapsulate(memory.AsSpan(0, length), TunnelKind.IPInIP, 0, out Decapsulated taken, out _));
        Assert.Equal((IPProtocol.IPv4, 48), (taken.Protocol, taken.PayloadOffset));
    }

    [Fact]
    public void Over_IPv4_there_is_none()
    {
        Assert.Throws<ArgumentException>(() => new IPInIPEncapsulator(Local4, Remote4, new() { EncapsulationLimit = 4 }));
        IPInIPEncapsulator encapsulator = new(Local4, Remote4);
        byte[] memory = new byte[200];
        memory[28] = 0x60;
        Assert.Throws<ArgumentException>(() => encapsulator.WriteOuter(memory, 40, default, 4));
        Assert.Throws<ArgumentException>(() => encapsulator.Encapsulate(Inner(null), default(OuterHeaderFields), memory, out _, 4));
        Assert.Throws<ArgumentException>(() => encapsulator.Encapsulate(Inner(null), default(OuterHeaderFields), [], out _, 4));
        // 6in4 obeys RFC 4213, which knows no limit: it stays with the inner packet.
        Assert.Equal(OperationStatus.Done, encapsulator.Encapsulate(Inner(0), memory, out int length));
        Assert.Equal(20 + Inner(0).Length, length);
    }

    [Fact]
    public void The_longest_packet_is_shorter_by_the_option()
    {
        IPInIPEncapsulator encapsulator = new(Local, Remote);
        byte[] memory = new byte[70_000];
        memory[48] = 0x60;
        encapsulator.WriteOuter(memory, encapsulator.MaxPacketLength - 8, default, 4);
        Assert.Throws<ArgumentOutOfRangeException>(() => encapsulator.WriteOuter(memory, encapsulator.MaxPacketLength - 7, default, 4));
        Assert.Throws<ArgumentException>(() => encapsulator.WriteOuter(memory.AsSpan(0, 48), 40, default, 4));
        Assert.Equal(OperationStatus.DestinationTooSmall, encapsulator.Encapsulate(Inner(null), default(OuterHeaderFields), memory.AsSpan(0, Inner(null).Length + 47), out _, 4));
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        IPInIPEncapsulator encapsulator = new(Local, Remote, new() { EncapsulationLimit = 4 });
        byte[] inner = Inner(3), memory = new byte[200];
        OperationStatus status = default;
        Allocations.Zero(() => status = encapsulator.Encapsulate(inner, memory, out _));
        Assert.Equal(OperationStatus.Done, status);
    }

    /// <summary>An IPv6 packet with or without a limit of its own.</summary>
    internal static byte[] Inner(int? limit, IPProtocol protocol = (IPProtocol)253, byte[]? payload = null) => limit is null
        ? PacketBuilder.IP(Host, OtherHost, protocol, payload ?? [1, 2, 3])
        : PacketBuilder.IP(Host, OtherHost, IPProtocol.DestinationOptions, [(byte)protocol, 0, 4, 1, (byte)limit, 1, 1, 0, .. payload ?? [1, 2, 3]]);
}
