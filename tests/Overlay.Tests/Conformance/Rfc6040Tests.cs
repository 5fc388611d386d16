using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing;
using Overlay.Testing.Conformance;
using Overlay.Tests.DataPath;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Conformance;

/// <summary>ECN through tunnels.</summary>
public sealed class Rfc6040Tests
{
    private const int Drop = -1;

    // Figure 4 of §4.2. Rows: inner Not-ECT, ECT(0), ECT(1), CE; columns: outer the same.
    private static readonly int[][] Figure4 =
    [
        [0b00, 0b00, 0b00, Drop],
        [0b10, 0b10, 0b01, 0b11],
        [0b01, 0b01, 0b01, 0b11],
        [0b11, 0b11, 0b11, 0b11],
    ];

    private static readonly int[] Fields = [0b00, 0b10, 0b01, 0b11];

    public static TheoryData<bool, bool> Families() => new() { { false, false }, { false, true }, { true, false }, { true, true } };

    [Theory]
    [MemberData(nameof(Families))]
    [RfcItem(43, "RFC 6040 §4.1", "In normal mode the outer ECN field MUST be the inner one.")]
    public void The_outer_field_is_the_inner_one(bool outer6, bool inner6)
    {
        TunnelRig rig = IPInIPRig.Create(outer6: outer6);
        foreach (int ecn in Fields)
        {
            Assert.Equal(ecn, rig.Send(IPInIPRig.Outgoing(inner6, trafficClass: (byte)ecn)).TrafficClass & 3);
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    [RfcItem(44, "RFC 6040 §4.1", "In compatibility mode, which is chosen by configuration, the outer ECN field is Not-ECT.")]
    public void In_compatibility_mode_the_outer_field_is_clear(bool outer6, bool inner6)
    {
        TunnelRig rig = IPInIPRig.Create(new TunnelPolicy { Ecn = EcnProfile.Rfc6040Compatibility }, outer6);
        foreach (int ecn in Fields)
        {
            Assert.Equal(0, rig.Send(IPInIPRig.Outgoing(inner6, trafficClass: (byte)ecn)).TrafficClass & 3);
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    [RfcItem(45, "RFC 6040 §4.2", "What leaves the tunnel has the ECN field of Figure 4, for all 16 combinations of inner and outer field.")]
    public void Figure_4_is_followed_cell_by_cell(bool outer6, bool inner6)
    {
        TunnelRig ipip = IPInIPRig.Create(outer6: outer6);
        TunnelRig vxlan = new();
        vxlan.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote));
        for (int row = 0; row < 4; row++)
        {
            for (int column = 0; column < 4; column++)
            {
                // DSCP differs inside and outside, and is none of this.
                byte outer = (byte)(0x8C | Fields[column]);
                byte[] sent = IPInIPRig.Incoming(inner6, (byte)(0x28 | Fields[row]));
                int cell = Figure4[row][column];
                byte[] expected = cell == Drop ? sent : IPInIPRig.Incoming(inner6, (byte)(0x28 | cell));
                DropReason reason = cell == Drop ? DropReason.EcnInvalid : DropReason.None;

                Assert.Equal(reason, ipip.Receive(sent, IPInIPRig.Remote(outer6), outer, IPInIPRig.Protocol(inner6)).Drop);
                Assert.Equal(expected, ipip.Batch.Data(0).ToArray());
                byte[] frame = PacketBuilder.Ethernet(TunnelRig.Mac, TunnelRig.MacB, inner6 ? EtherType.IPv6 : EtherType.IPv4, sent);
                Assert.Equal(reason, vxlan.Receive(TunnelRig.Vxlan(frame), trafficClass: outer).Drop);
                Assert.Equal(expected, vxlan.Batch.Data(0)[14..].ToArray());
            }
        }
    }

    [Fact]
    [RfcItem(46, "RFC 6040 §4.2", "CE on Not-ECT MUST be dropped; potentially dangerous combinations SHOULD be logged, at a limited rate and so that it can be turned off.",
        Deviation = "They are counted, in `ecnAlarms` of the status, and not logged: a counter cannot be flooded, and who wants an alarm sets it on the counter.")]
    public void Dangerous_combinations_are_counted_and_the_worst_is_dropped()
    {
        TunnelRig rig = IPInIPRig.Create();
        int alarms = 0;
        foreach (int inner in Fields)
        {
            foreach (int outer in Fields)
            {
                // "(!!!)" in Figure 4: an outer mark on Not-ECT, and ECT(1) on CE.
                bool dangerous = (inner == 0b00 && outer != 0b00) || (inner == 0b11 && outer == 0b01);
                alarms += dangerous ? 1 : 0;
                rig.Receive(IPInIPRig.Incoming(inner6: false, (byte)inner), trafficClass: (byte)outer, protocol: IPProtocol.IPv4);
                Assert.Equal(alarms, rig.Tunnel.EcnAlarms);
                rig.Complete(rig.Ingress, rig.Tunnel.Ingress);
            }
        }

        Assert.Equal((4, 1), (alarms, rig.Tunnel.Ingress.Drops(DropReason.EcnInvalid)));

        // Of a train of equal frames each counts.
        TunnelRig vxlan = new();
        vxlan.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote));
        for (int i = 0; i < 10; i++)
        {
            vxlan.Batch.TryAppend(TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB)), out int index);
            ref PacketMeta meta = ref vxlan.Batch.Meta(index);
            (meta.Remote, meta.TrafficClass) = (TunnelRig.Remote, 0b10);
        }

        vxlan.Ingress.Process(vxlan.Batch, 0);
        Assert.Equal(10, vxlan.Tunnel.EcnAlarms);
    }

    [Fact]
    [RfcItem(47, "RFC 6040 §4.2, RFC 1624 §3", "The checksum of an inner IPv4 header is right after its ECN field has changed.")]
    public void The_inner_header_checksum_is_right_after_a_change()
    {
        TunnelRig rig = IPInIPRig.Create();
        Random random = new(47);
        for (int i = 0; i < 2000; i++)
        {
            byte[] packet = PacketBuilder.IP(
                ValueIPAddress.FromIPv4((uint)random.Next() | 1), TunnelRig.InnerA, IPProtocol.Udp, PacketBuilder.Payload(8, i),
                trafficClass: (byte)((random.Next(64) << 2) | 0b10), ttl: (byte)random.Next(1, 256), identification: (ushort)random.Next());
            Assert.Equal(DropReason.None, rig.Receive(packet, trafficClass: 0b11, protocol: IPProtocol.IPv4).Drop);
            byte[] header = rig.Batch.Data(0)[..20].ToArray();
            Assert.Equal((packet[1] | 0b11, 0), (header[1], PacketBuilder.Checksum(header, 0)));
        }
    }
}
