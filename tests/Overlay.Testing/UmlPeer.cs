using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;
using System.Text;

namespace Overlay.Testing;

/// <summary>
/// A Linux kernel of its own as a peer, with the tunnel devices that the host's kernel may lack: Debian's user-mode-linux, a kernel that runs as a
/// process. It boots on construction in a few seconds, runs scripts, and is gone after dispose.
/// </summary>
/// <remarks>
/// <para>
/// Its cable is a TAP made in a namespace of the test; inside it is <see cref="Device"/>, down and without addresses. Its file system is the host's,
/// read only; <c>/run</c> is its own and empty. The modules are user-mode-linux's, loaded without the host's modprobe.
/// </para>
/// <para>
/// Scripts go over a serial line, several at a time; what the kernel prints goes elsewhere, to <see cref="Console"/>. When the line ends, by dispose
/// or because the test process is gone, it powers off.
/// </para>
/// </remarks>
[SupportedOSPlatform("linux")]
public sealed class UmlPeer : IDisposable
{
    /// <summary>The name of its network interface inside.</summary>
    public const string Device = "vec0";

    private const string Python = "/usr/bin/python3";
    private const int ReadyId = 0;
    private const int TimedOut = 124;

    private static readonly TimeSpan BootBound = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopBound = TimeSpan.FromSeconds(10);

    // How much later than the script's own end an answer may come on a loaded machine.
    private static readonly TimeSpan AnswerBound = TimeSpan.FromSeconds(15);

    private readonly string _directory;
    private readonly Process _process;
    private readonly StringBuilder _console = new();
    private readonly ConcurrentDictionary<int, TaskCompletionSource<CommandResult>> _open = new();
    private readonly object _gate = new();
    private readonly Thread _reader;
    private int _lastId = ReadyId;

    private UmlPeer(string directory, Process process)
    {
        _directory = directory;
        _process = process;
        process.ErrorDataReceived += (_, line) =>
        {
            lock (_console)
            {
                _console.AppendLine(line.Data);
            }
        };
        process.BeginErrorReadLine();
        _reader = new Thread(ReadAnswers) { Name = "uml-answers", IsBackground = true };
    }

    /// <summary>The modules of IP in IP: the devices ipip, sit and ip6tnl. In an order in which they can be loaded, as all lists here.</summary>
    public static IReadOnlyList<string> IPInIPModules { get; } =
    [
        "lib/crc-ccitt", "net/ipv6/ipv6", "net/ipv4/tunnel4", "net/ipv4/ip_tunnel", "net/ipv4/ipip", "net/ipv6/tunnel6", "net/ipv6/ip6_tunnel",
        "net/ipv6/sit",
    ];

    /// <summary>Those and the modules of geneve, gre, gretap, ip6gre, fou, vxlan and vrf devices.</summary>
    public static IReadOnlyList<string> AllModules { get; } =
    [
        .. IPInIPModules,
        "net/ipv4/udp_tunnel", "net/ipv6/ip6_udp_tunnel", "drivers/net/geneve", "net/ipv4/gre", "net/ipv4/ip_gre", "net/ipv6/ip6_gre",
        "net/ipv4/fou", "net/ipv6/fou6", "drivers/net/vxlan/vxlan", "drivers/net/vrf",
    ];

    /// <summary>The process id; its helpers are of the process group with this number.</summary>
    public int ProcessId => _process.Id;

    /// <summary>The release of the kernel inside.</summary>
    public string KernelRelease { get; private set; } = "";

    /// <summary>How long it took from start until scripts could be run.</summary>
    public TimeSpan BootTime { get; private set; }

    /// <summary>What the kernel has printed so far.</summary>
    public string Console
    {
        get
        {
            lock (_console)
            {
                return _console.ToString();
            }
        }
    }

    /// <summary>Boots one. Skips or fails the test without user-mode-linux, python3, or access to the TUN driver (<see cref="Requires"/>).</summary>
    /// <param name="netns">Where its cable lies. It must be disposed later than the peer.</param>
    /// <param name="tap">The name of the TAP that is made there, up, to be bridged or given an address. It goes with the namespace.</param>
    /// <param name="modules">The modules to load, in order, as paths below the kernel's module directory, without <c>.ko</c>.</param>
    /// <exception cref="InvalidOperationException">It ended, or a module could not be loaded; the message has what the kernel printed.</exception>
    /// <exception cref="TimeoutException">It is not ready within a minute.</exception>
    public static UmlPeer Start(Netns netns, string tap, params IEnumerable<string> modules)
    {
        ArgumentNullException.ThrowIfNull(netns);
        TunAccess.Require();
        Requires.Tool("linux.uml");
        Requires.Tool(Python);
        netns.Ip("tuntap", "add", "dev", tap, "mode", "tap");
        netns.Ip("link", "set", tap, "up");
        long begin = Stopwatch.GetTimestamp();
        string directory = Directory.CreateTempSubdirectory("uml-").FullName;
        UmlPeer? peer = null;
        try
        {
            string agent = WriteAgent(directory);
            // A session of its own is a process group of its own, so that the helpers can be ended with it. TMPDIR holds its memory.
            peer = new UmlPeer(directory, netns.Start(
                "env", $"TMPDIR={directory}", Requires.Tool("setsid"), Requires.Tool("linux.uml"), "mem=256M", $"uml_dir={directory}", "umid=peer",
                "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", $"init={agent}", $"vec0:transport=tap,ifname={tap},depth=128,gro=1",
                "ssl0=fd:0,fd:1", "con0=null,fd:2", "con=null", "quiet", "panic=-1", "--", string.Join(',', modules)));
            peer.WaitUntilReady();
            peer.BootTime = Stopwatch.GetElapsedTime(begin);
            return peer;
        }
        catch
        {
            peer?.Dispose();
            if (peer is null)
            {
                Directory.Delete(directory, recursive: true);
            }

            throw;
        }
    }

