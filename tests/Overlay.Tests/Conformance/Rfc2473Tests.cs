using System.Buffers;
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

/// <summary>Tunnels over IPv6.</summary>
public sealed class Rfc2473Tests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [RfcItem(30, "RFC 2473 §4.1.1 b", "A packet whose encapsulation limit is 0 is discarded, and its source is sent a parameter problem with code 0 that points to the limit.")]
    public void A_limit_of_0_lets_a_packet_into_no_tunnel(bool limitOfPolicy)
    {
        TunnelRig rig = IPInIPRig.Create(limitOfPolicy ? new TunnelPolicy { EncapsulationLimit = 4 } : null, outer6: true);
        byte[] packet = WithLimit(0);
        Assert.Equal(DropReason.EncapsulationLimit, rig.Send(packet).Drop);
        Assert.Equal((2, TunnelRig.Device), (rig.Batch.Count, rig.Batch.Meta(1).Output));
        byte[] answer = rig.Batch.Data(1).ToArray();
        Assert.Equal((TunnelRig.InnerA6, IPProtocol.IcmpV6), (ValueIPAddress.ReadIPv6(answer.AsSpan(24)), (IPProtocol)answer[6]));
        // Type 4, code 0; the limit is the fifth byte of the extension header.
        Assert.Equal((4, 0, 40 + 4), (answer[40], answer[41], BinaryPrimitives.ReadInt32BigEndian(answer.AsSpan(44))));
        Assert.Equal(packet, answer[48..]);
        // The checksum, with the pseudo header (RFC 8200 §8.1).
        Assert.Equal(0, PacketBuilder.Checksum([.. answer[8..40], 0, 0, 0, 0, 0, 0, (byte)((answer.Length - 40) >> 8), (byte)(answer.Length - 40), .. (byte[])[0, 58], .. answer[40..]], 0));
        rig.Complete(rig.Egress, rig.Tunnel.Egress);
        Assert.Equal((1, 1), (rig.Tunnel.Egress.Drops(DropReason.EncapsulationLimit), rig.Tunnel.Egress.Originated));
    }

    [Theory]
    [InlineData(null, null, null)]
    [InlineData(null, (byte)4, (byte)4)]
    [InlineData((byte)1, null, (byte)0)]
    [InlineData((byte)1, (byte)4, (byte)0)]
    [InlineData((byte)255, null, (byte)254)]
    [RfcItem(31, "RFC 2473 §4.1.1 c, d", "A packet with an encapsulation limit gets one with 1 less; one without gets that of the tunnel's configuration, if there is any.",
        Deviation = "There is none by default, though Linux writes 4: the option takes 8 bytes off the MTU, and routers treat packets with extension headers worse.")]
    public void The_limit_goes_down_by_one_or_is_the_configured_one(byte? carried, byte? configured, byte? expected)
    {
        TunnelRig rig = IPInIPRig.Create(new TunnelPolicy { EncapsulationLimit = configured }, outer6: true);
        byte[] packet = carried is byte limit ? WithLimit(limit) : IPInIPRig.Outgoing(inner6: true);
        ref PacketMeta meta = ref rig.Send(packet);
        Assert.Equal((PacketState.Pending, expected), (meta.State, meta.EncapsulationLimit));

        // And so it stands on the wire: a destination options header, with padding to eight bytes (§5.1).
        byte[] outer = new byte[200];
        OuterHeaderFields fields = new() { Ttl = 64 };
        new IPInIPEncapsulator(IPInIPRig.Local6, IPInIPRig.Remote6).Encapsulate(packet, fields, outer, out int length, meta.EncapsulationLimit);
        Assert.Equal((byte)(expected is null ? 41 : 60), outer[6]);
        Assert.Equal(expected is null ? "" : $"29000401{expected:X2}010100", Convert.ToHexString(outer.AsSpan(40, expected is null ? 0 : 8)));
        Assert.Equal(packet, outer[(expected is null ? 40 : 48)..length]);
    }

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

    // An inner IPv6 packet with a destination options header that holds the limit (§4.1.1) and a padding of one byte of data.
    private static byte[] WithLimit(byte limit)
    {
        byte[] plain = IPInIPRig.Outgoing(inner6: true);
        byte[] packet = [.. plain[..40], (byte)IPProtocol.Udp, 0, 4, 1, limit, 1, 1, 0, .. plain[40..]];
        packet[6] = (byte)IPProtocol.DestinationOptions;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), (ushort)(packet.Length - 40));
        return packet;
    }
}
