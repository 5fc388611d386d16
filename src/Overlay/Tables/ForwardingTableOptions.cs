namespace Overlay.Tables;

/// <summary>How much a <see cref="ForwardingTable"/> may learn, and what it makes of addresses that move.</summary>
/// <remarks>The bounds hold for learning only: strangers fill a table by packets, only its owner sets static and external entries.</remarks>
public sealed record ForwardingTableOptions
{
    /// <summary>
    /// Nothing more is learned when the table holds so many entries of any origin: 1 to <see cref="ForwardingTable.MaxEntriesLimit"/>.
    /// </summary>
    public int MaxEntries { get; init; } = ForwardingTable.DefaultMaxEntries;

    /// <summary>The same for the entries of one network: 1 to <see cref="ForwardingTable.MaxEntriesLimit"/>, which means no bound beside <see cref="MaxEntries"/>.</summary>
    public int MaxEntriesPerVni { get; init; } = ForwardingTable.MaxEntriesLimit;

    /// <summary>What happens to an unknown address when one of the bounds is reached.</summary>
    public ForwardingOverflow WhenFull { get; init; } = ForwardingOverflow.Refuse;

    /// <summary>
    /// After so many moves within <see cref="MoveWindow"/> of the first a learned address is taken for one that two hosts use (RFC 7432 §15.1), and frozen
    /// where it is. 0 to 65 535; 0: addresses move as often as they like.
    /// </summary>
    public int MoveLimit { get; init; } = 5;

    /// <summary>How long moves are counted from the first: more than zero, at most a day (RFC 7432 §15.1: 180 s).</summary>
    public TimeSpan MoveWindow { get; init; } = TimeSpan.FromSeconds(180);

    /// <summary>
    /// How long a frozen address stays where it is: more than zero, at most a day. It thaws earlier when its entry is removed or set, or ages out.
    /// </summary>
    public TimeSpan FreezeTime { get; init; } = TimeSpan.FromSeconds(180);

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxEntries, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxEntries, ForwardingTable.MaxEntriesLimit);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxEntriesPerVni, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxEntriesPerVni, ForwardingTable.MaxEntriesLimit);
        ArgumentOutOfRangeException.ThrowIfNegative(MoveLimit);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MoveLimit, ushort.MaxValue);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(MoveWindow, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MoveWindow, TimeSpan.FromDays(1));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(FreezeTime, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(FreezeTime, TimeSpan.FromDays(1));
        if (!Enum.IsDefined(WhenFull))
        {
            throw new ArgumentOutOfRangeException(nameof(WhenFull), WhenFull, "There is no such policy for a full table.");
        }
    }
}
