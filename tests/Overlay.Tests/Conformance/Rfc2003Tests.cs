using System.Buffers;
using System.Buffers.Binary;
using Overlay.Daemon.Status;
using Overlay.DataPath;
using Overlay.Encapsulation;
using Overlay.Tables;
using Overlay.Testing;
using Overlay.Testing.Conformance;
using Overlay.Tests.DataPath;
using Xunit;

namespace Overlay.Tests.Conformance;

/// <summary>IPv4 in IPv4.</summary>
public sealed class Rfc2003Tests
{
    [Fact]
    [RfcItem(16, "RFC 2003 §3.1", "The outer TOS is copied from the inner header (as RFC 2983 and RFC 6040 have refined it since).",
        Deviation = "dscp is 0 by default: the underlay's classes are not the tenant's to choose (RFC 2983, pipe model); the ECN bits are copied. `inherit` copies all eight bits.")]
    public void The_outer_TOS_is_the_inner_one()
    {
        TunnelRig inherit = IPInIPRig.Create(new TunnelPolicy { Dscp = null });
        TunnelRig pipe = IPInIPRig.Create();
        TunnelRig fixedClass = IPInIPRig.Create(new TunnelPolicy { Dscp = 46 });
        for (int tos = 0; tos < 256; tos++)
        {
            byte[] packet = IPInIPRig.Outgoing(inner6: false, trafficClass: (byte)tos);
            Assert.Equal(tos, inherit.Send(packet).TrafficClass);
            Assert.Equal(tos & 3, pipe.Send(packet).TrafficClass);
            Assert.Equal((46 << 2) | (tos & 3), fixedClass.Send(packet).TrafficClass);
            Assert.Equal(packet, fixedClass.Batch.Data(0).ToArray());
        }
    }

    [Fact]
    [RfcItem(17, "RFC 2003 §3.1", "If DF is set in the inner header it MUST be set in the outer one.")]
    public void Inner_DF_sets_outer_DF()
    {
        TunnelRig rig = IPInIPRig.Create();
        Assert.True(rig.Send(IPInIPRig.Outgoing(inner6: false, dontFragment: true)).DontFragment);
        Assert.False(rig.Send(IPInIPRig.Outgoing(inner6: false)).DontFragment);
        Assert.Equal(0x40, Encapsulate(IPInIPRig.Outgoing(inner6: false, dontFragment: true))[6]);
    }

