using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Overlay.Benchmarks.Comparison;

/// <summary>On what it was measured.</summary>
internal sealed record MachineFacts
{
    private const string Unknown = "unknown";

    /// <summary>When it began, in UTC.</summary>
    public required DateTime Time { get; init; }

    /// <summary>The commit that was measured, with <c>+</c> if files differ from it.</summary>
    public required string Commit { get; init; }

    /// <summary>The version of .NET.</summary>
    public required string Runtime { get; init; }

    /// <summary>The release of the kernel.</summary>
    public required string Kernel { get; init; }

    /// <summary>The model of the processor.</summary>
    public required string Processor { get; init; }

    /// <summary>How many CPUs there are.</summary>
    public required int Cpus { get; init; }

    /// <summary>Bits of the widest vectors that .NET uses here.</summary>
    public required int VectorBits { get; init; }

    /// <summary>The load averages over 1, 5 and 15 minutes before: on a machine at rest near 0.</summary>
    public required string LoadBefore { get; init; }

    /// <summary>Asks the machine.</summary>
    public static MachineFacts Gather() => new()
    {
        Time = DateTime.UtcNow,
        Commit = CommitOf(AppContext.BaseDirectory),
        Runtime = RuntimeInformation.FrameworkDescription,
        Kernel = File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
        Processor = ModelName(File.ReadAllLines("/proc/cpuinfo")),
        Cpus = Environment.ProcessorCount,
        VectorBits = Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128,
        LoadBefore = Load(),
    };

    /// <summary>The load averages now.</summary>
    public static string Load() => string.Join(' ', File.ReadAllText("/proc/loadavg").Split(' ').Take(3));

    /// <summary>The processor as /proc/cpuinfo names it; the architecture where it names none.</summary>
    internal static string ModelName(IEnumerable<string> cpuInfo) =>
        cpuInfo.FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();

    private static string CommitOf(string directory)
    {
        string? commit = Git(directory, "rev-parse", "--short=12", "HEAD");
        return commit is null ? Unknown : Git(directory, "status", "--porcelain") is "" ? commit : commit + "+";
    }

    // Null outside of a repository; build.sh has git installed.
    private static string? Git(string directory, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("git", ["-C", directory, .. arguments]) { RedirectStandardOutput = true })
            ?? throw new InvalidOperationException("git did not start.");
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output.Trim() : null;
    }
}
