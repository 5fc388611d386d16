using System.Runtime.InteropServices;
using Overlay.Forwarding.Measurement;
using Overlay.Testing;

namespace Overlay.Forwarding.Report;

/// <summary>On what it was measured.</summary>
internal sealed record MachineFacts
{
    private const string Unknown = "unknown";

    /// <summary>The release of the kernel.</summary>
    public required string Kernel { get; init; }

    /// <summary>The model of the processor.</summary>
    public required string Processor { get; init; }

    /// <summary>How many CPUs there are.</summary>
    public required int Cpus { get; init; }

    /// <summary>The number of the CPU on which the cases put things together.</summary>
    public required int SharedCpu { get; init; }

    /// <summary>The version of .NET that overlayd runs on.</summary>
    public required string Runtime { get; init; }

    /// <summary>How overlayd was compiled; anything but <c>Release</c> measures the compiler.</summary>
    public string Configuration { get; init; } =
#if DEBUG
        "Debug";
#else
        "Release";
#endif

    /// <summary>The commit that was measured, with <c>+</c> if files differ from it.</summary>
    public required string Commit { get; init; }

    /// <summary>The version of iperf3.</summary>
    public required string Iperf3 { get; init; }

    /// <summary>TCP's congestion control, by the kernel's default.</summary>
    public required string CongestionControl { get; init; }

    /// <summary>The load averages over 1, 5 and 15 minutes before: on a machine at rest near 0.</summary>
    public required string LoadBefore { get; init; }

    /// <summary>The same afterwards.</summary>
    public string LoadAfter { get; init; } = "";

    /// <summary>When it began, in UTC.</summary>
    public required DateTime Time { get; init; }

    /// <summary>Asks the machine.</summary>
    /// <param name="repository">The root of the repository.</param>
    /// <param name="cpus">The CPUs of this process.</param>
    public static MachineFacts Gather(string repository, CpuSet cpus) => new()
    {
        Kernel = File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
        Processor = ModelName(File.ReadAllLines("/proc/cpuinfo")),
        Cpus = Environment.ProcessorCount,
        SharedCpu = cpus.Together,
        Runtime = RuntimeInformation.FrameworkDescription,
        Commit = CommitOf(repository),
        Iperf3 = FirstLineOf("iperf3", "--version"),
        CongestionControl = File.ReadAllText("/proc/sys/net/ipv4/tcp_congestion_control").Trim(),
        LoadBefore = Load(),
        Time = DateTime.UtcNow,
    };

    /// <summary>The load averages now.</summary>
    public static string Load() => string.Join(' ', File.ReadAllText("/proc/loadavg").Split(' ').Take(3));

    private static string ModelName(IEnumerable<string> cpuInfo) =>
        cpuInfo.FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();

    private static string CommitOf(string repository)
    {
        string commit = FirstLineOf("git", "-C", repository, "rev-parse", "--short=12", "HEAD");
        return commit == Unknown || FirstLineOf("git", "-C", repository, "status", "--porcelain") is "" ? commit : commit + "+";
    }

    // A fact that cannot be had is not worth a run.
    private static string FirstLineOf(string program, params string[] arguments)
    {
        try
        {
            CommandResult result = Command.TryRun(Command.DefaultTimeout, program, arguments);
            return result.ExitCode == 0 ? result.Output.Split('\n')[0].Trim() : Unknown;
        }
        catch (Exception exception) when (exception is InvalidOperationException or TimeoutException)
        {
            return Unknown;
        }
    }
}
