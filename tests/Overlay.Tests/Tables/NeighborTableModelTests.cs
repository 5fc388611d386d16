using CsCheck;
using Overlay.Tables;
using Overlay.Tests.Properties;
using Xunit;
using static Overlay.Tests.Tables.TableSamples;

namespace Overlay.Tests.Tables;

/// <summary>The table beside a plain dictionary that does the same in the most obvious way.</summary>
public sealed class NeighborTableModelTests
{
    private static readonly NeighborTableOptions Bounds = new() { MaxLearned = 6, MoveLimit = 3, MoveWindow = 5_000, FreezeTime = 3_000 };

    // What to do, to which address, with which MAC address, origin and flags, and how much later.
    private static readonly Gen<(int What, int Name, int Mac, int Flags, int Wait)[]> Operations =
        Gen.Select(Gen.Int[0, 9], Gen.Int[0, 11], Gen.Int[1, 3], Gen.Int[0, 7], Gen.Int[0, 1_500]).Array[0, 200];

    [Fact]
    public void Any_order_of_operations_agrees_with_a_dictionary() => Operations.Sample(
        operations =>
        {
            NeighborTable table = new(Bounds);
            Twin twin = new();
            long now = 1_000_000;
            foreach ((int what, int name, int macNumber, int flagBits, int wait) in operations)
            {
                now += wait;
                (Vni vni, ValueIPAddress address) = Key(name);
                MacAddress mac = Mac((uint)macNumber);
                NeighborFlags flags = (NeighborFlags)flagBits;
                NeighborOrigin origin = flagBits % 2 == 0 ? NeighborOrigin.Static : NeighborOrigin.External;
                switch (what)
                {
                    case 0 when !address.IsUnspecified:
                        Assert.Equal(twin.Set(vni, address, new NeighborEntry(mac, origin, flags)), table.Set(vni, address, new NeighborEntry(mac, origin, flags)));
                        break;
                    case 1:
                        NeighborOrigin? only = flagBits < 4 ? null : origin;
                        Assert.Equal(twin.Remove(vni, address, only), table.Remove(vni, address, only));
                        break;
                    case 2 when wait % 10 == 0:
                        NeighborRow[] rows = [.. Enumerable.Range(name, flagBits).Select(n => Key(n % 11)).Select(k => new NeighborRow(k.Vni, k.Address, new NeighborEntry(mac, origin)))];
                        twin.Replace(origin, rows);
                        table.Replace(origin, rows);
                        break;
                    case 3 when wait % 10 == 0:
                        Assert.Equal(twin.Age(now, 8_000), table.Age(now, 8_000));
                        break;
                    case 4:
                        Assert.Equal(twin.Withdraw(vni, address, mac), table.Withdraw(vni, address, mac));
                        break;
                    case 5:
                        Assert.Equal(twin.NeedsLearning(vni, address, mac, flags, now), table.NeedsLearning(vni, address, mac, flags, now));
                        break;
                    default:
                        Assert.Equal(twin.Learn(vni, address, mac, flags, now), table.Learn(vni, address, mac, flags, now));
                        break;
                }

                bool isFound = twin.Entries.TryGetValue((vni, address), out var expected);
                Assert.Equal(isFound, table.TryGet(vni, address, out NeighborEntry found));
                Assert.Equal(isFound ? expected.Entry : default, found);
                Assert.Equal((twin.Entries.Count, twin.Learned, twin.Moves, twin.Refusals), (table.Count, table.LearnedCount, table.Moves, table.Refusals));
            }

            Assert.Equal(
                twin.Entries.Select(e => new NeighborRow(e.Key.Item1, e.Key.Item2, e.Value.Entry, e.Value.Entry.Origin == NeighborOrigin.Learned ? now - e.Value.Heard : 0))
                    .OrderBy(row => (row.Vni, row.Address)),
                table.Snapshot(now).OrderBy(row => (row.Vni, row.Address)));
        },
        iter: Samples.Count,
        threads: Samples.Threads);

    // Two networks, both families, and last an address that is no host's.
    private static (Vni Vni, ValueIPAddress Address) Key(int name) =>
        (new Vni((uint)(name % 2) * 0xFF_FFFF), name == 11 ? IP("0.0.0.0") : Samples.Host(ipv6: name % 3 == 0, 1 + (name / 2)));

    private sealed class Twin
    {
        private readonly Dictionary<(Vni, ValueIPAddress), (long Since, int Moves, long FrozenUntil)> _moving = [];

        public Dictionary<(Vni, ValueIPAddress), (NeighborEntry Entry, long Heard)> Entries { get; } = [];

        public long Moves { get; private set; }

