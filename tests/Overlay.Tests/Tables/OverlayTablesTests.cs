using System.Net;
using Overlay.Tables;
using Overlay.Testing;
using Xunit;
using static Overlay.Tests.Tables.TableSamples;

namespace Overlay.Tests.Tables;

public sealed class OverlayTablesTests
{
    private const long Now = 1_000_000;

    [Fact]
    public void Each_kind_of_update_reaches_its_table()
    {
        OverlayTables tables = new();
        tables.Apply(OverlayUpdate.SetForwarding(Net, Mac(1), new FdbEntry(Remote(1), 8472, FdbOrigin.External)));
        tables.Apply(OverlayUpdate.SetNeighbor(Net, IP("10.244.0.2"), Mac(1)));
        tables.Apply(OverlayUpdate.SetRoute(IPNetwork.Parse("10.245.0.0/16"), new RouteEntry(Remote(2), Mac(2))));
        tables.Apply(OverlayUpdate.AddFlood(Net, Remote(3)));

        Assert.True(tables.Forwarding.TryLookup(Net, Mac(1), out FdbEntry entry));
        Assert.Equal(new FdbEntry(Remote(1), 8472, FdbOrigin.External), entry);
        Assert.True(tables.Neighbors.TryLookup(Net, IP("10.244.0.2"), out MacAddress mac));
        Assert.Equal(Mac(1), mac);
        Assert.True(tables.Routes.TryLookup(IP("10.245.1.1"), 0, out RouteEntry route));
        Assert.Equal(new RouteEntry(Remote(2), Mac(2)), route);
        Assert.Equal([Remote(3)], tables.Flood[Net].ToArray());
        Assert.Equal(3, tables.KnownRemoteCount);
        Assert.All([1u, 2u, 3u], n => Assert.True(tables.IsKnownRemote(Remote(n))));

        tables.Apply(OverlayUpdate.RemoveForwarding(Net, Mac(1)));
        tables.Apply(OverlayUpdate.RemoveNeighbor(Net, IP("10.244.0.2")));
        tables.Apply(OverlayUpdate.RemoveRoute(IPNetwork.Parse("10.245.0.0/16")));
        tables.Apply(OverlayUpdate.RemoveFlood(Net, Remote(3)));
        Assert.Equal(0, tables.Forwarding.Count + tables.Neighbors.Count + tables.Routes.Count + tables.Flood.Count + tables.KnownRemoteCount);
    }

    [Fact]
    public void A_remote_is_known_until_the_last_entry_that_names_it_goes_and_then_what_it_taught_goes_too()
    {
        OverlayTables tables = new();
        tables.Apply(OverlayUpdate.SetForwarding(Net, Mac(1), new FdbEntry(Remote(1))));
        tables.Apply(OverlayUpdate.SetForwarding(Net, Mac(2), new FdbEntry(Remote(1), 8472)));
        tables.Apply(OverlayUpdate.SetRoute(IP("10.0.0.0"), 8, new RouteEntry(Remote(1))));
        tables.Apply(OverlayUpdate.AddFlood(Net, Remote(1)));
        tables.Apply(OverlayUpdate.AddFlood(new Vni(43), Remote(1)));
        tables.Apply(OverlayUpdate.AddFlood(Net, Remote(2)));
        Assert.True(tables.Learn(new LearnedAddress(Net, Mac(10), Remote(1)), knownOnly: true, Now));
        Assert.True(tables.Learn(new LearnedAddress(Net, Mac(11), Remote(2)), knownOnly: true, Now));

        OverlayUpdate[] removals =
        [
            OverlayUpdate.RemoveForwarding(Net, Mac(2)), OverlayUpdate.RemoveFlood(Net, Remote(1)), OverlayUpdate.RemoveRoute(IP("10.0.0.0"), 8),
            OverlayUpdate.RemoveForwarding(Net, Mac(1)), OverlayUpdate.RemoveFlood(new Vni(43), Remote(1)),
        ];
        foreach (OverlayUpdate removal in removals)
        {
            Assert.True(tables.IsKnownRemote(Remote(1)));
            Assert.True(tables.Forwarding.TryLookup(Net, Mac(10), out int _));
            tables.Apply(removal);
            tables.Apply(removal);
        }

        Assert.False(tables.IsKnownRemote(Remote(1)));
        Assert.False(tables.Forwarding.TryLookup(Net, Mac(10), out int _));
        Assert.True(tables.Forwarding.TryLookup(Net, Mac(11), out int _));
        Assert.True(tables.IsKnownRemote(Remote(2)));
    }

