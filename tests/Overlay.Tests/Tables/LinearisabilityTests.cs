using System.Collections.Concurrent;
using CsCheck;
using Overlay.Tables;
using Overlay.Testing;
using Xunit;
using static Overlay.Tests.Tables.TableSamples;

namespace Overlay.Tests.Tables;

/// <summary>
/// One writer and readers beside it, on real threads: what the readers saw and what is there in the end must be what some order of the same operations, one
/// after the other, gives. The writers' lock stands for the one writer; readers take none.
/// </summary>
public sealed class LinearisabilityTests
{
    private static readonly Gen<int> Name = Gen.Int[1, 4];

    /// <summary>Of every kind that an IPv4 table keeps in its own way.</summary>
    private static readonly Gen<int> RouteLength = Gen.OneOf(new[] { 8, 12, 16, 24, 32 }.Select(length => Gen.Const(length)).ToArray());

    private static readonly ValueIPAddress Routed = Remote(0x01_02_03);

    private static int Iterations => Fuzzing.IsLong ? 2_000 : 100;

    [Fact]
    public void Flood_lists() => Gen.Const(() => new Subject<FloodList>(new FloodList())).SampleParallel(
        [
            Name.Operation<Subject<FloodList>>(n => $"add {n}", (subject, n) => subject.Write(list => list.Add(Net, Remote((uint)n)))),
            Name.Operation<Subject<FloodList>>(n => $"remove {n}", (subject, n) => subject.Write(list => list.Remove(Net, Remote((uint)n)))),
            Gen.Int.Operation<Subject<FloodList>>(id => $"read {id}", (subject, id) => subject.Read(id, list => Join(list[Net].ToArray()))),
        ],
        equal: (a, b) => a.SawTheSame(b) && a.Table.Count == b.Table.Count && a.Table[Net].SequenceEqual(b.Table[Net]),
        print: subject => $"{Join(subject.Table[Net].ToArray())}; {subject}",
        iter: Iterations);

    [Fact]
    public void Neighbours() => Gen.Const(() => new Subject<NeighborTable>(new NeighborTable())).SampleParallel(
        [
            Gen.Select(Name, Name).Operation<Subject<NeighborTable>>(
                row => $"set {row}", (subject, row) => subject.Write(table => table.Set(Net, Remote((uint)row.Item1), Mac((uint)row.Item2)))),
            Name.Operation<Subject<NeighborTable>>(n => $"remove {n}", (subject, n) => subject.Write(table => table.Remove(Net, Remote((uint)n)))),
            Gen.Select(Gen.Int, Name).Operation<Subject<NeighborTable>>(
                row => $"read {row}",
                (subject, row) => subject.Read(row.Item1, table => table.TryLookup(Net, Remote((uint)row.Item2), out MacAddress mac) ? mac.ToString() : "none")),
        ],
        equal: (a, b) => a.SawTheSame(b) && Rows(a.Table).SequenceEqual(Rows(b.Table)),
        print: subject => $"{string.Join(" ", Rows(subject.Table))}; {subject}",
        iter: Iterations);

    /// <summary>One look-up is one moment; that several together are not is what the interface says, and nothing else is asked here.</summary>
    [Fact]
    public void Known_remotes() => Gen.Const(() => new Subject<OverlayTables>(new OverlayTables())).SampleParallel(
        [
            Name.Operation<Subject<OverlayTables>>(n => $"flood {n}", (subject, n) => subject.Apply(OverlayUpdate.AddFlood(Net, Remote((uint)n)))),
            Name.Operation<Subject<OverlayTables>>(n => $"no flood {n}", (subject, n) => subject.Apply(OverlayUpdate.RemoveFlood(Net, Remote((uint)n)))),
            Gen.Select(Name, Name).Operation<Subject<OverlayTables>>(
                row => $"set {row}", (subject, row) => subject.Apply(OverlayUpdate.SetForwarding(Net, Mac((uint)row.Item1), new FdbEntry(Remote((uint)row.Item2))))),
            Name.Operation<Subject<OverlayTables>>(n => $"remove {n}", (subject, n) => subject.Apply(OverlayUpdate.RemoveForwarding(Net, Mac((uint)n)))),
            Gen.Select(Gen.Int, Name).Operation<Subject<OverlayTables>>(
                row => $"read {row}", (subject, row) => subject.Read(row.Item1, tables => tables.IsKnownRemote(Remote((uint)row.Item2)).ToString())),
        ],
        equal: (a, b) => a.SawTheSame(b) && Known(a.Table) == Known(b.Table) && a.Table.KnownRemoteCount == b.Table.KnownRemoteCount,
        print: subject => $"{Known(subject.Table)}; {subject}",
        iter: Iterations);

