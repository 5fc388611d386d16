namespace Overlay.DataPath;

/// <summary>Which paths carry packets so large that their size matters. Workers mark, the thread that probes reads; no locks.</summary>
/// <param name="paths">The paths.</param>
internal sealed class PathActivity(PathMtus paths)
{
    // Often enough for a confirmation a second, seldom enough not to keep a cache line moving.
    private const long Grain = 50;

    // When each was marked last, by the path's number; 0 for never.
    private long[] _marks = new long[16];

    // The marks that were taken.
    private long[] _seen = new long[16];

    /// <summary>Packets to a remote are larger than the base size. Any worker.</summary>
    public void Mark(ValueIPAddress remote, long now)
    {
        long[] marks = Volatile.Read(ref _marks);
        if (paths.TryGetIndex(remote, out int index) && index < marks.Length && now - Volatile.Read(ref marks[index]) >= Grain)
        {
            Volatile.Write(ref marks[index], now);
        }
    }

    /// <summary>Whether a path was marked since this was asked last. The thread that probes only.</summary>
    public bool TakeMark(int index)
    {
        if (index >= _marks.Length)
        {
            return false;
        }

        // Not by the time: a worker's is that of its turn, which may have begun before the last look and marked after it.
        long mark = Volatile.Read(ref _marks[index]);
        bool isNew = mark != _seen[index];
        _seen[index] = mark;
        return isNew;
    }

    /// <summary>Makes room for all paths there are. The thread that probes only: a mark that is made meanwhile may be lost, and the next is not.</summary>
    public void Reserve()
    {
        if (paths.Capacity > _marks.Length)
        {
            long[] marks = new long[Math.Max(paths.Capacity, 2 * _marks.Length)];
            _marks.CopyTo(marks, 0);
            Array.Resize(ref _seen, marks.Length);
            Volatile.Write(ref _marks, marks);
        }
    }
}