    [Fact]
    [RfcItem(18, "RFC 2003 §3.1", "Options of the inner header are not copied to the outer one.")]
    public void The_outer_header_has_no_options()
    {
        // IHL 15: forty bytes of options, 39 times "no operation" and the end.
        byte[] plain = IPInIPRig.Outgoing(inner6: false);
        byte[] packet = [.. plain[..20], .. Enumerable.Repeat((byte)1, 39), 0, .. plain[20..]];
        packet[0] = 0x4F;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
        packet.AsSpan(10, 2).Clear();
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), PacketBuilder.Checksum(packet.AsSpan(0, 60), 0));

        byte[] outer = Encapsulate(packet);
        Assert.Equal(0x45, outer[0]);
        Assert.Equal(packet, outer[20..]);
        Assert.Equal(PacketState.Pending, IPInIPRig.Create().Send(packet).State);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(64)]
    [InlineData(255)]
    [RfcItem(19, "RFC 2003 §3.1", "The inner TTL is decremented when the tunnelling is part of forwarding, and not otherwise.",
        Deviation = "Never here: who forwards is the kernel, before it hands the packet to the device; a packet of this host comes no hop.")]
    public void The_inner_TTL_goes_in_as_it_came_from_the_device(byte ttl)
    {
        TunnelRig rig = IPInIPRig.Create();
        byte[] packet = IPInIPRig.Outgoing(inner6: false, ttl: ttl);
        Assert.Equal(PacketState.Pending, rig.Send(packet).State);
        Assert.Equal(packet, rig.Batch.Data(0).ToArray());
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [RfcItem(20, "RFC 2003 §3.1", "A packet with TTL 0 MUST NOT be encapsulated.")]
    public void TTL_0_is_not_encapsulated(bool outer6, bool inner6)
    {
        TunnelRig rig = IPInIPRig.Create(outer6: outer6);
        byte[] packet = IPInIPRig.Outgoing(inner6, ttl: 0);
        Assert.Equal(DropReason.TtlExpired, rig.Send(packet).Drop);
        rig.Complete(rig.Egress, rig.Tunnel.Egress);
        Assert.Equal(1, rig.Tunnel.Egress.Drops(DropReason.TtlExpired));
        IPInIPEncapsulator encapsulator = new(rig.Tunnel.Options.Local, IPInIPRig.Remote(outer6));
        Assert.Equal(OperationStatus.InvalidData, encapsulator.Encapsulate(packet, new byte[200], out _));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(255)]
    [RfcItem(21, "RFC 2003 §3.1", "The inner TTL is not changed when decapsulating; if it is 0 then, the packet MUST be discarded.")]
    public void The_inner_TTL_comes_out_as_it_was_sent(byte ttl)
    {
        TunnelRig rig = IPInIPRig.Create();
        byte[] packet = IPInIPRig.Incoming(inner6: false, ttl: ttl);
        Assert.Equal(ttl == 0 ? DropReason.TtlExpired : DropReason.None, rig.Receive(packet, protocol: IPProtocol.IPv4).Drop);
        Assert.Equal(packet, rig.Batch.Data(0).ToArray());
    }

    [Fact]
    [RfcItem(22, "RFC 2003 §3.1", "The outer TTL is one that reaches the other end, and is configurable.")]
    public void The_outer_TTL_is_64_or_configured()
    {
        byte[] packet = IPInIPRig.Outgoing(inner6: false, ttl: 3);
        Assert.Equal(64, IPInIPRig.Create().Send(packet).Ttl);
        Assert.Equal(255, IPInIPRig.Create(new TunnelPolicy { Ttl = 255 }).Send(packet).Ttl);
        Assert.Equal(3, IPInIPRig.Create(new TunnelPolicy { Ttl = null }).Send(packet).Ttl);
        Assert.Equal(64, Encapsulate(packet)[8]);
    }

    [Fact]
    [RfcItem(23, "RFC 2003 §3.2", "A packet whose source is the tunnel's other end, or an address of the router itself, MUST NOT be tunnelled.",
        Deviation = "Of own addresses only the tunnel's own packet is dropped, from its local to its remote address: hosts send from their own addresses into their tunnels, which the RFC does not forbid them.")]
    public void What_would_loop_is_dropped()
    {
        TunnelRig rig = IPInIPRig.Create();
        // From the other end: it would come back to where it came from.
        Assert.Equal(DropReason.Loop, rig.Send(PacketBuilder.Udp(TunnelRig.Remote, TunnelRig.InnerB, 1, 2, "x"u8)).Drop);
        rig.Complete(rig.Egress, rig.Tunnel.Egress);
        // The tunnel's own packet, which a route has led into the device.
        rig.Tables.Apply(OverlayUpdate.SetRoute(TunnelRig.Remote, 32, new RouteEntry(TunnelRig.Remote)));
        byte[] own = PacketBuilder.IP(TunnelRig.Local, TunnelRig.Remote, IPProtocol.IPv4, IPInIPRig.Outgoing(inner6: false));
        Assert.Equal(DropReason.Loop, rig.Send(own).Drop);
        rig.Complete(rig.Egress, rig.Tunnel.Egress);
        Assert.Equal(2, rig.Tunnel.Egress.Drops(DropReason.Loop));
        // The host itself to somebody behind the other end.
        Assert.Equal(PacketState.Pending, rig.Send(PacketBuilder.Udp(TunnelRig.Local, TunnelRig.InnerB, 1, 2, "x"u8)).State);

        IPInIPEncapsulator encapsulator = new(TunnelRig.Local, TunnelRig.Remote);
        Assert.Equal(OperationStatus.InvalidData, encapsulator.Encapsulate(own, new byte[200], out _));
        Assert.Equal(
            OperationStatus.InvalidData, encapsulator.Encapsulate(PacketBuilder.Udp(TunnelRig.Remote, TunnelRig.InnerB, 1, 2, "x"u8), new byte[200], out _));
    }

    [Fact]
    [RfcItem(29, "RFC 2003 §6.2", "An end may admit only packets from trusted outer sources.")]
    public void Only_remotes_of_the_tunnel_are_admitted()
    {
        TunnelRig rig = IPInIPRig.Create();
        byte[] packet = IPInIPRig.Incoming(inner6: false);
        Assert.Equal(PacketState.Pending, rig.Receive(packet, protocol: IPProtocol.IPv4).State);
        rig.Complete(rig.Ingress, rig.Tunnel.Ingress);
        Assert.Equal(DropReason.UnknownRemote, rig.Receive(packet, TunnelRig.Remote2, protocol: IPProtocol.IPv4).Drop);
        rig.Complete(rig.Ingress, rig.Tunnel.Ingress);
        Assert.Equal((1, 1), (rig.Tunnel.Ingress.TxPackets, rig.Tunnel.Ingress.Drops(DropReason.UnknownRemote)));
        // An inner source that is a remote proves nothing.
        Assert.Equal(
            DropReason.UnknownRemote,
            rig.Receive(PacketBuilder.Udp(TunnelRig.Remote, TunnelRig.InnerA, 1, 2, "x"u8), TunnelRig.Remote2, protocol: IPProtocol.IPv4).Drop);
    }

    [Fact]
    [RfcItem(26, "RFC 2003 §5", "MTU, TTL and reachability of the tunnel are kept as soft state, which ICMP from within the tunnel updates.",
        Deviation = "The TTL is the configured one: the hops of the path are not counted. Of reachability the errors are counted and shown, and stop no packet: anybody can write them.")]
    public void The_soft_state_of_a_tunnel_is_kept_and_shown()
    {
        PathMtus paths = new(1_500);
        paths.SetRoute(paths.Add(TunnelRig.Remote), 1_500, 0);
        TunnelRig rig = new(new Tunnel(IPInIPRig.Create(new TunnelPolicy { Ttl = 33 }).Tunnel.Options, new OverlayTables(), paths));
        rig.Tables.Apply(OverlayUpdate.SetRoute(ValueIPAddress.Parse("10.244.0.0"), 16, new RouteEntry(TunnelRig.Remote)));
        UnderlayIcmp icmp = new(rig.Tunnel, port: 0);
        PathMtuStatus Shown(long now) => Assert.Single(PathMtuStatus.From(paths, prober: null, overhead: 20, now)!);
        Assert.Equal(new PathMtuStatus("192.0.2.2", 1_500, 1_480, "route", 5, 1_500, null), Shown(5_000));

        Assert.Equal(UnderlayIcmpVerdict.Lowered, icmp.TakeIPv4(Error(3, 4, 1_400), 5_000, out _));
        Assert.Equal(new PathMtuStatus("192.0.2.2", 1_400, 1_380, "icmp", 60, 1_500, null), Shown(65_000));
        Assert.Equal(DropReason.TooBig, rig.Send(PacketBuilder.Udp(TunnelRig.InnerA, TunnelRig.InnerB, 1, 2, new byte[1_353], dontFragment: true)).Drop);

        foreach (byte code in (byte[])[0, 1, 2, 3])
        {
            Assert.Equal(UnderlayIcmpVerdict.Unreachable, icmp.TakeIPv4(Error(3, code, 0), 66_000, out _));
        }

        Assert.Equal(UnderlayIcmpVerdict.Unreachable, icmp.TakeIPv4(Error(11, 0, 0), 66_000, out _));
        Assert.Equal(5, icmp.Count(UnderlayIcmpVerdict.Unreachable));
        Assert.Equal((PacketState.Pending, 33), (rig.Send(IPInIPRig.Outgoing(inner6: false)).State, rig.Batch.Meta(0).Ttl));

        // Soft: forgotten after its time.
        paths.Age(700_000);
        Assert.Equal((1_500, "route"), (Shown(700_000).Mtu, Shown(700_000).Source));
    }

    // About an outer packet of 1500 bytes to the remote.
    private static byte[] Error(byte type, byte code, ushort mtu)
    {
        byte[] quoted = PacketBuilder.IP(TunnelRig.Local, TunnelRig.Remote, IPProtocol.IPv4, new byte[1_480], dontFragment: true)[..28];
        byte[] message = [type, code, 0, 0, 0, 0, (byte)(mtu >> 8), (byte)mtu, .. quoted];
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), PacketBuilder.Checksum(message, 0));
        return message;
    }

    private static byte[] Encapsulate(byte[] packet)
    {
        byte[] outer = new byte[packet.Length + 20];
        Assert.Equal(OperationStatus.Done, new IPInIPEncapsulator(TunnelRig.Local, TunnelRig.Remote).Encapsulate(packet, outer, out int length));
        Assert.Equal(outer.Length, length);
        return outer;
    }
}
