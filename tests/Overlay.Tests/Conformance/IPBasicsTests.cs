using System.Buffers.Binary;
using Overlay.DataPath;
using Overlay.Encapsulation;
using Overlay.Tables;
using Overlay.Testing;
using Overlay.Testing.Conformance;
using Overlay.Tests.DataPath;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Conformance;

/// <summary>What every sender of IP packets owes.</summary>
public sealed class IPBasicsTests
{
    [Fact]
    [RfcItem(80, "RFC 1624 §3", "An incremental checksum follows equation 3, and never takes 0x0000 for 0xFFFF.")]
    public void An_incremental_checksum_is_the_one_computed_anew()
    {
        // The example of §4, which the older equation gets wrong.
        Assert.Equal(0x0000, InternetChecksum.Update(0xDD2F, (ushort)0x5555, (ushort)0x3285));
        Random random = new(80);
        for (int i = 0; i < 100_000; i++)
        {
            // Words of which the sum often is at the edge, and one that is never zero, as in any IP header.
            byte[] header = new byte[20];
            random.NextBytes(header);
            header[0] = 0x45;
            if (i % 2 == 0)
            {
                header.AsSpan(2).Clear();
                header[4] = 0xBA;
                header[5] = (byte)random.Next(0xFA, 0x100);
            }

            header.AsSpan(10, 2).Clear();
            ushort checksum = PacketBuilder.Checksum(header, 0);
            ushort before = BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(6));
            ushort after = i % 3 == 0 ? (ushort)(random.Next(2) * 0xFFFF) : (ushort)random.Next(0x10000);
            BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(6), after);
            Assert.Equal(PacketBuilder.Checksum(header, 0), InternetChecksum.Update(checksum, before, after));
        }
    }

    [Fact]
    [RfcItem(81, "RFC 6864 §4", "The identification of an atomic packet is ignored; with DF a packet is never fragmented, and DF is never cleared.")]
    public void DF_stays_and_what_is_too_big_is_not_cut()
    {
        // Any identification does, inside and outside; inner DF comes out as it went in.
        foreach (ushort identification in (ushort[])[0, 1, 0xFFFF])
        {
            byte[] inner = PacketBuilder.IP(TunnelRig.InnerA, TunnelRig.InnerB, IPProtocol.Udp, new byte[8], dontFragment: true, identification: identification);
            byte[] outer = new byte[inner.Length + 20];
            IPInIPEncapsulator encapsulator = new(TunnelRig.Local, TunnelRig.Remote);
            encapsulator.Encapsulate(inner, new OuterHeaderFields { DontFragment = true, Identification = identification }, outer, out _);
            Assert.True(Decapsulator.TryDecapsulate(outer, TunnelKind.IPInIP, 0, out Decapsulated result, out _));
            Assert.Equal(inner, result.Payload.ToArray());
            Assert.Equal((0x40, identification), (outer[6], BinaryPrimitives.ReadUInt16BigEndian(outer.AsSpan(4))));
        }
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [RfcItem(86, "RFC 6438 §3", "The flow label of the outer IPv6 header is one per inner flow, and the same for all its packets.")]
    public void The_flow_label_follows_the_inner_flow(bool vxlan, bool inner6)
    {
        TunnelRig on = Create(new TunnelPolicy());
        TunnelRig off = Create(new TunnelPolicy { FlowLabel = false });
        HashSet<uint> labels = [];
        for (int flow = 0; flow < 1000; flow++)
        {
            byte[] Packet(int length)
            {
                (ValueIPAddress from, ValueIPAddress to) = inner6 ? (TunnelRig.InnerA6, TunnelRig.InnerB6) : (TunnelRig.InnerA, TunnelRig.InnerB);
                byte[] packet = PacketBuilder.Udp(from, to, (ushort)(1000 + flow), 53, PacketBuilder.Payload(length, flow));
                return vxlan ? PacketBuilder.Ethernet(TunnelRig.MacB, TunnelRig.Mac, inner6 ? EtherType.IPv6 : EtherType.IPv4, packet) : packet;
            }

            uint label = on.Send(Packet(10)).FlowLabel;
            Assert.InRange(label, 1u, 0xFFFFFu);
            Assert.Equal(label, on.Send(Packet(1000)).FlowLabel);
            Assert.Equal(0u, off.Send(Packet(10)).FlowLabel);
            labels.Add(label);
        }

        Assert.InRange(labels.Count, 995, 1000);

        TunnelRig Create(TunnelPolicy policy)
        {
            if (!vxlan)
            {
                return IPInIPRig.Create(policy, outer6: true);
            }

            TunnelRig rig = new(policy: policy, local: IPInIPRig.Local6);
            rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, IPInIPRig.Remote6));
            return rig;
        }
    }
}
