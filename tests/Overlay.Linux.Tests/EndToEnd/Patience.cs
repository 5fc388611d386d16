using System.Diagnostics;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>Waits for a condition, never for a time.</summary>
internal static class Patience
{
    /// <summary>How long anything may take on a busy machine.</summary>
    public static readonly TimeSpan Bound = TimeSpan.FromSeconds(20);

    /// <summary>Waits until a condition holds.</summary>
    /// <exception cref="TimeoutException">It does not; the message says what was waited for, and what there was instead.</exception>
    public static void Until(Func<bool> condition, string what, Func<string>? instead = null)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(start) > Bound)
            {
                throw new TimeoutException($"Not within {Bound.TotalSeconds:0} s: {what}.{(instead is null ? "" : $" There is {instead()}.")}");
            }

            Thread.Sleep(5);
        }
    }
}
