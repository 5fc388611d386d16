using System.Text.Json;
using Overlay.Linux.Tests.EndToEnd;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.Cluster;

/// <summary>What remotes say of stations that are not theirs: counted, and believed only where it may be.</summary>
public sealed class PoisoningTests
{
    private const uint Vni = 42;
    private static readonly MacAddress Placed = MacAddress.Parse("02:00:00:00:0f:01");
    private static readonly MacAddress Unplaced = MacAddress.Parse("02:00:00:00:0f:02");
    private static readonly MacAddress Mobile = MacAddress.Parse("02:00:00:00:0f:03");

    [Fact]
    public void A_claim_to_a_configured_station_is_counted_and_changes_nothing()
    {
        using VtepCluster cluster = new(4);
        // The fourth is nobody's remote.
        for (int number = 2; number <= 4; number++)
        {
            cluster.AddKernelVtep(number, Vni, [1]);
        }

        using OverlayDaemon daemon = cluster.Start(1, cluster.Tunnel(1, Vni, [2, 3], more: $$"""
            "fdb": [ { "mac": "{{Placed}}", "remote": "{{cluster.Address(2)}}" } ]
            """));
        Station tap = cluster.Listen(1, Vni);
        Station owner = cluster.Listen(2, Vni);
        Station hijacker = cluster.Listen(3, Vni);
        Station stranger = cluster.Listen(4, Vni);
        Deliveries deliveries = new(
            [tap, owner, hijacker, stranger], from => from == tap ? [owner, hijacker] : from == stranger ? [] : [tap]);
        deliveries.Send(tap, Placed, [0, 10, 0, 0]);

        // Its frames pass, since nothing says that they may not; what they say of the station does not.
        deliveries.Send(hijacker, tap.Mac, [10, 0, 0, 0], Placed);
        Wait.Until(() => Refused(daemon, "protected") == 10, () => $"{Refused(daemon, "protected")} claims counted, not 10");
        // The configured station, and the device that the broadcast behind the claims came from.
        VtepCluster.AwaitEntries(daemon, Vni, 2);
        deliveries.Send(tap, Placed, [0, 10, 0, 0]);
        // Where it is, it may say so.
        deliveries.Send(owner, tap.Mac, [10, 0, 0, 0], Placed);
        Assert.Equal((10, 0), (Refused(daemon, "protected"), VtepCluster.Learning(daemon, Vni).GetProperty("moves").GetInt64()));

        // Nobody learns from a stranger, not even what nobody else claims.
        stranger.Send(run: -1, count: 10, MacAddress.Broadcast, Placed);
        stranger.Send(run: -2, count: 10, MacAddress.Broadcast, Unplaced);
        AwaitDrops(daemon, "unknown-remote", 20);
        deliveries.Send(tap, Unplaced, [0, 10, 10, 0]);

        // Nor that the device itself is elsewhere, or that anybody has a group's address or none.
        hijacker.Send(run: -3, count: 10, MacAddress.Broadcast, tap.Mac);
        AwaitDrops(daemon, "local-mac", 10);
        hijacker.Send(run: -4, count: 10, MacAddress.Broadcast, MacAddress.Parse("03:00:00:00:0f:01"));
        hijacker.Send(run: -5, count: 10, MacAddress.Broadcast, default(MacAddress));
        AwaitDrops(daemon, "invalid-source-mac", 20);
        Assert.All(Enumerable.Range(1, 5), run => Assert.Empty(tap.Heard(-run)));
        deliveries.Send(tap, Placed, [0, 10, 0, 0]);
        VtepCluster.AwaitEntries(daemon, Vni, 3);
        Assert.Equal(10, Refused(daemon, "protected"));
        deliveries.AssertAll();
        Books.AssertBalanced(Books.Settled(daemon));
    }

