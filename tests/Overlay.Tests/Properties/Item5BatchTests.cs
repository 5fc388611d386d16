using CsCheck;
using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Tests.DataPath;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Properties;

/// <summary>
/// Property 5: a batch of n ends as n times one, in order. Egress is here; ingress: AlikeFrameTests. (That splitting what was coalesced gives it back:
/// CoalescerTests; that the kernel splits alike: KernelSegmentationTests.)
/// </summary>
public sealed class Item5BatchTests
{
    [Fact]
    public void Egress_decides_for_a_batch_as_for_each_frame_alone() => Samples.Frame.Array[1, 48].Sample(
        frames =>
        {
            TunnelRig together = Rig();
            TunnelRig alone = Rig();
            foreach (byte[] frame in frames)
            {
                Assert.True(together.Batch.TryAppend(frame, out _));
            }

            together.Egress.Process(together.Batch, 0);
            Assert.Equal(frames.Length, together.Batch.Count);
            for (int i = 0; i < frames.Length; i++)
            {
                ref PacketMeta expected = ref alone.Send(frames[i]);
                ref PacketMeta actual = ref together.Batch.Meta(i);
                Assert.Equal(
                    (expected.State, expected.Drop, expected.Output, expected.Remote, expected.Vni, expected.SourcePort, expected.TrafficClass, expected.Ttl),
                    (actual.State, actual.Drop, actual.Output, actual.Remote, actual.Vni, actual.SourcePort, actual.TrafficClass, actual.Ttl));
                // In its place, and with its own bytes.
                Assert.True(together.Batch.Data(i).SequenceEqual(frames[i]));
                alone.Complete(alone.Egress, alone.Tunnel.Egress);
            }

            together.Complete(together.Egress, together.Tunnel.Egress);
            Assert.Equal(
                (alone.Tunnel.Egress.RxPackets, alone.Tunnel.Egress.TxPackets, alone.Tunnel.Egress.TotalDrops),
                (together.Tunnel.Egress.RxPackets, together.Tunnel.Egress.TxPackets, together.Tunnel.Egress.TotalDrops));
        },
        iter: 200,
        threads: Samples.Threads);

    // Four of the eight stations are known; nobody is flooded to, so that one frame is one descriptor.
    private static TunnelRig Rig()
    {
        TunnelRig rig = new();
        for (int station = 1; station <= 4; station++)
        {
            ValueIPAddress remote = station % 2 == 0 ? TunnelRig.Remote : TunnelRig.Remote2;
            rig.Tables.Apply(OverlayUpdate.SetForwarding(TunnelRig.Vni, Samples.Station(station), new FdbEntry(remote)));
        }

        return rig;
    }
}