    [Fact]
    public void Applying_the_same_again_counts_once()
    {
        OverlayTables tables = new();
        OverlayUpdate[] updates =
        [
            OverlayUpdate.SetForwarding(Net, Mac(1), new FdbEntry(Remote(1))), OverlayUpdate.SetRoute(IP("10.0.0.0"), 8, new RouteEntry(Remote(2))),
            OverlayUpdate.AddFlood(Net, Remote(3)),
        ];
        foreach (OverlayUpdate update in updates.Concat(updates).Concat(updates))
        {
            tables.Apply(update);
        }

        Assert.Equal(3, tables.KnownRemoteCount);
        tables.Apply(OverlayUpdate.RemoveForwarding(Net, Mac(1)));
        tables.Apply(OverlayUpdate.RemoveRoute(IP("10.0.0.0"), 8));
        tables.Apply(OverlayUpdate.RemoveFlood(Net, Remote(3)));
        Assert.Equal(0, tables.KnownRemoteCount);
    }

    [Fact]
    public void Setting_the_same_remote_again_flushes_nothing_and_setting_another_does()
    {
        OverlayTables tables = new();
        tables.Apply(OverlayUpdate.SetForwarding(Net, Mac(1), new FdbEntry(Remote(1))));
        tables.Apply(OverlayUpdate.SetRoute(IP("10.0.0.0"), 8, new RouteEntry(Remote(2))));
        tables.Learn(new LearnedAddress(Net, Mac(10), Remote(1)), true, Now);
        tables.Learn(new LearnedAddress(Net, Mac(11), Remote(2)), true, Now);

        tables.Apply(OverlayUpdate.SetForwarding(Net, Mac(1), new FdbEntry(Remote(1), 8472, FdbOrigin.External)));
        tables.Apply(OverlayUpdate.SetRoute(IP("10.0.0.0"), 8, new RouteEntry(Remote(2), Mac(5))));
        Assert.Equal(3, tables.Forwarding.Count);

        tables.Apply(OverlayUpdate.SetForwarding(Net, Mac(1), new FdbEntry(Remote(3))));
        Assert.False(tables.Forwarding.TryLookup(Net, Mac(10), out int _));
        Assert.False(tables.IsKnownRemote(Remote(1)));
        tables.Apply(OverlayUpdate.SetRoute(IP("10.0.0.0"), 8, new RouteEntry(Remote(3))));
        Assert.False(tables.Forwarding.TryLookup(Net, Mac(11), out int _));
        Assert.False(tables.IsKnownRemote(Remote(2)));
        Assert.True(tables.IsKnownRemote(Remote(3)));
    }

    [Fact]
    public void Learned_entries_make_nobody_known()
    {
        OverlayTables tables = new();
        Assert.True(tables.Learn(new LearnedAddress(Net, Mac(1), Remote(1)), knownOnly: false, Now));
        Assert.False(tables.IsKnownRemote(Remote(1)));
        tables.Apply(OverlayUpdate.RemoveForwarding(Net, Mac(1)));
        Assert.Equal(0, tables.Forwarding.Count);

        // A static entry over a learned one names its own remote only.
        tables.Learn(new LearnedAddress(Net, Mac(1), Remote(1)), false, Now);
        tables.Apply(OverlayUpdate.SetForwarding(Net, Mac(1), new FdbEntry(Remote(2))));
        Assert.Equal(1, tables.KnownRemoteCount);
        tables.Apply(OverlayUpdate.RemoveForwarding(Net, Mac(1)));
        Assert.Equal(0, tables.KnownRemoteCount);
    }

    [Fact]
    public void What_a_removed_remote_left_in_the_queue_is_not_learned()
    {
        OverlayTables tables = new();
        LearningQueue queue = new(4);
        tables.Apply(OverlayUpdate.AddFlood(Net, Remote(1)));
        Assert.True(queue.TryEnqueue(new LearnedAddress(Net, Mac(1), Remote(1))));
        tables.Apply(OverlayUpdate.RemoveFlood(Net, Remote(1)));
        Assert.True(queue.TryDequeue(out LearnedAddress learned));
        Assert.False(tables.Learn(learned, knownOnly: true, Now));
        Assert.Equal(0, tables.Forwarding.Count);
    }

