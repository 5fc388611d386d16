using System.Buffers.Binary;
using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing;
using Overlay.Tests.Encapsulation;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.DataPath;

/// <summary>What becomes of the encapsulation limit at the entry of a tunnel, and what its source is told (RFC 2473 §4.1.1).</summary>
public sealed class EncapsulationLimitEgressTests
{
    private static readonly ValueIPAddress Local = ValueIPAddress.Parse("2001:db8::1");
    private static readonly ValueIPAddress Remote = ValueIPAddress.Parse("2001:db8::2");
    private static readonly ValueIPAddress Host = ValueIPAddress.Parse("fd00::1");

    [Theory]
    [InlineData(null, null, null)]
    [InlineData(null, 4, 4)]
    [InlineData(7, null, 6)]
    [InlineData(1, 200, 0)]
    public void One_less_than_carried_or_what_is_configured(int? carried, int? configured, int? expected)
    {
        TunnelRig rig = Rig(configured);
        ref PacketMeta meta = ref rig.Send(EncapsulationLimitTests.Inner(carried));
        Assert.Equal((PacketState.Pending, (byte?)expected, Remote), (meta.State, meta.EncapsulationLimit, meta.Remote));
    }

    [Fact]
    public void An_IPv4_packet_gets_the_configured_one_and_a_tunnel_over_IPv4_none()
    {
        TunnelRig rig = Rig(4);
        Assert.Equal((byte?)4, rig.Send(PacketBuilder.Udp(TunnelRig.InnerA, TunnelRig.InnerB, 1, 2, [])).EncapsulationLimit);
        TunnelRig over4 = new(TunnelKind.IPInIP, DeviceLayer.IP, new TunnelPolicy { EncapsulationLimit = 4 });
        over4.Tables.Apply(OverlayUpdate.SetRoute(ValueIPAddress.Parse("::"), 0, new RouteEntry(TunnelRig.Remote)));
        Assert.Null(over4.Send(EncapsulationLimitTests.Inner(0)).EncapsulationLimit);
        Assert.Equal(PacketState.Pending, over4.Batch.Meta(0).State);
    }

    [Fact]
    public void At_zero_the_packet_is_dropped_and_its_source_told_where_it_says_so()
    {
        // reliability.md §6, 30.
        TunnelRig rig = Rig(null);
        byte[] packet = EncapsulationLimitTests.Inner(0);
        Assert.Equal((PacketState.Dropped, DropReason.EncapsulationLimit), (rig.Send(packet).State, rig.Batch.Meta(0).Drop));
        Assert.Equal(2, rig.Batch.Count);
        PacketMeta told = rig.Batch.Meta(1);
        Assert.Equal((PacketState.Pending, TunnelRig.Device, PacketOrigin.Originated), (told.State, told.Output, told.Origin));
        Assert.True(IPv6Packet.TryParse(rig.Batch.Data(1), out IPv6Packet answer));
        Assert.Equal((Local, Host, IPProtocol.IcmpV6, 64), (answer.Source, answer.Destination, answer.NextHeader, answer.HopLimit));
        Assert.True(IcmpV6Packet.TryParse(answer.Payload, out IcmpV6Packet message));
        Assert.True(message.IsChecksumValid(answer.Source, answer.Destination));
        // 40 bytes of IPv6, 2 of the extension header, 2 of the option.
        Assert.Equal((IcmpV6Type.ParameterProblem, 0, 44u), (message.Type, message.Code, message.RestOfHeader));
        Assert.Equal(packet, message.Payload.ToArray());
        Assert.Equal(0, message.Payload[44]);
        rig.Complete(rig.Egress, rig.Tunnel.Egress);
        Assert.Equal((1, 1, 1, 1), (rig.Tunnel.Egress.RxPackets, rig.Tunnel.Egress.Originated, rig.Tunnel.Egress.TxPackets, rig.Tunnel.Egress.TotalDrops));
    }

