using CsCheck;
using Overlay.Tables;
using Xunit;
using static Overlay.Tests.Tables.TableSamples;

namespace Overlay.Tests.Tables;

/// <summary>The table beside a plain dictionary that does the same in the most obvious way; CsCheck shrinks what they disagree about.</summary>
public sealed class ForwardingTableModelTests
{
    private const int MaxAge = 20_000;
    private const int Window = 40_000;
    private const int Frost = 30_000;

    private static readonly Vni[] Vnis = [new(0), new(5), new(0x01_0005), new(0xFF_0005), new(0xFF_FFFF)];

    private static readonly ForwardingTableOptions Options = new()
    {
        MaxEntries = 28,
        MaxEntriesPerVni = 7,
        MoveLimit = 3,
        MoveWindow = TimeSpan.FromMilliseconds(Window),
        FreezeTime = TimeSpan.FromMilliseconds(Frost),
    };

    // Each as often as it is to be tried.
    private static readonly Act[] Often =
    [
        .. Enumerable.Repeat(Act.Learn, 20), .. Enumerable.Repeat(Act.Hear, 12), .. Enumerable.Repeat(Act.Find, 8), .. Enumerable.Repeat(Act.Set, 4),
        .. Enumerable.Repeat(Act.Remove, 4), Act.Age, Act.Age, Act.Replace, Act.Replace, Act.Flush, Act.AddOwn, Act.RemoveOwn,
    ];

    private enum Act
    {
        Set, Remove, Learn, Hear, Age, Flush, Replace, AddOwn, RemoveOwn, Find,
    }

    private static Gen<Step[]> Steps { get; } = Gen.Select(
        Gen.Int[0, Often.Length - 1],
        Gen.Int[0, 4], Gen.UInt[1, 8], Gen.UInt[1, 6], Gen.Int[0, 300], Gen.UInt,
        (act, vni, mac, remote, later, extra) => new Step(Often[act], Vnis[vni], mac, remote, later, extra)).Array[0, 600];

    [Fact]
    public void All_operations_agree_with_a_dictionary()
    {
        Twin sum = new();
        Steps.Sample(
            steps =>
            {
                Twin twin = new();
                ForwardingTable table = new(Options);
                long now = 4_294_960_000; // the stamps wrap on the way
                foreach (Step step in steps)
                {
                    now += step.Later;
                    Run(step, table, twin, now);
                }

                Assert.Equal(
                    twin.Entries.Select(e => new ForwardingRow(e.Key.Vni, e.Key.Mac, e.Value.Entry, twin.IsLearned(e.Key) ? now - e.Value.Heard : 0, e.Value.IsFrozen)).ToHashSet(),
                    table.Snapshot(now).ToHashSet());
                sum.Moves += twin.Moves;
                sum.Freezes += twin.Freezes;
                sum.Frozen += twin.Frozen;
                sum.Full += twin.Full;
                sum.Protected += twin.Protected;
                sum.Own += twin.Own;
                sum.Overruled += twin.Overruled;
            },
            iter: 400,
            threads: 1);
        Assert.All([sum.Moves, sum.Freezes, sum.Frozen, sum.Full, sum.Protected, sum.Own, sum.Overruled], count => Assert.True(count > 0, "Not every case was reached."));
    }