    [Fact]
    public void Routes() => Gen.Const(() => new Subject<RouteTable<int>>(new RouteTable<int>())).SampleParallel(
        [
            Gen.Select(RouteLength, Name).Operation<Subject<RouteTable<int>>>(
                row => $"set {row}", (subject, row) => subject.Write(table => table.Set(Routed.Mask(row.Item1), row.Item1, row.Item2))),
            RouteLength.Operation<Subject<RouteTable<int>>>(
                length => $"remove {length}", (subject, length) => subject.Write(table => table.Remove(Routed.Mask(length), length))),
            Gen.Const(0).Operation<Subject<RouteTable<int>>>(
                _ => "replace", (subject, _) => subject.Write(table => table.Replace([new(Routed.Mask(20), 20, 9)]))),
            Gen.Select(Gen.Int, Name).Operation<Subject<RouteTable<int>>>(
                row => $"read {row}", (subject, row) => subject.Read(row.Item1, table => table.TryLookup(Routed, out int value) ? $"{value}" : "none")),
        ],
        equal: (a, b) => a.SawTheSame(b) && a.Table.Snapshot().SequenceEqual(b.Table.Snapshot()),
        print: subject => $"{string.Join(" ", subject.Table.Snapshot())}; {subject}",
        iter: Iterations);

    /// <summary>The harness can fail: a list that is changed in place is seen half changed.</summary>
    [Fact]
    public void A_list_that_is_changed_in_two_steps_is_caught()
    {
        Exception? failure = Record.Exception(() => Gen.Const(() => new Subject<TornPair>(new TornPair())).SampleParallel(
            [
                Name.Operation<Subject<TornPair>>(n => $"set {n}", (subject, n) => subject.Write(pair => pair.Set(n))),
                Gen.Int.Operation<Subject<TornPair>>(id => $"read {id}", (subject, id) => subject.Read(id, pair => pair.Read())),
            ],
            equal: (a, b) => a.SawTheSame(b) && a.Table.Read() == b.Table.Read(),
            iter: 5_000));
        Assert.NotNull(failure);
        Assert.IsType<CsCheckException>(failure);
    }

    private static string Join(IEnumerable<ValueIPAddress> addresses) => string.Join(' ', addresses);

    private static IEnumerable<string> Rows(NeighborTable table) => table.Snapshot(0).Select(row => $"{row.Address}={row.Mac}").Order(StringComparer.Ordinal);

    private static string Known(OverlayTables tables) => string.Concat(Enumerable.Range(1, 4).Select(n => tables.IsKnownRemote(Remote((uint)n)) ? '1' : '0'));

    private sealed class Subject<T>(T table)
    {
        private readonly Lock _writer = new();
        private readonly ConcurrentDictionary<int, string> _seen = new();

        public T Table { get; } = table;

        public void Write(Action<T> write)
        {
            lock (_writer)
            {
                write(Table);
            }
        }

        public void Apply(OverlayUpdate update) => Write(tables => ((OverlayTables)(object)tables!).Apply(update));

        public void Read(int id, Func<T, string> read) => _seen[id] = read(Table);

        public bool SawTheSame(Subject<T> other) => _seen.OrderBy(row => row.Key).SequenceEqual(other._seen.OrderBy(row => row.Key));

        public override string ToString() => string.Join(", ", _seen.OrderBy(row => row.Key).Select(row => $"{row.Key} saw {row.Value}"));
    }

    private sealed class TornPair
    {
        private volatile int _first;
        private volatile int _second;

        public void Set(int value)
        {
            _first = value;
            Thread.SpinWait(200);
            Thread.Yield();
            _second = value;
        }

        public string Read()
        {
            int first = _first;
            Thread.SpinWait(50);
            Thread.Yield();
            return $"{first} {_second}";
        }
    }
}