    [Fact]
    public void A_message_fits_the_smallest_MTU()
    {
        TunnelRig rig = Rig(null);
        rig.Send(EncapsulationLimitTests.Inner(0, payload: new byte[5000]));
        Assert.Equal(1280, rig.Batch.Data(1).Length);
        Assert.True(IPv6Packet.TryParse(rig.Batch.Data(1), out IPv6Packet answer) && IcmpV6Packet.TryParse(answer.Payload, out IcmpV6Packet message)
            && message.IsChecksumValid(answer.Source, answer.Destination));
    }

    public static TheoryData<string, byte[]> Silent()
    {
        byte[] fromNobody = EncapsulationLimitTests.Inner(0);
        fromNobody.AsSpan(8, 16).Clear();
        byte[] fromMany = EncapsulationLimitTests.Inner(0);
        BinaryPrimitives.WriteUInt16BigEndian(fromMany.AsSpan(8), 0xFF02);
        byte[] toMany = EncapsulationLimitTests.Inner(0);
        BinaryPrimitives.WriteUInt16BigEndian(toMany.AsSpan(24), 0xFF05);
        return new TheoryData<string, byte[]>
        {
            { "from nobody", fromNobody },
            { "from many", fromMany },
            { "to many", toMany },
            { "an error", EncapsulationLimitTests.Inner(0, IPProtocol.IcmpV6, [1, 0, 0, 0, 0, 0, 0, 0]) },
            { "a redirect", EncapsulationLimitTests.Inner(0, IPProtocol.IcmpV6, [137, 0, 0, 0, 0, 0, 0, 0]) },
            { "cut ICMPv6", EncapsulationLimitTests.Inner(0, IPProtocol.IcmpV6, [128, 0]) },
        };
    }

    [Theory]
    [MemberData(nameof(Silent))]
    public void No_message_where_RFC_4443_forbids_it(string why, byte[] packet)
    {
        TunnelRig rig = Rig(null);
        Assert.Equal(DropReason.EncapsulationLimit, rig.Send(packet).Drop);
        Assert.True(rig.Batch.Count == 1, why);
        rig.Complete(rig.Egress, rig.Tunnel.Egress);
    }

    [Fact]
    public void An_echo_request_is_told_of()
    {
        TunnelRig rig = Rig(null);
        rig.Send(EncapsulationLimitTests.Inner(0, IPProtocol.IcmpV6, [128, 0, 0, 0, 0, 0, 0, 0]));
        Assert.Equal(2, rig.Batch.Count);
    }

    [Fact]
    public void Ten_messages_in_a_second_are_enough()
    {
        TunnelRig rig = Rig(null);
        byte[] packet = EncapsulationLimitTests.Inner(0);
        Assert.Equal([10, 0, 10], new long[] { 5_000, 5_999, 6_000 }.Select(now =>
        {
            rig.Batch.Clear();
            for (int i = 0; i < 15; i++)
            {
                Assert.True(rig.Batch.TryAppend(packet, out _));
            }

            rig.Egress.Process(rig.Batch, now);
            return rig.Batch.Count - 15;
        }));
    }

    [Fact]
    public void Passing_allocates_nothing()
    {
        TunnelRig rig = Rig(4);
        byte[] packet = EncapsulationLimitTests.Inner(3), refused = EncapsulationLimitTests.Inner(0);
        int count = 0;
        Allocations.Zero(() =>
        {
            rig.Batch.Clear();
            rig.Batch.TryAppend(packet, out _);
            rig.Batch.TryAppend(refused, out _);
            rig.Egress.Process(rig.Batch, 0);
            count = rig.Batch.Count;
        });
        Assert.InRange(count, 2, 3);
    }

    private static TunnelRig Rig(int? configured)
    {
        TunnelRig rig = new(TunnelKind.IPInIP, DeviceLayer.IP, new TunnelPolicy { EncapsulationLimit = (byte?)configured }, local: Local);
        rig.Tables.Apply(OverlayUpdate.SetRoute(ValueIPAddress.Parse("::"), 0, new RouteEntry(Remote)));
        rig.Tables.Apply(OverlayUpdate.SetRoute(ValueIPAddress.Parse("0.0.0.0"), 0, new RouteEntry(Remote)));
        return rig;
    }
}
