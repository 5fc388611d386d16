namespace Overlay.Testing;

/// <summary>Allocation as something that a test can fail on.</summary>
public static class Allocations
{
    private const int WarmUp = 64;
    private const int Repetitions = 256;
    private const int Attempts = 4;

    /// <summary>Runs the action until it is warm, then again, and asks that the thread allocates nothing on the managed heap.</summary>
    /// <param name="action">What must not allocate; made once by the caller, so that its closure does not count.</param>
    /// <exception cref="InvalidOperationException">It allocated.</exception>
    public static void Zero(Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        for (int i = 0; i < WarmUp; i++)
        {
            action();
        }

        // The runtime may allocate once on this thread while it swaps in optimised code; what allocates per call does so every time.
        long allocated = long.MaxValue;
        for (int attempt = 0; attempt < Attempts && allocated != 0; attempt++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < Repetitions; i++)
            {
                action();
            }

            allocated = Math.Min(allocated, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        if (allocated != 0)
        {
            throw new InvalidOperationException($"At least {allocated} bytes were allocated in {Repetitions} calls; none were expected.");
        }
    }
}
