using Overlay.Tables;
using Xunit;
using static Overlay.Tests.Tables.TableSamples;

namespace Overlay.Tests.Tables;

/// <summary>The table beside a plain dictionary that does the same in the most obvious way.</summary>
public sealed class ForwardingTableModelTests
{
    private const int MaxEntries = 500;
    private const int MaxAge = 20_000;

    private static readonly Vni[] Vnis = [new(0), new(5), new(0x01_0005), new(0xFF_0005), new(0xFF_FFFF)];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_hundred_thousand_random_operations_agree_with_a_dictionary(int seed)
    {
        Random random = new(seed);
        ForwardingTable table = new(MaxEntries);
        Dictionary<(Vni, MacAddress), (FdbEntry Entry, long Heard)> twin = [];
        long now = 1_000_000;
        for (int i = 0; i < 100_000; i++)
        {
            now += random.Next(20);
            Vni vni = Vnis[random.Next(Vnis.Length)];
            MacAddress mac = Mac((uint)random.Next(1, 300));
            ValueIPAddress remote = Remote((uint)random.Next(1, 30));
            bool isThere = twin.TryGetValue((vni, mac), out var old);
            bool isLearned = isThere && old.Entry.Origin == FdbOrigin.Learned;
            switch (random.Next(20))
            {
                case 0 or 1:
                    FdbEntry entry = new(remote, (ushort)random.Next(3), random.Next(2) == 0 ? FdbOrigin.Static : FdbOrigin.External);
                    Assert.Equal(!isThere, table.Set(vni, mac, entry));
                    twin[(vni, mac)] = (entry, 0);
                    break;
                case 2 or 3:
                    Assert.Equal(twin.Remove((vni, mac)), table.Remove(vni, mac));
                    break;
                case < 10:
                    bool canLearn = isLearned || (!isThere && twin.Count < MaxEntries);
                    Assert.Equal(canLearn, table.Learn(vni, mac, remote, now));
                    if (canLearn)
                    {
                        twin[(vni, mac)] = (new FdbEntry(remote, 0, FdbOrigin.Learned), now);
                    }

                    break;
                case < 15:
                    bool mustLearn = isLearned ? old.Entry.Remote != remote : !isThere && twin.Count < MaxEntries;
                    Assert.Equal(mustLearn, table.NeedsLearning(vni, mac, remote, now));
                    if (isLearned && !mustLearn && now - old.Heard >= 1_000)
                    {
                        twin[(vni, mac)] = (old.Entry, now);
                    }

                    break;
                case 15 when random.Next(20) == 0:
                    var idle = twin.Where(e => e.Value.Entry.Origin == FdbOrigin.Learned && now - e.Value.Heard >= MaxAge).ToList();
                    Assert.Equal(idle.Count, table.Age(now, MaxAge));
                    idle.ForEach(e => twin.Remove(e.Key));
                    break;
                case 16 when random.Next(50) == 0:
                    var flushed = twin.Where(e => e.Value.Entry.Origin == FdbOrigin.Learned && e.Value.Entry.Remote == remote).ToList();
                    Assert.Equal(flushed.Count, table.RemoveLearned(remote));
                    flushed.ForEach(e => twin.Remove(e.Key));
                    break;
                default:
                    Assert.Equal(isThere, table.TryLookup(vni, mac, out FdbEntry found));
                    Assert.Equal(isThere ? old.Entry : default, found);
                    break;
            }

            Assert.Equal(twin.Count, table.Count);
        }

        Assert.Equal(
            twin.Select(e => (e.Key.Item1, e.Key.Item2, e.Value.Entry, Idle: e.Value.Entry.Origin == FdbOrigin.Learned ? now - e.Value.Heard : 0)).Order(Rows),
            table.Snapshot(now).Select(r => (r.Vni, r.Mac, r.Entry, Idle: r.IdleMilliseconds)).Order(Rows));
        Assert.True(table.Moves > 0 && table.Refusals.Full > 0 && table.Refusals.Protected > 0, "The seed did not reach every case.");
    }

    private static Comparer<(Vni Vni, MacAddress Mac, FdbEntry Entry, long Idle)> Rows { get; } =
        Comparer<(Vni Vni, MacAddress Mac, FdbEntry Entry, long Idle)>.Create((a, b) => (a.Vni, a.Mac).CompareTo((b.Vni, b.Mac)));
}
