using System.Runtime.InteropServices;

namespace Overlay.Linux.Interop;

/// <summary>The calls of sched_setaffinity(2).</summary>
internal static unsafe partial class Scheduling
{
    /// <summary>CPUs in a mask of the size used here: CONFIG_NR_CPUS of the largest kernels. A smaller kernel ignores the rest.</summary>
    public const int MaxCpus = 8192;

    [LibraryImport("libc", SetLastError = true)]
    public static partial int sched_setaffinity(int pid, nuint length, ulong* mask);
}