    private static void Run(Step step, ForwardingTable table, Twin twin, long now)
    {
        ForwardingKey key = new(step.Vni, Mac(step.Mac));
        ValueIPAddress remote = Remote(step.Remote);
        FdbOrigin origin = step.Extra % 2 == 0 ? FdbOrigin.Static : FdbOrigin.External;
        Vni? outer = step.Extra % 3 == 0 ? new Vni(step.Extra % 7) : null;
        switch (step.Act)
        {
            case Act.Set:
                FdbEntry entry = new(remote, (ushort)(step.Extra % 3), origin) { Vni = outer };
                Assert.Equal(!twin.Entries.ContainsKey(key), table.Set(key.Vni, key.Mac, entry));
                twin.Entries[key] = new Known(entry, 0);
                twin.Forget(key);
                break;
            case Act.Remove:
                Assert.Equal(twin.Entries.Remove(key), table.Remove(key.Vni, key.Mac));
                twin.Forget(key);
                break;
            case Act.Learn:
                Assert.Equal(twin.Learn(key, remote, now), table.Learn(key.Vni, key.Mac, remote, now));
                break;
            case Act.Hear:
                Assert.Equal(twin.Hear(key, remote, now), table.NeedsLearning(key.Vni, key.Mac, remote, now));
                break;
            case Act.Age:
                Assert.Equal(twin.RemoveWhere(e => now - e.Heard >= MaxAge), table.Age(now, MaxAge));
                twin.Thaw(now);
                break;
            case Act.Flush:
                Assert.Equal(twin.RemoveWhere(e => e.Entry.Remote == remote), table.RemoveLearned(remote));
                break;
            case Act.Replace:
                Dictionary<ForwardingKey, FdbRemote> set = [];
                for (uint i = 0; i < step.Extra % 9; i++)
                {
                    set[new ForwardingKey(Vnis[(int)(i % 3)], Mac(1 + ((step.Mac + (i * 3)) % 8)))] = new FdbRemote(Remote(1 + ((step.Remote + i) % 6)), (ushort)(i % 2)) { Vni = outer };
                }

                Assert.Equal(twin.Replace(origin, set), table.Replace(origin, set));
                break;
            case Act.AddOwn:
                Assert.Equal(twin.Mine.Add(key), table.AddOwn(key.Vni, key.Mac));
                if (twin.IsLearned(key))
                {
                    twin.Entries.Remove(key);
                    twin.Forget(key);
                }

                break;
            case Act.RemoveOwn:
                Assert.Equal(twin.Mine.Remove(key), table.RemoveOwn(key.Vni, key.Mac));
                break;
            default:
                Assert.Equal(twin.Entries.TryGetValue(key, out Known? known), table.TryLookup(key.Vni, key.Mac, out FdbEntry found));
                Assert.Equal(known?.Entry ?? default, found);
                Assert.Equal(twin.Mine.Contains(key), table.IsOwn(key.Vni, key.Mac));
                break;
        }

        Assert.Equal(twin.Entries.Count, table.Count);
        Assert.Equal(twin.CountOf(key.Vni), table.CountOf(key.Vni));
        Assert.Equal((twin.Moves, twin.Freezes, twin.Entries.Values.Count(e => e.IsFrozen)), (table.Moves, table.Freezes, table.FrozenCount));
        Assert.Equal(new LearnRefusals(twin.Full, twin.Protected, 0, twin.Own, twin.Frozen), table.Refusals);
    }

    private sealed record Step(Act Act, Vni Vni, uint Mac, uint Remote, int Later, uint Extra);

    private sealed record Known(FdbEntry Entry, long Heard, bool IsFrozen = false);

    /// <summary>What the table is meant to do, said without any thought of speed.</summary>
    private sealed class Twin
    {
        private readonly Dictionary<ForwardingKey, (int Count, long Until)> _moved = [];

        public Dictionary<ForwardingKey, Known> Entries { get; } = [];

        public HashSet<ForwardingKey> Mine { get; } = [];

        public long Moves { get; set; }

        public long Freezes { get; set; }

        public long Frozen { get; set; }

        public long Full { get; set; }

        public long Protected { get; set; }

        public long Own { get; set; }

        public long Overruled { get; set; }

        public bool IsLearned(ForwardingKey key) => Entries.TryGetValue(key, out Known? known) && known.Entry.Origin == FdbOrigin.Learned;

        public int CountOf(Vni vni) => Entries.Keys.Count(key => key.Vni == vni);

