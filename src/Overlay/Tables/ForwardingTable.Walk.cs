namespace Overlay.Tables;

/// <summary>Reading a large table a part at a time.</summary>
public sealed partial class ForwardingTable
{
    /// <summary>
    /// Adds a part of the table to a list: about as many entries as take 0.1 ms to read, whatever the table holds. Any thread, and the table may change between
    /// two parts: an entry that is there from the first to the last is read once, one that comes or goes meanwhile at most once, and of a bulk replace
    /// between two parts the earlier ones show what was before.
    /// </summary>
    /// <param name="position">0 for the first part; the call moves it on to the next one.</param>
    /// <param name="rows">Takes the entries, in no order; at most 8192.</param>
    /// <param name="now">The time, from which the idle times are counted.</param>
    /// <returns>Whether there is another part.</returns>
    public bool Read(ref ulong position, List<ForwardingRow> rows, long now)
    {
        ArgumentNullException.ThrowIfNull(rows);
        List<(ulong Key, ulong Value)> entries = [];
        position = Volatile.Read(ref _slots).ReadFrom(position, entries);
        foreach ((ulong key, ulong value) in entries)
        {
            rows.Add(RowOf(key, value, now));
        }

        return position != 0;
    }

    private ForwardingRow RowOf(ulong key, ulong value, long now)
    {
        ForwardingKey name = ForwardingSlots.Unpack(key, value);
        long idle = OriginOf(value) == FdbOrigin.Learned ? Math.Max(0, Idle(now, value)) : 0;
        return new ForwardingRow(name.Vni, name.Mac, EntryOf(value), idle, (value & Frozen) != 0);
    }
}
