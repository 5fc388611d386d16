namespace Overlay.Tables;

/// <summary>How many frames of one class may be flooded: a token bucket.</summary>
/// <remarks>Frames are counted as they come from the device, before they are copied: towards n remotes there leave n times as many.</remarks>
public readonly record struct FloodLimit
{
    /// <summary>The largest rate and burst.</summary>
    public const int Maximum = 10_000_000;

    /// <summary>Makes a limit.</summary>
    /// <param name="packetsPerSecond">How many in the long run, 1 to <see cref="Maximum"/>.</param>
    /// <param name="burst">How many at once after a silence, 1 to <see cref="Maximum"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">One of them is out of range.</exception>
    public FloodLimit(int packetsPerSecond, int burst)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(packetsPerSecond, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(packetsPerSecond, Maximum);
        ArgumentOutOfRangeException.ThrowIfLessThan(burst, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(burst, Maximum);
        PacketsPerSecond = packetsPerSecond;
        Burst = burst;
    }

    /// <summary>How many in the long run.</summary>
    public int PacketsPerSecond { get; }

    /// <summary>How many at once after a silence.</summary>
    public int Burst { get; }
}
