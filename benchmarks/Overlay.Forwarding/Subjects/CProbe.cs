using System.Diagnostics;
using System.Globalization;
using System.Text;
using Overlay.Testing;

namespace Overlay.Forwarding.Subjects;

/// <summary>
/// The limit probe: a forwarder in C that does the least a VXLAN forwarder in user space can do. Its source is <c>forwarder.c</c> below
/// $OVERLAY_YARDSTICKS, else below <c>../shared/yardsticks</c> beside the repository.
/// </summary>
/// <param name="repository">The root of the repository.</param>
/// <param name="output">Where the program is put.</param>
internal sealed class CProbe(string repository, string output) : ISubject
{
    private const string SourceFile = "forwarder.c";

    private static readonly TimeSpan CompilerBound = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan ReadyBound = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(10);

    private static readonly string[] Flags = ["-O3", "-march=native", "-w", "-pthread"];

    // The best that was found for it: one thread, 50 us of yielding spin, yield after each batch, at most 200 packets and 64 reads in a turn, nice 10.
    private static readonly string[] Settings = ["THR=1", "SPIN=50", "YIELD=1", "YB=1", "MAXP=200", "PRIO=10", "N=64"];

    // It prints its counters every so many seconds; the bench asks the kernel.
    private const string Quiet = "STATS=86400";

    private string? _program;

    /// <inheritdoc/>
    public string Name => "c";

    /// <inheritdoc/>
    public string Describe() => $"the limit probe {SourceFile}, gcc {string.Join(' ', Flags)}, {string.Join(' ', Settings)}";

    /// <inheritdoc/>
    public ITunnelEnd SetUp(Host here, Host there)
    {
        _program ??= Build();
        Process process = here.Netns.Start(
            "env", [.. Settings, Quiet, _program, Host.OverlayDevice, here.Underlay, there.Underlay, Text(Host.Vni), Text(Host.Port)]);
        End end = new(process);
        try
        {
            WaitForDevice(here.Netns, end);
            here.Netns.Ip("link", "set", Host.OverlayDevice, "address", here.Mac, "mtu", Text(Host.OverlayMtu));
            here.Netns.Configure(Host.OverlayDevice, here.InnerPrefix);
            return end;
        }
        catch
        {
            end.Dispose();
            throw;
        }
    }

    private static void WaitForDevice(Netns netns, End end)
    {
        long start = Stopwatch.GetTimestamp();
        while (Command.TryRun(Command.DefaultTimeout, "ip", "-n", netns.Name, "link", "show", Host.OverlayDevice).ExitCode != 0)
        {
            if (end.HasExited || Stopwatch.GetElapsedTime(start) > ReadyBound)
            {
                throw new InvalidOperationException($"{SourceFile} makes no device: {end.Log}");
            }

            Thread.Sleep(PollInterval);
        }
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    private string Build()
    {
        string source = FindSource();
        try
        {
            Directory.CreateDirectory(output);
            string program = Path.Combine(output, Path.GetFileNameWithoutExtension(SourceFile));
            CommandResult result = Command.TryRun(CompilerBound, "gcc", [.. Flags, source, "-o", program]);
            // It uses AVX-512, which not every processor has.
            return result.ExitCode == 0 ? program : throw new UnavailableException($"gcc does not compile it for this processor: {FirstLine(result.Error)}");
        }
        catch (InvalidOperationException)
        {
            throw new UnavailableException("there is no gcc");
        }
    }

    private string FindSource()
    {
        string directory = Environment.GetEnvironmentVariable("OVERLAY_YARDSTICKS") is { Length: > 0 } configured
            ? configured
            : Path.GetFullPath(Path.Combine(repository, "..", "shared", "yardsticks"));
        string source = Path.Combine(directory, SourceFile);
        return File.Exists(source) ? source : throw new UnavailableException($"no {SourceFile}: set OVERLAY_YARDSTICKS to its directory");
    }

    private static string FirstLine(string text) =>
        text.Split('\n').FirstOrDefault(line => line.Contains("error", StringComparison.Ordinal))?.Trim() ?? text.Trim();

    private sealed class End : ITunnelEnd
    {
        private readonly Process _process;
        private readonly StringBuilder _log = new();

        public End(Process process)
        {
            _process = process;
            Processes = [process.Id];
            process.ErrorDataReceived += (_, line) =>
            {
                lock (_log)
                {
                    _log.AppendLine(line.Data);
                }
            };
            process.BeginErrorReadLine();
        }

        public IReadOnlyList<int> Processes { get; }

        public bool HasExited => _process.HasExited;

        public string Log
        {
            get
            {
                lock (_log)
                {
                    return _log.ToString().Trim();
                }
            }
        }

        public void Dispose()
        {
            if (!_process.HasExited)
            {
                _process.Kill();
                _process.WaitForExit();
            }

            _process.Dispose();
        }
    }
}