        public void Forget(ForwardingKey key) => _moved.Remove(key);

        public bool Learn(ForwardingKey key, ValueIPAddress remote, long now)
        {
            if (Mine.Contains(key))
            {
                Own++;
                return false;
            }

            if (!Entries.TryGetValue(key, out Known? known))
            {
                if (IsFull(key.Vni))
                {
                    Full++;
                    return false;
                }

                Entries[key] = new Known(new FdbEntry(remote, 0, FdbOrigin.Learned), now);
                return true;
            }

            bool isSame = known.Entry.Remote == remote;
            if (!IsLearned(key))
            {
                Protected += isSame ? 0 : 1;
                return false;
            }

            if (isSame)
            {
                Entries[key] = known with { Heard = now };
                return true;
            }

            if (known.IsFrozen && now < _moved[key].Until)
            {
                Frozen++;
                return false;
            }

            if (known.IsFrozen || !_moved.TryGetValue(key, out var moved) || now >= moved.Until)
            {
                moved = (0, now + Window);
            }

            bool isFrozen = moved.Count + 1 >= Options.MoveLimit;
            _moved[key] = (moved.Count + 1, isFrozen ? now + Frost : moved.Until);
            Entries[key] = new Known(new FdbEntry(remote, 0, FdbOrigin.Learned), now, isFrozen);
            Moves++;
            Freezes += isFrozen ? 1 : 0;
            return true;
        }

        public bool Hear(ForwardingKey key, ValueIPAddress remote, long now)
        {
            if (Entries.TryGetValue(key, out Known? known))
            {
                bool isSame = known.Entry.Remote == remote;
                if (!IsLearned(key))
                {
                    Protected += isSame ? 0 : 1;
                    return false;
                }

                if (isSame)
                {
                    Entries[key] = now - known.Heard >= 1_000 ? known with { Heard = now } : known;
                    return false;
                }

                Frozen += known.IsFrozen ? 1 : 0;
                return !known.IsFrozen;
            }

            if (Mine.Contains(key))
            {
                Own++;
                return false;
            }

            Full += IsFull(key.Vni) ? 1 : 0;
            return !IsFull(key.Vni);
        }

        public int RemoveWhere(Predicate<Known> isGone)
        {
            List<ForwardingKey> gone = [.. Entries.Keys.Where(key => IsLearned(key) && isGone(Entries[key]))];
            gone.ForEach(key => Entries.Remove(key));
            gone.ForEach(Forget);
            return gone.Count;
        }

        public void Thaw(long now)
        {
            foreach (ForwardingKey key in _moved.Keys.Where(key => now >= _moved[key].Until).ToList())
            {
                Entries[key] = Entries[key] with { IsFrozen = false };
                Forget(key);
            }
        }

        public ForwardingReplacement Replace(FdbOrigin origin, Dictionary<ForwardingKey, FdbRemote> set)
        {
            List<ForwardingKey> before = [.. Entries.Keys.Where(key => Entries[key].Entry.Origin == origin)];
            before.ForEach(key => Entries.Remove(key));
            int overruled = 0;
            foreach ((ForwardingKey key, FdbRemote remote) in set)
            {
                if (Entries.TryGetValue(key, out Known? known) && known.Entry.Origin == FdbOrigin.Static)
                {
                    overruled++;
                    continue;
                }

                Entries[key] = new Known(new FdbEntry(remote.Address, remote.Port, origin) { Vni = remote.Vni }, 0);
                Forget(key);
            }

            Overruled += overruled;
            int present = Entries.Values.Count(known => known.Entry.Origin == origin);
            return new ForwardingReplacement(present, before.Count(key => !Entries.TryGetValue(key, out Known? known) || known.Entry.Origin != origin), overruled);
        }

        private bool IsFull(Vni vni) => Entries.Count >= Options.MaxEntries || CountOf(vni) >= Options.MaxEntriesPerVni;
    }
}
