using System.Diagnostics;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>Waits for what must come, looking again and again: never longer than it takes.</summary>
internal static class Wait
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>Waits for a condition; fails the test when it does not come.</summary>
    public static void Until(Func<bool> condition, Func<string> otherwise)
    {
        long begin = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(begin) > Patience)
            {
                Assert.Fail($"After {Patience.TotalSeconds} s: {otherwise()}");
            }

            Thread.Sleep(2);
        }
    }
}
