using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Overlay.Linux.Tests;

/// <summary>What an ordinary user would be told: capabilities belong to a thread, so a thread of its own can do without them.</summary>
internal static unsafe partial class Privileges
{
    private const uint Version3 = 0x2008_0522;

    /// <summary>Runs an action on a new thread of this thread's network namespace that has given up all capabilities.</summary>
    public static void RunWithoutAny(Action action)
    {
        ExceptionDispatchInfo? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                uint* header = stackalloc uint[2] { Version3, 0 };
                uint* none = stackalloc uint[6];
                if (capset(header, none) != 0)
                {
                    throw new InvalidOperationException($"capset: {Marshal.GetLastSystemError()}");
                }

                action();
            }
            catch (Exception exception)
            {
                failure = ExceptionDispatchInfo.Capture(exception);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
    }

    [LibraryImport("libc")]
    private static partial int capset(uint* header, uint* data);
}
