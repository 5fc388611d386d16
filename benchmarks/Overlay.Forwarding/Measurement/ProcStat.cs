using System.Globalization;

namespace Overlay.Forwarding.Measurement;

/// <summary>CPU time as the kernel accounts for it (proc(5)), in seconds.</summary>
internal static class ProcStat
{
    // USER_HZ is 100 on every architecture that .NET runs on.
    private const double TicksPerSecond = 100;

    // Fields of /proc/PID/stat, counted from the one behind the name in parentheses.
    private const int UserField = 11;
    private const int SystemField = 12;
    private const int ChildrenUserField = 13;
    private const int ChildrenSystemField = 14;

    // Fields of the first line of /proc/stat: cpu user nice system idle iowait irq softirq …; what follows is not time that this machine worked.
    private static readonly int[] BusyFields = [1, 2, 3, 6, 7];

    /// <summary>What a process used so far, from its <c>/proc/PID/stat</c>.</summary>
    public static double OfProcess(string stat) => Sum(FieldsBehindName(stat), UserField, SystemField);

    /// <summary>What the children of a process used that have ended and been waited for, from its <c>/proc/PID/stat</c>.</summary>
    public static double OfChildren(string stat) => Sum(FieldsBehindName(stat), ChildrenUserField, ChildrenSystemField);

    /// <summary>How long all CPUs together were not idle since boot, interrupts included, from <c>/proc/stat</c>.</summary>
    public static double OfSystem(string stat)
    {
        string[] fields = Split(stat.AsSpan(0, Math.Max(0, stat.IndexOf('\n', StringComparison.Ordinal))).ToString());
        return fields is ["cpu", ..] ? Sum(fields, BusyFields) : throw new InvalidDataException("/proc/stat does not begin with cpu.");
    }

    private static string[] FieldsBehindName(string stat)
    {
        // A name may hold spaces and parentheses; the last one closes it.
        int end = stat.LastIndexOf(')');
        return end >= 0 ? Split(stat[(end + 1)..]) : throw new InvalidDataException("A stat file of a process has no name in it.");
    }

    private static string[] Split(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);

    private static double Sum(string[] fields, params int[] indices) => fields.Length > indices.Max()
        ? indices.Sum(index => ulong.Parse(fields[index], CultureInfo.InvariantCulture) / TicksPerSecond)
        : throw new InvalidDataException($"A stat file has only {fields.Length} fields.");
}
