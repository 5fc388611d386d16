using System.Diagnostics;
using Overlay.Linux.Tests.EndToEnd;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.Cluster;

/// <summary>Learning, as Linux' vxlan_bridge_1d selftest asks for it: a bridge over the TAP with two hosts, and two VTEPs of the kernel.</summary>
public sealed class LearningTests
{
    private const uint Vni = 42;
    private const uint Deaf = 43;
    private static readonly MacAddress Mobile = MacAddress.Parse("02:00:00:00:0f:01");
    private static readonly MacAddress Talker = MacAddress.Parse("02:00:00:00:0f:02");

    [Fact]
    public void One_frame_teaches_where_learning_is_on_and_a_new_table_knows_nothing()
    {
        using VtepCluster cluster = new(3);
        foreach (uint vni in (uint[])[Vni, Deaf])
        {
            cluster.AddKernelVtep(2, vni, [1]);
            cluster.AddKernelVtep(3, vni, [1]);
        }

        Station one = cluster.AddHost(1, Vni, out _);
        Station two = cluster.AddHost(1, Vni, out _);
        Station first = cluster.Listen(2, Vni);
        Station second = cluster.Listen(3, Vni);
        Deliveries deliveries = new([one, two, first, second], from => from == one ? [two, first, second] : [one, two]);

        // The second time without the network in which nothing is learned at first: there it is on, then.
        foreach (bool off in (bool[])[true, false])
        {
            using OverlayDaemon daemon = cluster.Start(
                1, cluster.Tunnel(1, Vni, [2, 3]), cluster.Tunnel(1, Deaf, [2, 3], more: off ? """ "learning": { "enabled": false } """ : ""));
            cluster.AddBridge(1, Vni);
            using Station tap = new("the deaf tap", cluster[1], VtepCluster.Device(Deaf), VtepCluster.DeviceMac(1));
            using Station deafFirst = new("deaf first", cluster[2], VtepCluster.Device(Deaf), VtepCluster.DeviceMac(2));
            using Station deafSecond = new("deaf second", cluster[3], VtepCluster.Device(Deaf), VtepCluster.DeviceMac(3));
            Deliveries inDeaf = new([tap, deafFirst, deafSecond], from => from == tap ? [deafFirst, deafSecond] : [tap]);

            deliveries.Send(one, Mobile, [0, 10, 10, 10]);
            inDeaf.Send(tap, Mobile, [0, 10, 10]);

            // One frame each. One writer fills the tables of both: when the one has learned, the other would have, too.
            inDeaf.Send(deafFirst, tap.Mac, [1, 0, 0], Mobile, count: 1);
            deliveries.Send(first, one.Mac, [1, 0, 0, 0], Mobile, count: 1);
            // The station, and the VTEP's own device by the broadcast behind its frame.
            VtepCluster.AwaitEntries(daemon, Vni, 2);
            deliveries.Send(one, Mobile, [0, 0, 10, 0]);

            // Forgotten here, and then by the bridge, it is flooded to; and learned once more.
            daemon.Ask("fdb", "del", "--tunnel", VtepCluster.Device(Vni), "--mac", Mobile.ToString());
            deliveries.Send(one, Mobile, [0, 0, 10, 10]);
            cluster.BridgeFdb(1, "del", Mobile.ToString(), "dev", VtepCluster.Device(Vni), "master");
            deliveries.Send(one, Mobile, [0, 10, 10, 10]);
            deliveries.Send(first, one.Mac, [1, 0, 0, 0], Mobile, count: 1);
            VtepCluster.AwaitEntries(daemon, Vni, 2);
            deliveries.Send(one, Mobile, [0, 0, 10, 0]);
            if (off)
            {
                inDeaf.Send(tap, Mobile, [0, 10, 10]);
            }
            else
            {
                VtepCluster.AwaitEntries(daemon, Deaf, 2);
                inDeaf.Send(tap, Mobile, [0, 10, 0]);
            }

            inDeaf.AssertAll();
            cluster.RemoveBridge(1, Vni);
            Assert.Equal(0, daemon.Stop().ExitCode);
        }

        deliveries.AssertAll();
    }

