namespace Overlay.Testing.Simulation;

/// <summary>Time that passes only when the simulation says so: monotonic milliseconds.</summary>
public sealed class VirtualClock
{
    /// <summary>The time in milliseconds. It does not begin at 0, so that a forgotten time is seen.</summary>
    public long Now { get; private set; } = 1_000_000;

    /// <summary>Lets time pass.</summary>
    public void Advance(long milliseconds)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(milliseconds);
        Now += milliseconds;
    }

    /// <summary>Lets time pass until a moment; nothing if it has passed already.</summary>
    public void AdvanceTo(long moment) => Now = Math.Max(Now, moment);
}
