using System.Buffers.Binary;
using Overlay.DataPath;
using Overlay.Encapsulation;
using Overlay.Tables;
using Overlay.Testing;
using Overlay.Testing.Conformance;
using Overlay.Tests.Daemon;
using Overlay.Tests.DataPath;
using Xunit;

namespace Overlay.Tests.Conformance;

/// <summary>IPv6 in IPv4.</summary>
public sealed class Rfc4213Tests
{
    [Theory]
    [InlineData(1_500, 1_480)]
    [InlineData(1_300, 1_280)]
    [RfcItem(36, "RFC 4213 §3.2", "The tunnel MUST NOT be treated as a link of 64 KB: a static MTU is 1280 to 1480 by default, and DF MUST NOT be set then.",
        Deviation = "By default the MTU is what the link leaves over, 1480 on Ethernet; more on a link that takes more.")]
    public void A_static_MTU_holds_and_leaves_DF_clear(int path, int mtu)
    {
        PathMtus paths = new(1_500);
        paths.SetConfigured(paths.Add(TunnelRig.Remote), path, 0);
        TunnelRig rig = new(new Tunnel(IPInIPRig.Create().Tunnel.Options, new OverlayTables(), paths));
        rig.Tables.Apply(OverlayUpdate.SetRoute(ValueIPAddress.Parse("fd00:244::"), 64, new RouteEntry(TunnelRig.Remote)));
        byte[] Packet(int length) => PacketBuilder.Udp(TunnelRig.InnerA6, TunnelRig.InnerB6, 1000, 2000, new byte[length - 48]);
        foreach (int length in (int[])[60, 1_280, mtu])
        {
            ref PacketMeta meta = ref rig.Send(Packet(length));
            Assert.Equal((PacketState.Pending, false), (meta.State, meta.DontFragment));
        }

        foreach (int length in (int[])[mtu + 1, 9_000, 65_000])
        {
            Assert.Equal(DropReason.TooBig, rig.Send(Packet(length)).Drop);
            // Packet Too Big (RFC 4443 §3.2): the MTU is the second word of the message.
            Assert.Equal(2, rig.Batch.Count);
            Assert.Equal((uint)mtu, BinaryPrimitives.ReadUInt32BigEndian(rig.Batch.Data(1)[44..]));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [RfcItem(38, "RFC 4213 §3.6", "The outer source address MUST be that of the configured other end; else the packet is discarded, without an ICMP error.")]
    public void Packets_from_others_than_the_other_end_are_discarded_without_a_word(bool outer6)
    {
        TunnelRig rig = IPInIPRig.Create(outer6: outer6);
        byte[] packet = IPInIPRig.Incoming(inner6: true);
        ValueIPAddress[] strangers = outer6
            ? [ValueIPAddress.Parse("2001:db8::3"), ValueIPAddress.Parse("2001:db8:1::2")]
            : [TunnelRig.Remote2, ValueIPAddress.Parse("203.0.113.9")];
        foreach (ValueIPAddress stranger in strangers)
        {
            Assert.Equal(DropReason.UnknownRemote, rig.Receive(packet, stranger, protocol: IPProtocol.IPv6).Drop);
            rig.Complete(rig.Ingress, rig.Tunnel.Ingress);
            Assert.Equal((1, 0), (rig.Batch.Count, rig.Tunnel.Ingress.Originated));
        }

        Assert.Equal(PacketState.Pending, rig.Receive(packet, IPInIPRig.Remote(outer6), protocol: IPProtocol.IPv6).State);
        Assert.Equal(strangers.Length, rig.Tunnel.Ingress.Drops(DropReason.UnknownRemote));
    }

    [Theory]
    [InlineData(1_280)]
    [InlineData(1_500)]
    [InlineData(9_000)]
    [InlineData(65_515)]
    [RfcItem(39, "RFC 4213 §3.6", "Packets of 1500 bytes MUST be received, and of the largest MTU of an interface if that is more.")]
    public void Whatever_an_outer_packet_holds_is_received(int length)
    {
        TunnelRig rig = IPInIPRig.Create();
        byte[] packet = PacketBuilder.Udp(TunnelRig.InnerB6, TunnelRig.InnerA6, 1000, 2000, PacketBuilder.Payload(length - 48));
        Assert.Equal(PacketState.Pending, rig.Receive(packet, protocol: IPProtocol.IPv6).State);
        Assert.Equal(packet, rig.Batch.Data(0).ToArray());
    }

    [Theory]
    [InlineData("ff00::1", DropReason.InvalidSource)]
    [InlineData("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", DropReason.InvalidSource)]
    [InlineData("::1", DropReason.InvalidSource)]
    [InlineData("::2", DropReason.InvalidSource)]
    [InlineData("::192.0.2.7", DropReason.InvalidSource)]
    [InlineData("::ffff:192.0.2.7", DropReason.MappedAddress)]
    [InlineData("::ffff:0.0.0.0", DropReason.MappedAddress)]
    [InlineData("::", DropReason.None)]
    [InlineData("::fffe:192.0.2.7", DropReason.None)]
    [InlineData("0:0:0:0:1::", DropReason.None)]
    [InlineData("feff::1", DropReason.None)]
    [InlineData("fe80::1", DropReason.None)]
    [InlineData("2001:db8::7", DropReason.None)]
    [RfcItem(40, "RFC 4213 §3.6", "After decapsulation, packets from ff00::/8, ::1, ::/96 but for ::, and ::ffff:0:0/96 MUST be silently discarded.")]
    public void Martian_sources_are_dropped(string source, DropReason expected)
    {
        // By its bytes: the library takes a mapped address for an IPv4 one.
        byte[] packet = IPInIPRig.Incoming(inner6: true);
        System.Net.IPAddress.Parse(source).GetAddressBytes().CopyTo(packet, 8);
        foreach (bool outer6 in (bool[])[false, true])
        {
            TunnelRig rig = IPInIPRig.Create(outer6: outer6);
            Assert.Equal(expected, rig.Receive(packet, IPInIPRig.Remote(outer6), protocol: IPProtocol.IPv6).Drop);
            rig.Complete(rig.Ingress, rig.Tunnel.Ingress);
            Assert.Equal(expected == DropReason.None ? 0 : 1, rig.Tunnel.Ingress.Drops(expected == DropReason.None ? DropReason.InvalidSource : expected));
            // Silently: nothing goes back.
            Assert.Equal((1, 0), (rig.Batch.Count, rig.Tunnel.Ingress.Originated));
        }
    }

    [Fact]
    [RfcItem(41, "RFC 4213 §3.5", "The source address of the tunnel's packets is configurable.")]
    public void The_outer_source_is_what_is_configured()
    {
        ValueIPAddress local = ValueIPAddress.Parse("198.51.100.7");
        byte[] outer = new byte[200];
        new IPInIPEncapsulator(local, TunnelRig.Remote).Encapsulate(IPInIPRig.Outgoing(inner6: true), outer, out _);
        Assert.Equal(local, ValueIPAddress.ReadIPv4(outer.AsSpan(12)));
        Assert.Equal(
            local,
            ConfigSamples.Parse("""{ "tunnels": [ { "name": "a", "kind": "ipip", "local": "198.51.100.7", "device": { "type": "tun" } } ] }""").Tunnels[0].Local);
    }
}
