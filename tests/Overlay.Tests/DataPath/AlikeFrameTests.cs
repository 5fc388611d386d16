using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.DataPath;

/// <summary>What ingress remembers of the datagram before changes nothing: a batch of similar datagrams ends as if each had come alone.</summary>
public sealed class AlikeFrameTests
{
    private const int Seed = 20_261;
    private const int Size = 48;

    public static TheoryData<Ecn> OuterEcn => [Ecn.NotEct, Ecn.Ect0, Ecn.Ect1, Ecn.Ce];

    [Theory]
    [MemberData(nameof(OuterEcn))]
    public void A_batch_ends_as_its_datagrams_would_one_by_one(Ecn outer) => Fuzzing.Run(Seed + (int)outer, 300, random =>
    {
        TunnelRig together = Rig();
        TunnelRig alone = Rig();
        byte[][] datagrams = [.. Enumerable.Range(0, Size).Select(_ => Similar(random))];
        foreach (byte[] datagram in datagrams)
        {
            Assert.True(together.Batch.TryAppend(datagram, out int index));
            ref PacketMeta meta = ref together.Batch.Meta(index);
            meta.Remote = random.Next(12) == 0 ? TunnelRig.Remote2 : TunnelRig.Remote;
            meta.Local = TunnelRig.Local;
            meta.TrafficClass = (byte)(random.Next(12) == 0 ? random.Next(4) : (int)outer);
            meta.Protocol = IPProtocol.Udp;
        }

        (ValueIPAddress Remote, byte Class)[] metas = [.. Enumerable.Range(0, Size).Select(i => (together.Batch.Meta(i).Remote, together.Batch.Meta(i).TrafficClass))];
        together.Ingress.Process(together.Batch, 0);
        for (int i = 0; i < Size; i++)
        {
            ref PacketMeta expected = ref alone.Receive(datagrams[i], metas[i].Remote, metas[i].Class);
            ref PacketMeta actual = ref together.Batch.Meta(i);
            Assert.Equal(
                (expected.State, expected.Drop, expected.Output, expected.Tunnel, expected.Vni),
                (actual.State, actual.Drop, actual.Output, actual.Tunnel, actual.Vni));
            Assert.True(alone.Batch.Data(0).SequenceEqual(together.Batch.Data(i)), $"datagram {i}");
            alone.Complete(alone.Ingress, alone.Tunnel.Ingress);
        }

        together.Complete(together.Ingress, together.Tunnel.Ingress);
        Assert.Equal(
            (alone.Tunnel.Ingress.RxPackets, alone.Tunnel.Ingress.RxBytes, alone.Tunnel.Ingress.TotalDrops),
            (together.Tunnel.Ingress.RxPackets, together.Tunnel.Ingress.RxBytes, together.Tunnel.Ingress.TotalDrops));
    });

    private static TunnelRig Rig()
    {
        TunnelRig rig = new();
        // One of the two remotes is known.
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote));
        return rig;
    }

    // Mostly the same datagram, with another payload; sometimes with a byte of what decides changed, or cut short.
    private static byte[] Similar(Random random)
    {
        byte[] payload = new byte[random.Next(4) == 0 ? random.Next(60) : 40];
        random.NextBytes(payload);
        byte[] packet = random.Next(5) == 0
            ? PacketBuilder.Udp(TunnelRig.InnerB6, TunnelRig.InnerA6, 1, 2, payload, trafficClass: 2)
            : PacketBuilder.Udp(TunnelRig.InnerB, TunnelRig.InnerA, 1, 2, payload, trafficClass: 2);
        EtherType type = packet[0] >> 4 == 4 ? EtherType.IPv4 : EtherType.IPv6;
        byte[] datagram = TunnelRig.Vxlan(PacketBuilder.Ethernet(TunnelRig.Mac, TunnelRig.MacB, type, packet));
        if (random.Next(3) == 0)
        {
            datagram[random.Next(48)] ^= (byte)(1 << random.Next(8));
        }

        return random.Next(10) == 0 ? datagram[..random.Next(datagram.Length)] : datagram;
    }
}