        public NeighborRefusals Refusals { get; private set; }

        public int Learned => Entries.Values.Count(e => e.Entry.Origin == NeighborOrigin.Learned);

        public bool Set(Vni vni, ValueIPAddress address, NeighborEntry entry)
        {
            bool isThere = Entries.TryGetValue((vni, address), out var old);
            if (isThere && old.Entry.Origin == NeighborOrigin.Static && entry.Origin == NeighborOrigin.External)
            {
                Refusals = Refusals with { Protected = Refusals.Protected + 1 };
                return false;
            }

            Entries[(vni, address)] = (entry, 0);
            return !isThere;
        }

        public bool Remove(Vni vni, ValueIPAddress address, NeighborOrigin? origin) =>
            Entries.TryGetValue((vni, address), out var old) && (origin is null || old.Entry.Origin == origin) && Entries.Remove((vni, address));

        public void Replace(NeighborOrigin origin, NeighborRow[] rows)
        {
            foreach (var key in Entries.Where(e => e.Value.Entry.Origin == origin).Select(e => e.Key).ToList())
            {
                Entries.Remove(key);
            }

            foreach (NeighborRow row in rows)
            {
                Set(row.Vni, row.Address, row.Entry);
            }
        }

        public int Age(long now, long maxAge)
        {
            var old = Entries.Where(e => e.Value.Entry.Origin == NeighborOrigin.Learned && now - e.Value.Heard >= maxAge).Select(e => e.Key).ToList();
            old.ForEach(key => Entries.Remove(key));
            return old.Count;
        }

        public bool Withdraw(Vni vni, ValueIPAddress address, MacAddress mac) =>
            Entries.TryGetValue((vni, address), out var old) && old.Entry.Origin == NeighborOrigin.Learned && old.Entry.Mac != mac && Entries.Remove((vni, address));

        public bool NeedsLearning(Vni vni, ValueIPAddress address, MacAddress mac, NeighborFlags flags, long now)
        {
            if (address.IsUnspecified)
            {
                return Refuse(Refusals with { Invalid = Refusals.Invalid + 1 });
            }

            if (!Entries.TryGetValue((vni, address), out var old))
            {
                return Learned < Bounds.MaxLearned || Refuse(Refusals with { Full = Refusals.Full + 1 });
            }

            if (old.Entry.Origin != NeighborOrigin.Learned)
            {
                return old.Entry.Mac != mac && Refuse(Refusals with { Protected = Refusals.Protected + 1 });
            }

            if (old.Entry.Mac != mac || old.Entry.Flags != flags)
            {
                return true;
            }

            if (now - old.Heard >= 1_000)
            {
                Entries[(vni, address)] = (old.Entry, now);
            }

            return false;
        }

        public bool Learn(Vni vni, ValueIPAddress address, MacAddress mac, NeighborFlags flags, long now)
        {
            if (address.IsUnspecified)
            {
                return Refuse(Refusals with { Invalid = Refusals.Invalid + 1 });
            }

            NeighborEntry entry = new(mac, NeighborOrigin.Learned, flags & ~NeighborFlags.Immutable);
            if (!Entries.TryGetValue((vni, address), out var old))
            {
                if (_moving.TryGetValue((vni, address), out var frozen) && now < frozen.FrozenUntil)
                {
                    return Refuse(Refusals with { Frozen = Refusals.Frozen + 1 });
                }

                if (Learned >= Bounds.MaxLearned)
                {
                    return Refuse(Refusals with { Full = Refusals.Full + 1 });
                }
            }
            else if (old.Entry.Mac != mac)
            {
                if (old.Entry.Origin != NeighborOrigin.Learned || !flags.HasFlag(NeighborFlags.Override))
                {
                    return Refuse(Refusals with { Protected = Refusals.Protected + 1 });
                }

                if (!_moving.TryGetValue((vni, address), out var moving) || now - moving.Since >= Bounds.MoveWindow)
                {
                    moving = (now, 0, 0);
                }

                moving.Moves++;
                if (moving.Moves >= Bounds.MoveLimit)
                {
                    _moving[(vni, address)] = moving with { FrozenUntil = now + Bounds.FreezeTime };
                    Entries.Remove((vni, address));
                    return Refuse(Refusals with { Frozen = Refusals.Frozen + 1 });
                }

                _moving[(vni, address)] = moving with { FrozenUntil = 0 };
                Moves++;
            }
            else if (old.Entry.Origin != NeighborOrigin.Learned)
            {
                return false;
            }

            Entries[(vni, address)] = (entry, now);
            return true;
        }

        private bool Refuse(NeighborRefusals refusals)
        {
            Refusals = refusals;
            return false;
        }
    }
}
