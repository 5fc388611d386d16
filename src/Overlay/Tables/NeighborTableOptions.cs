namespace Overlay.Tables;

/// <summary>The bounds of a <see cref="NeighborTable"/>. They bind learning only: strangers fill a table by packets, its owner by configuration.</summary>
public sealed record NeighborTableOptions
{
    /// <summary>How many learned entries there may be unless told otherwise.</summary>
    public const int DefaultMaxLearned = 65_536;

    /// <summary>The largest <see cref="MaxLearned"/>.</summary>
    public const int MaxLearnedLimit = 1 << 22;

    /// <summary>All defaults.</summary>
    public static NeighborTableOptions Default { get; } = new();

    /// <summary>How many learned entries there may be, 1 to <see cref="MaxLearnedLimit"/>.</summary>
    public int MaxLearned { get; init; } = DefaultMaxLearned;

    /// <summary>
    /// At the so many-th change of its MAC address within <see cref="MoveWindow"/> a learned address is frozen: of two hosts that claim one address, the one
    /// that spoke last is not the right one for that. 5, as RFC 9161 §3.7 has it; at least 1.
    /// </summary>
    public int MoveLimit { get; init; } = 5;

    /// <summary>The time in which moves are counted together, in milliseconds. 180 s, as RFC 9161 §3.7 has it; at least 1.</summary>
    public long MoveWindow { get; init; } = 180_000;

    /// <summary>For how long nothing is learned of an address that moved too often, in milliseconds. As long as the window; at least 1.</summary>
    public long FreezeTime { get; init; } = 180_000;
}
