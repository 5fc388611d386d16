using System.Buffers;
using Overlay.DataPath;
using Overlay.Encapsulation;
using Overlay.Tables;
using Overlay.Testing;
using Overlay.Testing.Conformance;
using Overlay.Tests.Daemon;
using Overlay.Tests.DataPath;
using Xunit;

namespace Overlay.Tests.Conformance;

/// <summary>Tunnels over IPv6.</summary>
public sealed class Rfc2473Tests
{
    [Fact]
    [RfcItem(32, "RFC 2473 §4.1.2", "A tunnel whose entry and exit are one node is refused, and so is a packet whose addresses are those of the tunnel.")]
    public void A_tunnel_into_itself_is_refused()
    {
        Assert.Throws<ArgumentException>(() => new IPInIPEncapsulator(IPInIPRig.Local6, IPInIPRig.Local6));
        string[] mistakes = ConfigSamples.Mistakes("""
            { "tunnels": [ { "name": "a", "kind": "ipip", "local": "2001:db8::1", "device": { "type": "tun" },
              "routes": [ { "prefix": "fd00:244::/64", "remote": "2001:db8::1" } ] } ] }
            """);
        Assert.Contains("the tunnel's own local", Assert.Single(mistakes), StringComparison.Ordinal);

        TunnelRig rig = IPInIPRig.Create(outer6: true);
        rig.Tables.Apply(OverlayUpdate.SetRoute(IPInIPRig.Remote6, 128, new RouteEntry(IPInIPRig.Remote6)));
        byte[] own = PacketBuilder.IP(IPInIPRig.Local6, IPInIPRig.Remote6, IPProtocol.IPv6, IPInIPRig.Outgoing(inner6: true));
        Assert.Equal(DropReason.Loop, rig.Send(own).Drop);
        rig.Complete(rig.Egress, rig.Tunnel.Egress);
        Assert.Equal(1, rig.Tunnel.Egress.Drops(DropReason.Loop));
        Assert.Equal(
            OperationStatus.InvalidData, new IPInIPEncapsulator(IPInIPRig.Local6, IPInIPRig.Remote6).Encapsulate(own, new byte[200], out _));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [RfcItem(35, "RFC 2473 §6.3", "The outer hop limit is the tunnel's own: to the inner packet the tunnel is one hop.")]
    public void The_outer_hop_limit_does_not_follow_the_inner_one(bool inner6)
    {
        foreach (byte ttl in (byte[])[1, 64, 255])
        {
            byte[] packet = IPInIPRig.Outgoing(inner6, ttl: ttl);
            Assert.Equal(64, IPInIPRig.Create(outer6: true).Send(packet).Ttl);
            Assert.Equal(17, IPInIPRig.Create(new TunnelPolicy { Ttl = 17 }, outer6: true).Send(packet).Ttl);
            TunnelRig rig = IPInIPRig.Create(outer6: true);
            byte[] received = IPInIPRig.Incoming(inner6, ttl: ttl);
            Assert.Equal(PacketState.Pending, rig.Receive(received, IPInIPRig.Remote6, protocol: IPInIPRig.Protocol(inner6)).State);
            Assert.Equal(received, rig.Batch.Data(0).ToArray());
        }
    }
}