    [Fact]
    public void An_entry_that_only_forwards_ages_out_and_one_that_is_heard_does_not()
    {
        const int AgeSeconds = 3;
        using VtepCluster cluster = new(3);
        cluster.AddKernelVtep(2, Vni, [1]);
        cluster.AddKernelVtep(3, Vni, [1]);
        Station one = cluster.AddHost(1, Vni, out _);
        Station two = cluster.AddHost(1, Vni, out _);
        Station first = cluster.Listen(2, Vni);
        Station second = cluster.Listen(3, Vni);
        Deliveries deliveries = new([one, two, first, second], from => from == one ? [two, first, second] : [one, two]);
        using OverlayDaemon daemon = cluster.Start(1, cluster.Tunnel(1, Vni, [2, 3], more: $$""" "learning": { "ageSeconds": {{AgeSeconds}} } """));
        cluster.AddBridge(1, Vni);

        // So that frames to it go by its port alone.
        one.Send(run: -1, count: 1, MacAddress.Broadcast);
        Wait.Until(() => second.Heard(-1).Count == 1, () => "the broadcast did not come");
        first.Send(run: -2, count: 1, one.Mac, Mobile);
        Wait.Until(() => one.Heard(-2).Count == 1, () => "the frame that teaches did not come");
        long taught = Stopwatch.GetTimestamp();
        VtepCluster.AwaitEntries(daemon, Vni, 1);

        // From now on the one is sent to without a pause, and never heard; the other is heard all the time. Each frame to the first is a run of its own.
        List<bool> flooded = [];
        const int FirstRun = 1_000;
        Wait.Until(
            () =>
            {
                Thread.Sleep(20);
                int run = FirstRun + flooded.Count;
                one.Send(run, count: 1, Mobile);
                first.Send(run: -3, count: 1, one.Mac, Talker);
                Wait.Until(() => first.Heard(run).Count == 1, () => $"frame {flooded.Count} did not come");
                flooded.Add(second.Heard(run).Count == 1);
                // More than one, since what is seen at the second VTEP may be late.
                return flooded.Count(isFlooded => isFlooded) >= 3;
            },
            () => $"after {flooded.Count} frames, the last of them {Stopwatch.GetElapsedTime(taught)} after the station was heard, the entry has not aged out");
        // It goes up to a second early, since hearing is noted once a second; but it was there.
        Assert.InRange(Stopwatch.GetElapsedTime(taught), TimeSpan.FromSeconds(AgeSeconds - 1), TimeSpan.FromSeconds(AgeSeconds + 15));
        Assert.True(flooded.TakeWhile(isFlooded => !isFlooded).Count() >= 5, $"flooded: {string.Join(", ", flooded)}");

        deliveries.Send(one, Talker, [0, 0, 10, 0]);
        // The bridge still knows its port; when it has forgotten, too, everybody gets a copy.
        deliveries.Send(one, Mobile, [0, 0, 10, 10]);
        cluster.BridgeFdb(1, "del", Mobile.ToString(), "dev", VtepCluster.Device(Vni), "master");
        deliveries.Send(one, Mobile, [0, 10, 10, 10]);
        deliveries.Send(first, one.Mac, [1, 0, 0, 0], Mobile, count: 1);
        Wait.Until(
            () =>
            {
                int run = FirstRun + flooded.Count;
                one.Send(run, count: 1, Mobile);
                Wait.Until(() => first.Heard(run).Count == 1, () => "a frame did not come");
                one.Send(run: -4 - flooded.Count, count: 1, MacAddress.Broadcast);
                Wait.Until(() => second.Heard(-4 - flooded.Count).Count == 1, () => "a broadcast did not come");
                flooded.Add(second.Heard(run).Count == 1);
                return !flooded[^1];
            },
            () => "the station was not learned again");
        deliveries.AssertAll();
    }
}