    [Fact]
    public void A_bad_update_changes_nothing()
    {
        OverlayTables tables = new();
        tables.Apply(OverlayUpdate.SetForwarding(Net, Mac(1), new FdbEntry(Remote(1))));
        tables.Apply(OverlayUpdate.SetRoute(IP("10.0.0.0"), 8, new RouteEntry(Remote(2))));
        OverlayUpdate[] bad =
        [
            default,
            OverlayUpdate.SetForwarding(Net, MacAddress.Broadcast, new FdbEntry(Remote(9))),
            OverlayUpdate.SetForwarding(Net, default, new FdbEntry(Remote(9))),
            OverlayUpdate.SetForwarding(Net, Mac(1), new FdbEntry(IP("0.0.0.0"))),
            OverlayUpdate.SetForwarding(Net, Mac(1), new FdbEntry(IP("239.0.0.1"))),
            OverlayUpdate.SetForwarding(Net, Mac(1), new FdbEntry(Remote(9), 0, FdbOrigin.Learned)),
            OverlayUpdate.SetNeighbor(Net, IP("10.0.0.1"), default),
            OverlayUpdate.SetRoute(IP("10.0.0.1"), 8, new RouteEntry(Remote(9))),
            OverlayUpdate.SetRoute(IP("10.0.0.0"), 33, new RouteEntry(Remote(9))),
            OverlayUpdate.SetRoute(IP("10.0.0.0"), 8, default(RouteEntry)),
            OverlayUpdate.SetRoute(IP("10.0.0.0"), 8, new RouteEntry(IP("ff02::1"))),
            OverlayUpdate.SetRoute(IP("10.0.0.0"), 8, new RouteEntry(Remote(9), MacAddress.Broadcast)),
            OverlayUpdate.RemoveRoute(IP("10.0.0.1"), 8),
            OverlayUpdate.AddFlood(Net, default),
        ];
        Assert.All(bad, update => Assert.ThrowsAny<ArgumentException>(() => tables.Apply(update)));

        Assert.Equal(2, tables.KnownRemoteCount);
        Assert.True(tables.Forwarding.TryLookup(Net, Mac(1), out FdbEntry entry));
        Assert.Equal(new FdbEntry(Remote(1)), entry);
        Assert.True(tables.Routes.TryLookup(IP("10.1.1.1"), 0, out RouteEntry route));
        Assert.Equal(new RouteEntry(Remote(2)), route);
        Assert.Equal(0, tables.Neighbors.Count + tables.Flood.Count);
    }

    [Fact]
    public void Counting_agrees_with_counting_anew_after_random_updates()
    {
        Random random = new(21);
        OverlayTables tables = new();
        for (int i = 0; i < 20_000; i++)
        {
            MacAddress mac = Mac((uint)random.Next(1, 20));
            ValueIPAddress remote = Remote((uint)random.Next(1, 12));
            ValueIPAddress prefix = ValueIPAddress.FromIPv4((uint)random.Next(1, 10) << 24);
            switch (random.Next(8))
            {
                case 0: tables.Apply(OverlayUpdate.SetForwarding(Net, mac, new FdbEntry(remote, (ushort)random.Next(2)))); break;
                case 1: tables.Apply(OverlayUpdate.RemoveForwarding(Net, mac)); break;
                case 2: tables.Apply(OverlayUpdate.SetRoute(prefix, 8, new RouteEntry(remote))); break;
                case 3: tables.Apply(OverlayUpdate.RemoveRoute(prefix, 8)); break;
                case 4: tables.Apply(OverlayUpdate.AddFlood(Net, remote)); break;
                case 5: tables.Apply(OverlayUpdate.RemoveFlood(Net, remote)); break;
                case 6: tables.Learn(new LearnedAddress(Net, mac, remote), true, i); break;
                default: tables.Age(i, 5_000); break;
            }

            if (i % 50 == 0)
            {
                HashSet<ValueIPAddress> named = [.. tables.Flood[Net]];
                named.UnionWith(tables.Routes.Snapshot().SelectMany(r => r.Members).Select(m => m.Entry.Remote));
                IReadOnlyList<ForwardingRow> rows = tables.Forwarding.Snapshot(i);
                named.UnionWith(rows.Where(r => r.Entry.Origin != FdbOrigin.Learned).Select(r => r.Entry.Remote));
                Assert.Equal(named.Count, tables.KnownRemoteCount);
                Assert.All(named, remote => Assert.True(tables.IsKnownRemote(remote)));
                Assert.All(rows, row => Assert.Contains(row.Entry.Remote, named));
            }
        }
    }

    [Fact]
    public void Asking_for_a_known_remote_allocates_nothing()
    {
        OverlayTables tables = new();
        tables.Apply(OverlayUpdate.AddFlood(Net, Remote(5)));
        int found = 0;
        Allocations.Zero(() =>
        {
            for (uint i = 0; i < 1_000; i++)
            {
                found += tables.IsKnownRemote(Remote(i)) ? 1 : 0;
            }
        });
        Assert.True(found > 0);
    }
}