    /// <summary>Runs a script in <c>/bin/sh</c> inside; it must succeed.</summary>
    /// <exception cref="InvalidOperationException">It ended with another exit code than 0; the message has its outputs.</exception>
    /// <exception cref="TimeoutException">It ran too long and was ended.</exception>
    public CommandResult Run(string script)
    {
        CommandResult result = TryRun(Command.DefaultTimeout, script);
        return result.ExitCode == 0 ? result : throw new InvalidOperationException(
            $"The user-mode Linux ended with {result.ExitCode}:\n{script}\n{result.Output}{result.Error}");
    }

    /// <summary>Runs a script in <c>/bin/sh</c> inside, whatever its exit code.</summary>
    /// <exception cref="TimeoutException">It ran too long and was ended.</exception>
    public CommandResult TryRun(TimeSpan timeout, string script) => Begin(timeout, script).GetAwaiter().GetResult();

    /// <summary>Begins a script that runs beside others.</summary>
    /// <returns>How it ended; or a <see cref="TimeoutException"/>, if it ran too long and was ended.</returns>
    /// <exception cref="InvalidOperationException">The user-mode Linux has ended.</exception>
    public async Task<CommandResult> Begin(TimeSpan timeout, string script)
    {
        int id = Interlocked.Increment(ref _lastId);
        TaskCompletionSource<CommandResult> completion = Expect(id);
        string request = string.Create(
            CultureInfo.InvariantCulture, $"{id} {timeout.TotalSeconds:0.###} {Convert.ToBase64String(Encoding.UTF8.GetBytes(script))}\n");
        try
        {
            lock (_gate)
            {
                _process.StandardInput.Write(request);
                _process.StandardInput.Flush();
            }
        }
        catch (IOException exception)
        {
            _open.TryRemove(id, out _);
            throw Ended(exception);
        }

        CommandResult result = await completion.Task.WaitAsync(timeout + AnswerBound).ConfigureAwait(false);
        return result.ExitCode != TimedOut ? result : throw new TimeoutException(
            $"A script in the user-mode Linux did not end within {timeout.TotalSeconds:0} s:\n{script}\n{result.Output}{result.Error}");
    }

    /// <summary>Powers it off; if it does not end soon, ends it and its helpers.</summary>
    public void Dispose()
    {
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended already, with something still to be written.
        }

        // The reader's end is that of the last process that holds the line open.
        if (!_process.WaitForExit(StopBound) || !_reader.Join(StopBound))
        {
            Command.Run("kill", "-KILL", "--", string.Create(CultureInfo.InvariantCulture, $"-{_process.Id}"));
            _process.WaitForExit();
            _reader.Join();
        }

        _process.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private static string WriteAgent(string directory)
    {
        string path = Path.Combine(directory, "agent.py");
        using (Stream source = typeof(UmlPeer).Assembly.GetManifestResourceStream("Overlay.Testing.UmlAgent.py")!)
        using (FileStream file = File.Create(path))
        {
            source.CopyTo(file);
        }

        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return path;
    }

    private void WaitUntilReady()
    {
        Task<CommandResult> ready = Expect(ReadyId).Task;
        _reader.Start();
        if (Task.WaitAny([ready], BootBound) < 0)
        {
            throw new TimeoutException($"The user-mode Linux is not ready after {BootBound.TotalSeconds:0} s.\n{Console}");
        }

        CommandResult result = ready.GetAwaiter().GetResult();
        KernelRelease = result.Output;
        if (result.ExitCode != 0)
        {
            throw new InvalidOperationException($"The user-mode Linux cannot load a module: {result.Error}\n{Console}");
        }
    }

    private TaskCompletionSource<CommandResult> Expect(int id)
    {
        TaskCompletionSource<CommandResult> completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _open[id] = completion;
        return completion;
    }

    // Each line: number, exit code, output, error; the texts in base64, which may be empty.
    private void ReadAnswers()
    {
        while (_process.StandardOutput.ReadLine() is { } line)
        {
            string[] parts = line.Split(' ');
            if (parts.Length == 4 && int.TryParse(parts[0], CultureInfo.InvariantCulture, out int id) &&
                _open.TryRemove(id, out TaskCompletionSource<CommandResult>? completion))
            {
                completion.SetResult(new CommandResult(int.Parse(parts[1], CultureInfo.InvariantCulture), Text(parts[2]), Text(parts[3])));
            }
            else
            {
                // What the kernel says before it has a console.
                lock (_console)
                {
                    _console.AppendLine(line);
                }
            }
        }

        foreach (int id in _open.Keys)
        {
            if (_open.TryRemove(id, out TaskCompletionSource<CommandResult>? completion))
            {
                completion.SetException(Ended(null));
            }
        }

        static string Text(string base64) => Encoding.UTF8.GetString(Convert.FromBase64String(base64));
    }

    private InvalidOperationException Ended(Exception? inner) => new($"The user-mode Linux has ended.\n{Console}", inner);
}