    [Theory]
    [InlineData("off")]
    [InlineData("count")]
    [InlineData("enforce")]
    public void The_frames_of_a_claim_pass_or_not_as_the_policy_says(string check)
    {
        using VtepCluster cluster = new(3);
        cluster.AddKernelVtep(2, Vni, [1]);
        cluster.AddKernelVtep(3, Vni, [1]);
        using OverlayDaemon daemon = cluster.Start(1, cluster.Tunnel(1, Vni, [2, 3], more: $$"""
            "fdb": [ { "mac": "{{Placed}}", "remote": "{{cluster.Address(2)}}" } ], "policy": { "innerSourceCheck": "{{check}}" }
            """));
        Station tap = cluster.Listen(1, Vni);
        Station owner = cluster.Listen(2, Vni);
        Station hijacker = cluster.Listen(3, Vni);
        Deliveries deliveries = new([tap, owner, hijacker], from => from == tap ? [owner, hijacker] : [tap]);
        deliveries.Send(owner, tap.Mac, [10, 0, 0], Placed);
        deliveries.Send(hijacker, tap.Mac, [check == "enforce" ? 0 : 10, 0, 0], Placed);
        deliveries.Send(tap, Placed, [0, 10, 0]);
        deliveries.AssertAll();
        JsonElement status = Books.Settled(daemon);
        Books.AssertBalanced(status);
        Assert.Equal(
            (check == "enforce" ? 10 : 0, check == "count" ? 10 : 0),
            (OverlayDaemon.Drops(status, VtepCluster.Device(Vni), "ingress"), OverlayDaemon.Counter(status, VtepCluster.Device(Vni), "ingress", "tolerated.foreign-source")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Of_twenty_senders_the_ten_that_are_configured_are_heard(bool group)
    {
        const string Group = "239.1.1.1";
        using VtepCluster cluster = new(2);
        string[] senders = [.. Enumerable.Range(101, 20).Select(cluster.Address)];
        foreach (string sender in senders)
        {
            cluster[2].Ip("address", "add", $"{sender}/24", "dev", "u0");
        }

        string permitted = string.Join(", ", senders[..10].Select(sender => $"\"{sender}{(group ? "/32" : "")}\""));
        using OverlayDaemon daemon = cluster.Start(1, $$"""
            { "name": "{{VtepCluster.Device(Vni)}}", "kind": "vxlan", "vni": {{Vni}}, "local": "{{cluster.Address(1)}}", "device": { "type": "tap" },
              {{(group ? $$""" "flood": [ "{{Group}}" ], "policy": { "remotes": [ {{permitted}} ] } """ : $$""" "flood": [ {{permitted}} ] """)}} }
            """);
        Station tap = cluster.Listen(1, Vni);
        int run = 0;
        foreach (string sender in senders)
        {
            using TestSocket socket = new(cluster[2], sender);
            run++;
            foreach (byte[] frame in Station.Frames(run, count: 3, MacAddress.Broadcast, MacAddress.FromValue(Placed.Value + (ulong)run)))
            {
                socket.SendTo(VtepLab.Vxlan(Vni, frame), group ? Group : cluster.Address(1), 4789);
            }
        }

        AwaitDrops(daemon, "unknown-remote", 30);
        Wait.Until(() => tap.Heard(10).Count == 3, () => $"{tap.Heard(10).Count} frames of the tenth sender heard");
        Assert.All(Enumerable.Range(1, 20), number => Assert.Equal(Enumerable.Range(0, number <= 10 ? 3 : 0), tap.Heard(number)));
        VtepCluster.AwaitEntries(daemon, Vni, 10);
    }

    [Fact]
    public void A_station_that_moves_five_times_is_frozen_where_it_is_and_each_further_move_is_counted()
    {
        // RFC 7432 §15.1: five moves within 180 seconds are an address that two hosts use.
        const int MoveLimit = 5;
        using VtepCluster cluster = new(3);
        cluster.AddKernelVtep(2, Vni, [1]);
        cluster.AddKernelVtep(3, Vni, [1]);
        using OverlayDaemon daemon = cluster.Start(1, cluster.Tunnel(1, Vni, [2, 3]));
        Station tap = cluster.Listen(1, Vni);
        Station[] places = [cluster.Listen(2, Vni), cluster.Listen(3, Vni)];
        Deliveries deliveries = new([tap, .. places], from => from == tap ? places : [tap]);
        foreach (Station place in places)
        {
            // And by the broadcast behind it, the device itself.
            deliveries.Send(place, tap.Mac, [1, 0, 0], Unplaced, count: 1);
        }

        // It was at the first place, and has moved once; another has not moved.
        deliveries.Send(places[0], tap.Mac, [1, 0, 0], Mobile, count: 1);
        VtepCluster.AwaitEntries(daemon, Vni, 4);
        for (int move = 1; move <= MoveLimit; move++)
        {
            deliveries.Send(places[move % 2], tap.Mac, [1, 0, 0], Mobile, count: 1);
            AwaitLearning(daemon, "moves", move + 1);
            deliveries.Send(tap, Mobile, [0, move % 2 == 0 ? 10 : 0, move % 2 == 1 ? 10 : 0]);
        }

        // The fifth move was the last: what is said of it at the first place is heard, and not believed.
        deliveries.Send(places[0], tap.Mac, [10, 0, 0], Mobile);
        Wait.Until(() => Refused(daemon, "frozen") == 10, () => $"{VtepCluster.Learning(daemon, Vni)}");
        deliveries.Send(tap, Mobile, [0, 0, 10]);
        // Who stands still, or moves less, is learned as before.
        deliveries.Send(places[0], tap.Mac, [1, 0, 0], Unplaced, count: 1);
        AwaitLearning(daemon, "moves", MoveLimit + 2);
        deliveries.Send(tap, Unplaced, [0, 10, 0]);
        Assert.Equal((1, 10), (VtepCluster.Learning(daemon, Vni).GetProperty("frozen").GetInt32(), Refused(daemon, "frozen")));

        // Whoever knows better removes the entry; then it may be learned anywhere.
        daemon.Ask("fdb", "del", "--tunnel", VtepCluster.Device(Vni), "--mac", Mobile.ToString());
        deliveries.Send(tap, Mobile, [0, 10, 10]);
        deliveries.Send(places[0], tap.Mac, [1, 0, 0], Mobile, count: 1);
        VtepCluster.AwaitEntries(daemon, Vni, 4);
        AwaitLearning(daemon, "frozen", 0);
        deliveries.Send(tap, Mobile, [0, 10, 0]);
        deliveries.AssertAll();
    }

    private static void AwaitLearning(OverlayDaemon daemon, string counter, int count) => Wait.Until(
        () => VtepCluster.Learning(daemon, Vni).GetProperty(counter).GetInt64() == count, () => $"{counter} is not {count}: {VtepCluster.Learning(daemon, Vni)}");

    private static long Refused(OverlayDaemon daemon, string why) => VtepCluster.Learning(daemon, Vni).GetProperty("refused").GetProperty(why).GetInt64();

    private static void AwaitDrops(OverlayDaemon daemon, string reason, int count)
    {
        JsonElement status = default;
        Wait.Until(
            () => OverlayDaemon.Counter(status = daemon.Query(), VtepCluster.Device(Vni), "ingress", $"drops.{reason}") == count,
            () => $"not {count} drops as {reason}: {status}");
    }
}
