using Overlay.Tables;
using Overlay.Testing;
using Xunit;
using static Overlay.Tests.Tables.TableSamples;

namespace Overlay.Tests.Tables;

public sealed class OverlayRoutesTests
{
    private static readonly Vni Red = new(1);
    private static readonly Vni Blue = new(2);

    [Fact]
    public void Networks_do_not_meet()
    {
        OverlayTables tables = new();
        tables.Apply(OverlayUpdate.SetRoute(IP("10.0.0.0"), 8, new RouteEntry(Remote(1))));
        tables.Apply(OverlayUpdate.SetRoute(Red, IP("10.0.0.0"), 8, new RouteEntry(Remote(2))));
        tables.Apply(OverlayUpdate.SetRoute(Blue, IP("11.0.0.0"), 8, new RouteEntry(Remote(3))));
        Assert.True(tables.Routes.TryLookup(IP("10.1.1.1"), 0, out RouteEntry entry));
        Assert.Equal(Remote(1), entry.Remote);
        Assert.True(tables.Routes.TryLookup(Red, IP("10.1.1.1"), 0, out entry));
        Assert.Equal(Remote(2), entry.Remote);
        Assert.False(tables.Routes.TryLookup(Blue, IP("10.1.1.1"), 0, out _));
        Assert.False(tables.Routes.TryLookup(Red, IP("11.1.1.1"), 0, out _));
        Assert.False(tables.Routes.TryLookup(new Vni(3), IP("10.1.1.1"), 0, out _));
        Assert.Equal([Red, Blue], tables.Routes.Networks);
        Assert.Equal((3, 3), (tables.Routes.Count, tables.KnownRemoteCount));
        tables.Apply(OverlayUpdate.RemoveRoute(Red, IP("10.0.0.0"), 8));
        Assert.Equal([Blue], tables.Routes.Networks);
        Assert.False(tables.IsKnownRemote(Remote(2)));
        Assert.True(tables.Routes.TryLookup(IP("10.1.1.1"), 0, out _));
    }

    [Fact]
    public void A_remote_that_leaves_a_route_is_forgotten_and_only_its_flows_move()
    {
        OverlayTables tables = new();
        RouteMember[] members = [new(new RouteEntry(Remote(1), Mac(1))), new(new RouteEntry(Remote(2), Mac(2)), 2), new(new RouteEntry(Remote(3), Mac(3)))];
        tables.Apply(OverlayUpdate.SetRoute(IP("10.0.0.0"), 8, members));
        Assert.All(members, member => Assert.True(tables.IsKnownRemote(member.Entry.Remote)));
        Assert.True(tables.Learn(new LearnedAddress(Net, Mac(9), Remote(2)), true, 1));
        RouteEntry[] before = Flows(tables);
        Assert.Equal([Remote(1), Remote(2), Remote(3)], before.Select(entry => entry.Remote).Distinct().Order());
        tables.Apply(OverlayUpdate.SetRoute(IP("10.0.0.0"), 8, [members[0], members[2]]));
        RouteEntry[] after = Flows(tables);
        Assert.All(before.Zip(after), flow => Assert.True(flow.First.Remote == Remote(2) ? flow.Second.Remote != Remote(2) : flow.First == flow.Second));
        Assert.False(tables.IsKnownRemote(Remote(2)));
        Assert.False(tables.Forwarding.TryLookup(Net, Mac(9), out FdbEntry _));
        tables.Apply(OverlayUpdate.SetRoute(IP("10.0.0.0"), 8, new RouteEntry(Remote(3), Mac(3))));
        Assert.Equal(1, tables.KnownRemoteCount);
        tables.Apply(OverlayUpdate.RemoveRoute(IP("10.0.0.0"), 8));
        Assert.Equal(0, tables.KnownRemoteCount);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Replacing_counts_remotes_and_leaves_the_flows_of_those_that_stay(bool inNetwork)
    {
        Vni? vni = inNetwork ? Red : null;
        OverlayTables tables = new();
        RouteMember[] members = [new(new RouteEntry(Remote(1))), new(new RouteEntry(Remote(2))), new(new RouteEntry(Remote(3)))];
        tables.ReplaceRoutes(vni, [new OverlayRoute(IP("10.0.0.0"), 8, members), new OverlayRoute(IP("fd00::"), 8, [new(new RouteEntry(Remote(4)))])]);
        Assert.Equal((2, 4), (tables.Routes.Count, tables.KnownRemoteCount));
        RouteEntry[] before = Flows(tables, vni);
        tables.ReplaceRoutes(vni, [new OverlayRoute(IP("10.0.0.0"), 8, members[..2])]);
        Assert.All(before.Zip(Flows(tables, vni)), flow => Assert.True(flow.First.Remote == Remote(3) || flow.First == flow.Second));
        Assert.Equal((1, 2), (tables.Routes.Count, tables.KnownRemoteCount));
        Assert.Throws<ArgumentException>(() => tables.ReplaceRoutes(vni, [new OverlayRoute(IP("10.0.0.1"), 8, members)]));
        Assert.Throws<ArgumentException>(() => tables.ReplaceRoutes(vni, [new OverlayRoute(IP("10.0.0.0"), 8, [])]));
        Assert.Equal((1, 2), (tables.Routes.Count, tables.KnownRemoteCount));
        OverlayRoute row = Assert.Single(tables.Routes.Snapshot(vni));
        Assert.Equal(members[..2], row.Members);
        tables.ReplaceRoutes(vni, []);
        Assert.Equal((0, 0), (tables.Routes.Count, tables.KnownRemoteCount));
    }

    [Fact]
    public void Readers_allocate_nothing()
    {
        OverlayTables tables = new();
        RouteMember[] members = [new(new RouteEntry(Remote(1))), new(new RouteEntry(Remote(2)))];
        tables.Apply(OverlayUpdate.SetRoute(IP("10.0.0.0"), 8, members));
        tables.Apply(OverlayUpdate.SetRoute(Red, IP("2001:db8::1"), 128, members));
        ValueIPAddress six = IP("2001:db8::1");
        int found = 0;
        Allocations.Zero(() =>
        {
            for (uint i = 0; i < 1_000; i++)
            {
                found += tables.Routes.TryLookup(Remote(i), i, out _) ? 1 : 0;
                found += tables.Routes.TryLookup(Red, six, i, out _) ? 1 : 0;
            }
        });
        Assert.True(found > 0);
    }

    private static RouteEntry[] Flows(OverlayTables tables, Vni? vni = null) => [.. Enumerable.Range(0, 5_000).Select(flow =>
    {
        RouteEntry entry;
        Assert.True(vni is Vni network
            ? tables.Routes.TryLookup(network, IP("10.1.1.1"), (uint)flow * 2_654_435_761, out entry)
            : tables.Routes.TryLookup(IP("10.1.1.1"), (uint)flow * 2_654_435_761, out entry));
        return entry;
    })];
}
