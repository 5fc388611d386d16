using CsCheck;
using Overlay.Tables;
using Overlay.Testing.Simulation;
using Overlay.Tests.Properties;
using Xunit;
using static Overlay.Tests.Tables.TableSamples;

namespace Overlay.Tests.Tables;

/// <summary><see cref="OverlayTables.Apply"/> beside a twin of plain dictionaries, by random updates of few names, so that they meet.</summary>
public sealed class OverlayTablesModelTests
{
    private static readonly Vni[] Networks = [Net, new(0x01_002A)];

    // Kind, network, name, remote, port or prefix length.
    private static readonly Gen<OverlayUpdate[]> Updates = Gen.Select(Gen.Int[0, 7], Gen.Int[0, 1], Gen.Int[1, 5], Gen.Int[1, 5], Gen.Int[0, 2])
        .Select(UpdateOf).Array[0, 60];

    [Fact]
    public void Any_updates_leave_what_the_twin_says() => Updates.Sample(
        updates =>
        {
            OverlayTables tables = new();
            TableTwin twin = new();
            foreach (OverlayUpdate update in updates)
            {
                tables.Apply(update);
                twin.Apply(update);
                AssertKnown(twin, tables);
            }

            AssertSame(twin, tables);
        },
        iter: Samples.Count,
        threads: Samples.Threads);

    /// <summary>Learned entries between the updates: they give way to what is set, and go with the last entry that names their remote.</summary>
    [Fact]
    public void What_a_remote_taught_goes_when_nothing_names_it() => Gen.Select(Updates, Gen.Select(Gen.Int[1, 5], Gen.Int[1, 5]).Array[60, 60]).Sample(
        (updates, heard) =>
        {
            OverlayTables tables = new();
            TableTwin twin = new();
            SortedDictionary<MacAddress, ValueIPAddress> learned = [];
            for (int i = 0; i < updates.Length; i++)
            {
                tables.Apply(updates[i]);
                twin.Apply(updates[i]);
                if (updates[i].Kind is OverlayUpdateKind.SetForwarding or OverlayUpdateKind.RemoveForwarding && updates[i].Vni == Net)
                {
                    learned.Remove(updates[i].Mac);
                }

                foreach (MacAddress mac in learned.Where(entry => !twin.IsKnown(entry.Value)).Select(entry => entry.Key).ToArray())
                {
                    learned.Remove(mac);
                }

                MacAddress source = Mac((uint)heard[i].Item1);
                ValueIPAddress remote = Remote((uint)heard[i].Item2);

                // Only what is new: how moves are damped is another matter.
                if (!learned.ContainsKey(source))
                {
                    bool isTaken = tables.Learn(new LearnedAddress(Net, source, remote), knownOnly: true, 1_000_000);
                    Assert.Equal(twin.IsKnown(remote) && !twin.Forwarding.ContainsKey((Net, source)), isTaken);
                    if (isTaken)
                    {
                        learned.Add(source, remote);
                    }
                }

                Assert.Equal(
                    learned.Select(entry => (entry.Key, entry.Value)),
                    tables.Forwarding.Snapshot(1_000_000).Where(row => row.Entry.Origin == FdbOrigin.Learned).Select(row => (row.Mac, row.Entry.Remote)).Order());
            }
        },
        iter: Samples.Count,
        threads: Samples.Threads);

    private static void AssertKnown(TableTwin twin, OverlayTables tables)
    {
        SortedSet<ValueIPAddress> known = twin.Known;
        Assert.Equal(known.Count, tables.KnownRemoteCount);
        for (uint i = 1; i <= 5; i++)
        {
            Assert.Equal(known.Contains(Remote(i)), tables.IsKnownRemote(Remote(i)));
        }
    }

    private static void AssertSame(TableTwin twin, OverlayTables tables)
    {
        Assert.Equal(
            twin.Forwarding.Select(row => (row.Key.Vni, row.Key.Mac, row.Value)),
            tables.Forwarding.Snapshot(0).Select(row => (row.Vni, row.Mac, row.Entry)).OrderBy(row => (row.Vni, row.Mac)));
        Assert.Equal(
            twin.Neighbors.Select(row => (row.Key.Vni, row.Key.Address, row.Value)),
            tables.Neighbors.Snapshot(0).Select(row => (row.Vni, row.Address, row.Mac)).OrderBy(row => (row.Vni, row.Address)));
        foreach (Vni vni in Networks)
        {
            Assert.Equal(twin.FloodOf(vni), tables.Flood[vni].ToArray());
        }

        for (uint i = 0; i < 8; i++)
        {
            ValueIPAddress destination = ValueIPAddress.FromIPv4(0x0AF4_0000 | (i << 8) | i);
            bool isFound = tables.Routes.TryLookup(destination, flowHash: i, out RouteEntry route);
            Assert.Equal(twin.TryRoute(destination, out _, out IReadOnlyList<RouteMember> expected), isFound);
            Assert.True(!isFound || expected.Any(member => member.Entry == route), $"{destination} goes to {route.Remote}, not to one of {string.Join(", ", expected)}.");
        }
    }

    private static OverlayUpdate UpdateOf((int Kind, int Network, int Name, int Remote, int Extra) row)
    {
        Vni vni = Networks[row.Network];
        ValueIPAddress address = ValueIPAddress.FromIPv4(0x0AF4_0000 | ((uint)row.Name << 8) | (uint)row.Name);
        int length = 16 + (8 * row.Extra);
        return row.Kind switch
        {
            0 => OverlayUpdate.SetForwarding(vni, Mac((uint)row.Name), new FdbEntry(Remote((uint)row.Remote), (ushort)row.Extra, row.Extra == 0 ? FdbOrigin.External : FdbOrigin.Static)),
            1 => OverlayUpdate.RemoveForwarding(vni, Mac((uint)row.Name)),
            2 => OverlayUpdate.SetNeighbor(vni, address, Mac((uint)row.Remote)),
            3 => OverlayUpdate.RemoveNeighbor(vni, address),
            4 when row.Extra == 1 => OverlayUpdate.SetRoute(
                address.Mask(length), length, [new RouteMember(new RouteEntry(Remote((uint)row.Remote))), new RouteMember(new RouteEntry(Remote((uint)row.Remote + 1)), 3)]),
            4 => OverlayUpdate.SetRoute(address.Mask(length), length, new RouteEntry(Remote((uint)row.Remote))),
            5 => OverlayUpdate.RemoveRoute(address.Mask(length), length),
            6 => OverlayUpdate.AddFlood(vni, Remote((uint)row.Remote)),
            _ => OverlayUpdate.RemoveFlood(vni, Remote((uint)row.Remote)),
        };
    }
}
