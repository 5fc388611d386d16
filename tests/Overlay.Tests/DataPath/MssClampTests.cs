using System.Buffers.Binary;
using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing;
using Overlay.Tests.Wire;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.DataPath;

/// <summary>The clamp of TCP's segment size in both directions of a tunnel (reliability.md §6, 79).</summary>
public sealed class MssClampTests
{
    private const int PathMtu = 1_400;

    [Theory]
    [InlineData(0, true, 1_310)]
    [InlineData(0, false, 1_290)]
    [InlineData(1, true, 1_306)]
    [InlineData(2, false, 1_282)]
    public void On_Ethernet_to_what_the_path_takes_with_the_tags_that_there_are(int tags, bool inner4, int mss)
    {
        byte[] frame = PacketBuilder.Ethernet(
            TunnelRig.MacB, TunnelRig.Mac, inner4 ? EtherType.IPv4 : EtherType.IPv6, Syn(inner4, 1_460), [.. Enumerable.Repeat(((ushort)0x8100, (ushort)5), tags)]);
        TunnelRig rig = Rig(TunnelKind.Vxlan, DeviceLayer.Ethernet, MssClamp.Path);
        Assert.Equal(PacketState.Pending, rig.Send(frame).State);
        AssertMss(rig.Batch.Data(0)[(14 + (4 * tags))..], mss);
        Assert.Equal(PacketState.Pending, rig.Receive(TunnelRig.Vxlan(frame)).State);
        AssertMss(rig.Batch.Data(0)[(14 + (4 * tags))..], mss);
    }

    [Theory]
    [InlineData(TunnelKind.Vxlan, 1_310)]
    [InlineData(TunnelKind.IPInIP, 1_340)]
    [InlineData(TunnelKind.Gre, 1_336)]
    [InlineData(TunnelKind.Gue, 1_328)]
    public void On_IP_without_the_Ethernet_header_that_is_not_there(TunnelKind kind, int mss)
    {
        TunnelRig rig = Rig(kind, DeviceLayer.IP, MssClamp.Path);
        Assert.Equal(PacketState.Pending, rig.Send(Syn(true, 1_460)).State);
        AssertMss(rig.Batch.Data(0)[(kind == TunnelKind.Vxlan ? 14 : 0)..], mss);
    }

    [Fact]
    public void What_comes_by_IP_in_IP_is_clamped_too()
    {
        TunnelRig rig = Rig(TunnelKind.IPInIP, DeviceLayer.IP, MssClamp.Path);
        Assert.Equal(PacketState.Pending, rig.Receive(Syn(true, 1_460), protocol: IPProtocol.IPv4).State);
        AssertMss(rig.Batch.Data(0), 1_340);
    }

    [Fact]
    public void Never_raised_and_to_a_fixed_size_if_told_so()
    {
        TunnelRig rig = Rig(TunnelKind.IPInIP, DeviceLayer.IP, MssClamp.Path);
        rig.Send(Syn(true, 1_000));
        AssertMss(rig.Batch.Data(0), 1_000);
        rig = Rig(TunnelKind.IPInIP, DeviceLayer.IP, MssClamp.To(900));
        rig.Send(Syn(true, 1_000));
        AssertMss(rig.Batch.Data(0), 900);
        rig = Rig(TunnelKind.IPInIP, DeviceLayer.IP, MssClamp.Off);
        rig.Send(Syn(true, 65_000));
        AssertMss(rig.Batch.Data(0), 65_000);
    }

    [Fact]
    public void A_partial_checksum_is_left_for_whoever_finishes_it()
    {
        TunnelRig rig = Rig(TunnelKind.IPInIP, DeviceLayer.IP, MssClamp.Path);
        byte[] packet = Syn(true, 1_460);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(36), PacketBuilder.PseudoHeader(packet, IPProtocol.Tcp, packet.Length - 20));
        rig.Batch.Clear();
        rig.Batch.TryAppend(packet, out _);
        ref PacketMeta meta = ref rig.Batch.Meta(0);
        (meta.Checksum, meta.NetworkStart, meta.ChecksumStart, meta.ChecksumOffset) = (ChecksumState.Partial, 0, 20, 16);
        rig.Egress.Process(rig.Batch, 0);
        Assert.True(Segmentation.CompleteChecksum(rig.Batch.Data(0), rig.Batch.Meta(0)));
        AssertMss(rig.Batch.Data(0), 1_340);
    }

    [Fact]
    public void A_later_fragment_is_no_SYN_whatever_its_bytes_say()
    {
        TunnelRig rig = Rig(TunnelKind.IPInIP, DeviceLayer.IP, MssClamp.Path);
        byte[] packet = Syn(true, 1_460);
        packet[7] = 5;
        byte[] before = [.. packet];
        rig.Send(packet);
        Assert.Equal(before, rig.Batch.Data(0).ToArray());
    }

    private static byte[] Syn(bool inner4, ushort mss)
    {
        (ValueIPAddress source, ValueIPAddress destination) = inner4 ? (TunnelRig.InnerA, TunnelRig.InnerB) : (TunnelRig.InnerA6, TunnelRig.InnerB6);
        byte[] options = [2, 4, (byte)(mss >> 8), (byte)mss, 4, 2, 1, 3, 3, 7, 0, 0];
        return PacketBuilder.IP(source, destination, IPProtocol.Tcp, TcpMssTests.Segment(TcpFlags.Syn, options, source, destination));
    }

    private static void AssertMss(ReadOnlySpan<byte> packet, int mss)
    {
        int header = packet[0] >> 4 == 4 ? 20 : 40;
        Assert.Equal(mss, BinaryPrimitives.ReadUInt16BigEndian(packet[(header + 22)..]));
        Assert.True(PacketBuilder.IsTransportChecksumValid(packet));
    }

    private static TunnelRig Rig(TunnelKind kind, DeviceLayer layer, MssClamp clamp)
    {
        PathMtus paths = new(1_500);
        paths.Lower(paths.Add(TunnelRig.Remote), PathMtu, 0);
        TunnelOptions options = new()
        {
            Name = "rig",
            Kind = kind,
            Layer = layer,
            Vni = kind == TunnelKind.Vxlan ? TunnelRig.Vni : default,
            Local = TunnelRig.Local,
            DeviceMac = MacAddress.Parse("02:00:00:00:00:0A"),
            Policy = new TunnelPolicy { MssClamp = clamp },
        };
        TunnelRig rig = new(new Tunnel(options, new OverlayTables(), paths));
        rig.Tables.Apply(OverlayUpdate.AddFlood(options.Vni, TunnelRig.Remote));
        rig.Tables.Apply(OverlayUpdate.SetRoute(ValueIPAddress.Parse("0.0.0.0"), 0, new RouteEntry(TunnelRig.Remote, TunnelRig.MacB)));
        return rig;
    }
}
