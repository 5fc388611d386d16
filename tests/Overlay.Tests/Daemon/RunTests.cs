using System.Runtime.InteropServices;
using System.Text.Json;
using Overlay.Daemon;
using Overlay.Daemon.Commands;
using Overlay.Daemon.Configuration;
using Overlay.Daemon.Control;
using Overlay.Daemon.Status;
using Xunit;

namespace Overlay.Tests.Daemon;

/// <summary>The way of the daemon from start to stop, over a data plane that only keeps a diary.</summary>
public sealed class RunTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly List<string> _log = [];
    private readonly StringWriter _output = new();
    private readonly TaskCompletionSource _shutdown = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string SocketPath => _directory["overlayd.sock"];

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Ready_is_said_once_and_the_end_is_orderly()
    {
        var plane = new Diary();
        Task<int> running = Run(plane);
        JsonElement status = await StatusAsync();
        Assert.True(status.GetProperty("ready").GetBoolean());
        Assert.Equal("ready\n", _output.ToString());

        _shutdown.SetResult();
        Assert.Equal(0, await running.WaitAsync(TimeSpan.FromSeconds(2), Cancellation));
        Assert.Equal(["start", "status", "stop"], plane.Entries);
        Assert.False(Path.Exists(SocketPath));
        Assert.Equal("ready\n", _output.ToString());
        Assert.Empty(_log);
    }

    [Fact]
    public async Task A_start_that_fails_is_undone_and_named_in_one_line()
    {
        var plane = new Diary { OnStart = () => throw new IOException("/dev/net/tun: permission denied") };
        Assert.Equal(3, await Run(plane));
        Assert.Equal(["start", "stop"], plane.Entries);
        Assert.Equal(["/dev/net/tun: permission denied"], _log);
        Assert.Equal("", _output.ToString());
        Assert.False(Path.Exists(SocketPath));
    }

    [Fact]
    public async Task A_mistake_of_our_own_is_undone_but_not_hidden()
    {
        var plane = new Diary { OnStart = () => throw new InvalidOperationException("bug") };
        await Assert.ThrowsAsync<InvalidOperationException>(() => Run(plane));
        Assert.Equal(["start", "stop"], plane.Entries);
        Assert.False(Path.Exists(SocketPath));
    }

    [Fact]
    public async Task Status_during_the_start_is_not_ready_and_does_not_touch_the_plane()
    {
        using var go = new ManualResetEventSlim();
        var plane = new Diary { OnStart = () => go.Wait(Cancellation) };
        Task<int> running = Task.Run(() => Run(plane), Cancellation);
        JsonElement status = await StatusAsync();
        Assert.Equal("""{"ready":false,"drops":{},"tunnels":[]}""", status.GetRawText());
        Assert.Equal(["start"], plane.Entries);
        go.Set();
        _shutdown.SetResult();
        Assert.Equal(0, await running);
    }

    [Fact]
    public async Task A_signal_during_the_start_ends_without_ready()
    {
        var plane = new Diary { OnStart = _shutdown.SetResult };
        Assert.Equal(0, await Run(plane));
        Assert.Equal("", _output.ToString());
        Assert.Equal(["start", "stop"], plane.Entries);
    }

    [Fact]
    public async Task A_second_daemon_is_refused_before_its_plane_is_touched()
    {
        var first = new Diary();
        Task<int> running = Run(first);
        await StatusAsync();
        var second = new Diary();
        Assert.Equal(3, await Run(second));
        Assert.Empty(second.Entries);
        Assert.Equal([$"another overlayd answers on {SocketPath}; stop it or give this one another control.socket"], _log);

        Assert.True((await StatusAsync()).GetProperty("ready").GetBoolean());
        _shutdown.SetResult();
        Assert.Equal(0, await running);
    }

    [Fact]
    public async Task A_plane_that_hangs_while_stopping_does_not_hold_the_daemon()
    {
        using var never = new ManualResetEventSlim();
        var plane = new Diary { OnStop = () => never.Wait(TimeSpan.FromSeconds(10)) };
        _shutdown.SetResult();
        Assert.Equal(0, await Run(plane).WaitAsync(TimeSpan.FromSeconds(9), Cancellation));
        Assert.StartsWith("stopping takes longer than 1.5 s;", Assert.Single(_log), StringComparison.Ordinal);
        never.Set();
    }

    [Fact]
    public async Task A_failure_while_stopping_is_logged()
    {
        var plane = new Diary { OnStop = () => throw new IOException("route: no such device") };
        _shutdown.SetResult();
        Assert.Equal(0, await Run(plane));
        Assert.Equal(["while stopping: route: no such device"], _log);
    }

    [Fact]
    public async Task An_unknown_command_is_named()
    {
        Task<int> running = Run(new Diary());
        ControlException e = await Assert.ThrowsAsync<ControlException>(() => ControlClient.RequestAsync(SocketPath, "reload", TimeSpan.FromSeconds(20), Cancellation));
        Assert.Equal($"the overlayd on {SocketPath} says: unknown command \"reload\"; this overlayd now knows \"status\"", e.Message);
        _shutdown.SetResult();
        Assert.Equal(0, await running);
    }

    [Fact]
    public async Task The_first_signal_asks_and_the_second_one_exits()
    {
        // SIGCONT does nothing to a process that runs; the daemon listens to SIGTERM and SIGINT in the same way.
        List<int> exits = [];
        using var exited = new ManualResetEventSlim();
        using var signals = new ShutdownSignals(
            code =>
            {
                exits.Add(code);
                exited.Set();
            },
            PosixSignal.SIGCONT);
        Assert.False(signals.First.IsCompleted);
        await RaiseAsync();
        Assert.Equal(PosixSignal.SIGCONT, await signals.First.WaitAsync(TimeSpan.FromSeconds(10), Cancellation));
        Assert.Empty(exits);
        await RaiseAsync();
        Assert.True(exited.Wait(TimeSpan.FromSeconds(10), Cancellation));
        Assert.Equal([128], exits);
    }

    [Theory]
    [InlineData(PosixSignal.SIGINT, 130)]
    [InlineData(PosixSignal.SIGTERM, 143)]
    public void The_exit_code_of_a_signal_is_the_one_a_shell_reports(PosixSignal signal, int code) => Assert.Equal(code, ShutdownSignals.ExitCode(signal));

    private static async Task RaiseAsync()
    {
        ProcessResult kill = await ProcessResult.RunAsync("kill", "-CONT", $"{Environment.ProcessId}");
        Assert.Equal(0, kill.ExitCode);
    }

    private Task<int> Run(IDataPlane plane)
    {
        DaemonConfig config = ConfigSamples.Parse(ConfigSamples.Top($$"""  "control": { "socket": "{{SocketPath}}" } """));
        return new RunCommand(config, plane, _output, _log.Add).RunAsync(_shutdown.Task);
    }

    private async Task<JsonElement> StatusAsync()
    {
        while (!Path.Exists(SocketPath))
        {
            await Task.Delay(5, Cancellation);
        }

        return await ControlClient.RequestAsync(SocketPath, "status", TimeSpan.FromSeconds(20), Cancellation);
    }

    private sealed class Diary : IDataPlane
    {
        public Action OnStart { get; init; } = () => { };

        public Action OnStop { get; init; } = () => { };

        public List<string> Entries { get; } = [];

        public IReadOnlyList<IControlHandler> Handlers => [];

        public void Start()
        {
            Entries.Add("start");
            OnStart();
        }

        public void Stop()
        {
            Entries.Add("stop");
            OnStop();
        }

        public DaemonStatus Status()
        {
            Entries.Add("status");
            return new DaemonStatus { Ready = false };
        }
    }
}
