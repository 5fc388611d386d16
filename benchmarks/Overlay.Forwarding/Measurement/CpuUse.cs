namespace Overlay.Forwarding.Measurement;

/// <summary>Seconds of CPU time.</summary>
/// <param name="Forwarders">Of the forwarding processes of both ends.</param>
/// <param name="Traffic">Of the programs that make and take the traffic.</param>
/// <param name="System">Of the whole machine: kernel threads and interrupts, and whatever else runs.</param>
internal sealed record CpuUse(double Forwarders, double Traffic, double System)
{
    /// <summary>Runs something and says what it took.</summary>
    /// <param name="forwarders">The processes that forward.</param>
    /// <param name="run">What is run; it waits for every process that it starts.</param>
    public static (T Result, CpuUse Use) Of<T>(IReadOnlyList<int> forwarders, Func<T> run)
    {
        CpuUse before = Now(forwarders);
        T result = run();
        CpuUse after = Now(forwarders);
        return (result, new CpuUse(after.Forwarders - before.Forwarders, after.Traffic - before.Traffic, after.System - before.System));
    }

    // A program that has ended has no entry below /proc any more; its time is with that of the children of this process.
    private static CpuUse Now(IReadOnlyList<int> forwarders) => new(
        forwarders.Sum(id => ProcStat.OfProcess(File.ReadAllText($"/proc/{id}/stat"))),
        ProcStat.OfChildren(File.ReadAllText("/proc/self/stat")),
        ProcStat.OfSystem(File.ReadAllText("/proc/stat")));
}
