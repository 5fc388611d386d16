using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using System.Text.Json;

namespace Overlay.Testing;

/// <summary>A running overlayd in a namespace: started with a configuration, ready when the constructor returns, stopped on dispose.</summary>
[SupportedOSPlatform("linux")]
public sealed class OverlayDaemon : IDisposable
{
    private static readonly TimeSpan ReadyBound = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan StopBound = TimeSpan.FromSeconds(10);

    private readonly Netns _netns;
    private readonly string _directory;
    private readonly Process _process;
    private readonly StringBuilder _log = new();

    private OverlayDaemon(Netns netns, string directory, Process process)
    {
        _netns = netns;
        _directory = directory;
        _process = process;
        process.ErrorDataReceived += (_, line) =>
        {
            lock (_log)
            {
                _log.AppendLine(line.Data);
            }
        };
        process.BeginErrorReadLine();
    }

    /// <summary>The program: beside the running assembly, where a reference to the daemon's project puts it.</summary>
    public static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "overlayd");

    /// <summary>The process id.</summary>
    public int ProcessId => _process.Id;

    /// <summary>How long it took from start to <c>ready</c>.</summary>
    public TimeSpan StartTime { get; private init; }

    /// <summary>What it has written to standard error so far.</summary>
    public string Log
    {
        get
        {
            lock (_log)
            {
                return _log.ToString();
            }
        }
    }

    /// <summary>Whether it has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>The path of its control socket.</summary>
    public string Socket => Path.Combine(_directory, "overlayd.sock");

    /// <summary>Starts overlayd and waits until it says <c>ready</c>.</summary>
    /// <param name="netns">Where.</param>
    /// <param name="tunnels">The members of the configuration's <c>tunnels</c> array, as JSON: <c>{ "name": … }, { … }</c>.</param>
    /// <param name="workers">The configuration's <c>workers</c> object, as JSON; null for the default.</param>
    /// <param name="launch">Which program and how; null for the usual way.</param>
    /// <exception cref="DaemonEndedException">It ended instead; the message has what it said.</exception>
    public static OverlayDaemon Start(Netns netns, string tunnels, string? workers = null, DaemonLaunch? launch = null)
    {
        ArgumentNullException.ThrowIfNull(netns);
        launch ??= new DaemonLaunch();
        TunAccess.Require();
        string directory = Directory.CreateTempSubdirectory("overlayd-").FullName;
        string config = Path.Combine(directory, "overlayd.json");
        string socket = Path.Combine(directory, "overlayd.sock");
        File.WriteAllText(config, $$"""{ "control": { "socket": "{{socket}}" }, {{(workers is null ? "" : $"\"workers\": {workers},")}} "tunnels": [ {{tunnels}} ] }""");
        long begin = Stopwatch.GetTimestamp();
        Process process = Command.Start(
            "ip", ["netns", "exec", netns.Name, .. launch.Launcher, launch.Program ?? Program, "run", "--config", config, .. launch.Options]);
        Task<string?> first = process.StandardOutput.ReadLineAsync();
        bool said = first.Wait(ReadyBound);
        OverlayDaemon daemon = new(netns, directory, process) { StartTime = Stopwatch.GetElapsedTime(begin) };
        if (said && first.Result == "ready")
        {
            return daemon;
        }

        int? exitCode = process.WaitForExit(TimeSpan.FromSeconds(1)) ? process.ExitCode : null;
        if (exitCode is not null)
        {
            // Only this one waits until the last line of standard error was read.
            process.WaitForExit();
        }

        string log = daemon.Log;
        daemon.Dispose();
        throw new DaemonEndedException(
            $"overlayd is not ready after {ReadyBound.TotalSeconds} s: '{(said ? first.Result : "")}'.\n{log}", exitCode, log);
    }

    /// <summary>Runs overlayd to its end with a whole configuration text: for what must not start.</summary>
    public static CommandResult RunToEnd(Netns netns, string configuration, string command = "run")
    {
        ArgumentNullException.ThrowIfNull(netns);
        string directory = Directory.CreateTempSubdirectory("overlayd-").FullName;
        try
        {
            string config = Path.Combine(directory, "overlayd.json");
            File.WriteAllText(config, configuration);
            return Command.TryRun(ReadyBound, "ip", "netns", "exec", netns.Name, Program, command, "--config", config);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>What <c>overlayd status --json</c> says.</summary>
    public JsonElement Status()
    {
        CommandResult result = _netns.Exec(Program, "status", "--json", "--socket", Socket);
        using JsonDocument document = JsonDocument.Parse(result.Output);
        return document.RootElement.Clone();
    }

    /// <summary>Runs overlayd as a client of this one, such as <c>show fdb</c>; it must succeed.</summary>
    /// <returns>What it printed.</returns>
    public string Ask(params IEnumerable<string> arguments)
    {
        string[] list = [.. arguments];
        CommandResult result = TryAsk(list);
        return result.ExitCode == 0
            ? result.Output
            : throw new InvalidOperationException($"'overlayd {string.Join(' ', list)}' ended with {result.ExitCode}.\n{result.Output}{result.Error}");
    }

    /// <summary>Runs overlayd as a client of this one, whatever its exit code.</summary>
    public CommandResult TryAsk(params IEnumerable<string> arguments) => Command.TryRun(TimeSpan.FromSeconds(60), Program, [.. arguments, "--socket", Socket]);

    /// <summary>The status, asked of the control socket without a process for each question: for waiting on a counter.</summary>
    /// <remarks>A frame is four bytes of length, big-endian, and JSON.</remarks>
    public JsonElement Query()
    {
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, 0);
        socket.Connect(new UnixDomainSocketEndPoint(Socket));
        using NetworkStream stream = new(socket);
        ReadOnlySpan<byte> request = """{"command":"status"}"""u8;
        byte[] length = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, request.Length);
        stream.Write([.. length, .. request]);
        stream.ReadExactly(length);
        byte[] answer = new byte[BinaryPrimitives.ReadInt32BigEndian(length)];
        stream.ReadExactly(answer);
        using var document = JsonDocument.Parse(answer);
        return document.RootElement.GetProperty("result").Clone();
    }

    /// <summary>One counter of one tunnel: <c>txPackets</c>, or <c>drops.too-big</c>; 0 if it is not listed.</summary>
    public static long Counter(JsonElement status, string tunnel, string direction, string counter)
    {
        ArgumentNullException.ThrowIfNull(counter);
        JsonElement value = status.GetProperty("tunnels").EnumerateArray().First(t => t.GetProperty("name").GetString() == tunnel).GetProperty(direction);
        foreach (string part in counter.Split('.'))
        {
            if (!value.TryGetProperty(part, out value))
            {
                return 0;
            }
        }

        return value.GetInt64();
    }

    /// <summary>The sum of all drops of one direction of a tunnel.</summary>
    public static long Drops(JsonElement status, string tunnel, string direction) => status.GetProperty("tunnels").EnumerateArray()
        .First(t => t.GetProperty("name").GetString() == tunnel).GetProperty(direction).GetProperty("drops").EnumerateObject().Sum(d => d.Value.GetInt64());

    /// <summary>CPU time used so far, by the kernel's account.</summary>
    public TimeSpan CpuTime()
    {
        _process.Refresh();
        return _process.TotalProcessorTime;
    }

    /// <summary>Sends a signal, such as <c>TERM</c>.</summary>
    public void Signal(string signal) => Command.Run("kill", $"-{signal}", ProcessId.ToString(CultureInfo.InvariantCulture));

    /// <summary>Ends it by SIGTERM.</summary>
    /// <returns>The exit code and the time it took.</returns>
    /// <exception cref="TimeoutException">It did not end.</exception>
    public (int ExitCode, TimeSpan Time) Stop(string signal = "TERM")
    {
        long begin = Stopwatch.GetTimestamp();
        Signal(signal);
        if (!_process.WaitForExit(StopBound))
        {
            throw new TimeoutException($"overlayd did not end within {StopBound.TotalSeconds} s of SIG{signal}.\n{Log}");
        }

        return (_process.ExitCode, Stopwatch.GetElapsedTime(begin));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
