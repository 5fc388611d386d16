using System.Globalization;
using Overlay.Testing;

namespace Overlay.Forwarding.Measurement;

/// <summary>The CPUs that this process may use, and the one of them on which things are put together.</summary>
internal sealed class CpuSet
{
    private readonly string _all;

    private CpuSet(string all, int together)
    {
        _all = all;
        Together = together;
    }

    /// <summary>The number of that CPU: the second one, for interrupts tend to be on the first.</summary>
    public int Together { get; }

    /// <summary>Of this process, from <c>/proc/self/status</c>.</summary>
    public static CpuSet OfThisProcess() => Parse(File.ReadAllText("/proc/self/status"));

    /// <summary>From the text of a <c>/proc/PID/status</c>: its line <c>Cpus_allowed_list: 0-2,5</c>.</summary>
    public static CpuSet Parse(string status)
    {
        const string key = "Cpus_allowed_list:";
        string list = status.Split('\n').First(line => line.StartsWith(key, StringComparison.Ordinal))[key.Length..].Trim();
        int[] cpus = [.. list.Split(',').SelectMany(Range)];
        return new CpuSet(list, cpus[Math.Min(1, cpus.Length - 1)]);
    }

    /// <summary>What stands before the command line of a program that makes traffic.</summary>
    public IReadOnlyList<string> Launcher(Placement placement) => placement == Placement.AllTogether ? ["taskset", "-c", Text(Together)] : [];

    /// <summary>Puts all threads of the forwarders where they belong.</summary>
    public void Place(IEnumerable<int> forwarders, Placement placement)
    {
        string cpus = placement == Placement.Free ? _all : Text(Together);
        foreach (int process in forwarders)
        {
            Command.Run("taskset", "-a", "-p", "-c", cpus, Text(process));
        }
    }

    private static IEnumerable<int> Range(string range)
    {
        string[] ends = range.Split('-');
        int first = int.Parse(ends[0], CultureInfo.InvariantCulture);
        return Enumerable.Range(first, int.Parse(ends[^1], CultureInfo.InvariantCulture) - first + 1);
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
