using Overlay.DataPath;
using Overlay.Linux;
using Overlay.Tables;

namespace Overlay.Daemon.DataPlane;

/// <summary>The one writer of all tables: takes what workers have seen out of their queues, and lets entries age.</summary>
internal sealed class TableWriter
{
    // A new station is flooded to for at most this long; short enough that nobody sees it, long enough that an idle daemon costs nothing.
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);
    private const long AgeIntervalMilliseconds = 1_000;

    private readonly TunnelRuntime[] _tunnels;
    private readonly object _gate = new();
    private bool _stopped;
    private readonly Thread _thread;

    public TableWriter(IEnumerable<TunnelRuntime> tunnels)
    {
        _tunnels = [.. tunnels.Where(t => t.Tunnel.Options.Learning)];
        _thread = new Thread(Run) { Name = "overlay-tables", IsBackground = true };
    }

    public void Start()
    {
        if (_tunnels.Length > 0)
        {
            _thread.Start();
        }
    }

    public void Stop()
    {
        lock (_gate)
        {
            _stopped = true;
            Monitor.Pulse(_gate);
        }

        if (_thread.IsAlive)
        {
            _thread.Join();
        }
    }

    private void Run()
    {
        long lastAge = PollWaiter.Clock;
        while (!WaitForStop())
        {
            long now = PollWaiter.Clock;
            foreach (TunnelRuntime tunnel in _tunnels)
            {
                Drain(tunnel.Tunnel, now);
            }

            if (now - lastAge >= AgeIntervalMilliseconds)
            {
                lastAge = now;
                foreach (TunnelRuntime tunnel in _tunnels)
                {
                    tunnel.Tunnel.Tables.Age(now, tunnel.Config.Learning!.AgeSeconds * 1_000L);
                }
            }
        }
    }

    private bool WaitForStop()
    {
        lock (_gate)
        {
            return _stopped || (Monitor.Wait(_gate, Interval) && _stopped);
        }
    }

    private static void Drain(Tunnel tunnel, long now)
    {
        while (tunnel.Learned.TryDequeue(out LearnedAddress learned))
        {
            // A refusal is counted by the table.
            _ = tunnel.Tables.Learn(learned, tunnel.Options.Policy.Remotes.KnownOnly, now);
        }
    }
}
