using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>Which CPU a thread runs on.</summary>
public static class ThreadAffinity
{
    /// <summary>Ties the calling thread to one CPU (sched_setaffinity(2)). The runtime has no call for it, and resets what a parent set.</summary>
    /// <param name="cpu">The number, from 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">Negative, or beyond 8191.</exception>
    /// <exception cref="LinuxException">EINVAL: this machine, or the cpuset of the process, has no such CPU.</exception>
    public static unsafe void PinCurrentThread(int cpu)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(cpu);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(cpu, Scheduling.MaxCpus);
        Span<ulong> mask = stackalloc ulong[Scheduling.MaxCpus / 64];
        mask.Clear();
        mask[cpu / 64] = 1UL << (cpu % 64);
        fixed (ulong* bits = mask)
        {
            if (Scheduling.sched_setaffinity(0, Scheduling.MaxCpus / 8, bits) != 0)
            {
                throw LinuxException.Last("sched_setaffinity", $"CPU {cpu}");
            }
        }
    }
}
