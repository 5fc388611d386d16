using CsCheck;
using Overlay.Tables;
using Overlay.Tests.DataPath;
using Xunit;

namespace Overlay.Tests.Properties;

/// <summary>
/// Property 10, of the tables that a reload changes: to apply a configuration twice is to apply it once; and to go from one to another, by removing what
/// the other has not and setting what it has, ends where a fresh start ends.
/// </summary>
public sealed class Item10ReloadTests
{
    // Rows of few names, so that two configurations overlap: what row (forwarding, route, flood, neighbour), of which name, with which value.
    private static readonly Gen<(int Kind, int Name, int Value)[]> Configuration = Gen.Select(Gen.Int[0, 3], Gen.Int[1, 6], Gen.Int[1, 6]).Array[0, 20];

    [Fact]
    public void Twice_is_once() => Configuration.Sample(
        rows =>
        {
            OverlayTables once = new(), twice = new();
            Set(once, rows);
            Set(twice, rows);
            Set(twice, rows);
            AssertSame(once, twice);
        },
        iter: Samples.Count,
        threads: Samples.Threads);

    [Fact]
    public void From_one_to_another_ends_where_a_fresh_start_ends() => Gen.Select(Configuration, Configuration).Sample(
        (first, second) =>
        {
            OverlayTables reloaded = new(), fresh = new();
            Set(reloaded, first);
            HashSet<(int, int)> kept = [.. second.Select(Key)];
            foreach ((int Kind, int Name, int Value) row in first.Where(row => !kept.Contains(Key(row))))
            {
                reloaded.Apply(Update(row, remove: true));
            }

            Set(reloaded, second);
            Set(fresh, second);
            AssertSame(fresh, reloaded);
        },
        iter: Samples.Count,
        threads: Samples.Threads);

    private static void Set(OverlayTables tables, IEnumerable<(int Kind, int Name, int Value)> rows)
    {
        foreach ((int Kind, int Name, int Value) row in rows)
        {
            tables.Apply(Update(row, remove: false));
        }
    }

    // A flood list has no values: its remote is the name.
    private static (int, int) Key((int Kind, int Name, int Value) row) => (row.Kind, row.Name);

    private static OverlayUpdate Update((int Kind, int Name, int Value) row, bool remove)
    {
        ValueIPAddress remote = Remote(row.Value);
        ValueIPAddress prefix = ValueIPAddress.FromIPv4((uint)row.Name << 24);
        return (row.Kind, remove) switch
        {
            (0, false) => OverlayUpdate.SetForwarding(TunnelRig.Vni, Samples.Station(row.Name), new FdbEntry(remote)),
            (0, true) => OverlayUpdate.RemoveForwarding(TunnelRig.Vni, Samples.Station(row.Name)),
            (1, false) => OverlayUpdate.SetRoute(prefix, 8, new RouteEntry(remote)),
            (1, true) => OverlayUpdate.RemoveRoute(prefix, 8),
            (2, false) => OverlayUpdate.AddFlood(TunnelRig.Vni, Remote(row.Name)),
            (2, true) => OverlayUpdate.RemoveFlood(TunnelRig.Vni, Remote(row.Name)),
            (3, false) => OverlayUpdate.SetNeighbor(TunnelRig.Vni, Samples.Host(false, row.Name), Samples.Station(row.Value)),
            _ => OverlayUpdate.RemoveNeighbor(TunnelRig.Vni, Samples.Host(false, row.Name)),
        };
    }

    private static ValueIPAddress Remote(int number) => ValueIPAddress.Parse($"192.0.2.{number}");

    private static void AssertSame(OverlayTables expected, OverlayTables actual)
    {
        Assert.Equal(State(expected), State(actual));
        Assert.Equal(expected.KnownRemoteCount, actual.KnownRemoteCount);
        for (int i = 1; i <= 6; i++)
        {
            Assert.Equal(expected.IsKnownRemote(Remote(i)), actual.IsKnownRemote(Remote(i)));
        }
    }

    // What anybody can look up. Order is no part of it: in a flood list it is who came first.
    private static List<string> State(OverlayTables tables)
    {
        List<string> state = [.. tables.Flood[TunnelRig.Vni].ToArray().Select(remote => $"flood {remote}").Order(StringComparer.Ordinal)];
        for (int i = 1; i <= 6; i++)
        {
            state.Add($"fdb {i} {(tables.Forwarding.TryLookup(TunnelRig.Vni, Samples.Station(i), out FdbEntry entry) ? entry.ToString() : "")}");
            state.Add($"route {i} {(tables.Routes.TryLookup(ValueIPAddress.FromIPv4(((uint)i << 24) | 1), 0, out RouteEntry route) ? route.ToString() : "")}");
            state.Add($"neighbour {i} {(tables.Neighbors.TryLookup(TunnelRig.Vni, Samples.Host(false, i), out MacAddress mac) ? mac.ToString() : "")}");
        }

        return state;
    }
}
