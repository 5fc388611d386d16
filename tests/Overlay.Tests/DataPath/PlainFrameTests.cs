using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.DataPath;

/// <summary>The short way of the usual frame through egress against the way of every frame.</summary>
public sealed class PlainFrameTests
{
    private static readonly MacAddress[] Destinations =
        [TunnelRig.MacB, TunnelRig.Mac, MacAddress.Broadcast, MacAddress.Parse("33:33:00:00:00:01"), MacAddress.Parse("02:00:00:00:00:99")];

    public static TheoryData<TunnelPolicy> Policies => new(
        TunnelPolicy.Default,
        new TunnelPolicy { Ttl = null, Dscp = null, DontFragment = DontFragmentPolicy.Inherit, Ecn = EcnProfile.Copy },
        new TunnelPolicy { DontFragment = DontFragmentPolicy.Set, Dscp = 46, FlowLabel = false, Ecn = EcnProfile.Rfc3168 },
        new TunnelPolicy { SourcePortMinimum = 40_000, SourcePortMaximum = 40_000, Ecn = EcnProfile.Rfc6040Compatibility, Ttl = 1 });

    [Theory]
    [MemberData(nameof(Policies), DisableDiscoveryEnumeration = true)]
    public void The_short_way_decides_as_the_long_one(TunnelPolicy policy)
    {
        TunnelRig rig = new(policy: policy);
        rig.Tables.Apply(OverlayUpdate.SetForwarding(TunnelRig.Vni, TunnelRig.MacB, new FdbEntry(TunnelRig.Remote, 8472)));
        Random random = new(2003);
        int taken = 0;
        for (int i = 0; i < 20_000; i++)
        {
            byte[] frame = Draw(random);
            PacketMeta shortWay = Appended(rig, frame);
            if (rig.Egress.TryDecidePlainFrame(rig.Batch.Data(0), ref shortWay))
            {
                _ = Appended(rig, frame);
                Assert.Equal(DropReason.None, rig.Egress.DecideFrame(rig.Batch, 0, now: 0));
                Assert.Equal(1, rig.Batch.Count);
                AssertEqual(rig.Batch.Meta(0), shortWay);
                taken++;
            }
        }

        Assert.InRange(taken, 2_000, 19_000);
    }

    [Fact]
    public void A_packet_of_the_tunnel_itself_is_not_taken_by_the_short_way_and_is_a_loop()
    {
        TunnelRig rig = new();
        rig.Tables.Apply(OverlayUpdate.SetForwarding(TunnelRig.Vni, TunnelRig.MacB, new FdbEntry(TunnelRig.Remote)));
        byte[] frame = TunnelRig.FrameTo(TunnelRig.MacB);
        TunnelRig.Local.TryWriteBytes(frame.AsSpan(26), out _);
        TunnelRig.Remote.TryWriteBytes(frame.AsSpan(30), out _);
        PacketMeta meta = Appended(rig, frame);

        Assert.False(rig.Egress.TryDecidePlainFrame(rig.Batch.Data(0), ref meta));
        rig.Egress.Process(rig.Batch, now: 0);
        Assert.Equal((PacketState.Dropped, DropReason.Loop), (rig.Batch.Meta(0).State, rig.Batch.Meta(0).Drop));
    }

    private static PacketMeta Appended(TunnelRig rig, byte[] frame)
    {
        rig.Batch.Clear();
        Assert.True(rig.Batch.TryAppend(frame, out int index));
        return rig.Batch.Meta(index);
    }

    private static void AssertEqual(in PacketMeta expected, in PacketMeta actual)
    {
        foreach (System.Reflection.PropertyInfo property in typeof(PacketMeta).GetProperties())
        {
            Assert.Equal((property.Name, property.GetValue(expected)), (property.Name, property.GetValue(actual)));
        }
    }

    // Mostly the usual frame, with one thing or another that is not usual.
    private static byte[] Draw(Random random)
    {
        byte[] frame = new byte[random.Next(20) == 0 ? random.Next(10, 46) : 60];
        random.NextBytes(frame);
        Destinations[random.Next(4) == 0 ? random.Next(Destinations.Length) : 0].TryWriteBytes(frame);
        if (frame.Length >= 38)
        {
            (frame[12], frame[13], frame[14]) = (8, (byte)(random.Next(9) == 0 ? 6 : 0), (byte)(random.Next(9) == 0 ? 0x46 : 0x45));
            (frame[16], frame[17]) = (0, (byte)(random.Next(9) == 0 ? random.Next(256) : frame.Length - 14));
            (frame[20], frame[21]) = ((byte)(random.Next(9) == 0 ? random.Next(256) : 0x40 * random.Next(2)), 0);
            frame[23] = (byte)(random.Next(9) == 0 ? random.Next(256) : random.Next(2) == 0 ? 6 : 17);
        }

        return frame;
    }
}
