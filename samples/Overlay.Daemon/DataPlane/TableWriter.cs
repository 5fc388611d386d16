using Overlay.DataPath;
using Overlay.Linux;
using Overlay.Tables;

namespace Overlay.Daemon.DataPlane;

/// <summary>
/// The one writer of all tables: takes what workers have seen out of their queues, lets entries age, and makes what is asked for at run time. What two
/// workers hear of one address within <see cref="Interval"/> is taken in any order; a wrong end of that is put right by the next frame of the station.
/// </summary>
internal sealed class TableWriter : ITableDoor
{
    // A new station is flooded to for at most this long; short enough that nobody sees it, long enough that an idle daemon costs nothing.
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);

    // Longer than a million entries take, shorter than a client waits.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private const long AgeIntervalMilliseconds = 1_000;

    private readonly TunnelRuntime[] _tunnels;
    private readonly TunnelRuntime[] _learning;
    private readonly TableRequests _requests = new(Patience);
    private readonly Thread _thread;
    private bool _stopped;

    public TableWriter(IEnumerable<TunnelRuntime> tunnels)
    {
        _tunnels = [.. tunnels];
        _learning = [.. _tunnels.Where(t => t.Options.Learning)];
        _thread = new Thread(Run) { Name = "overlay-tables", IsBackground = true };
    }

    public void Start() => _thread.Start();

    public void Stop()
    {
        lock (_requests.Gate)
        {
            _stopped = true;
        }

        _requests.Close();
        if (_thread.IsAlive)
        {
            _thread.Join();
        }
    }

    /// <inheritdoc/>
    public Task<T> ChangeAsync<T>(Func<T> change) => _requests.RunAsync(change);

    private void Run()
    {
        long lastAge = PollWaiter.Clock;
        while (!WaitForStop())
        {
            _requests.Serve();
            long now = PollWaiter.Clock;
            foreach (TunnelRuntime tunnel in _learning)
            {
                foreach (Tunnel worker in tunnel.Tunnels)
                {
                    Drain(worker, now);
                }
            }

            if (now - lastAge >= AgeIntervalMilliseconds)
            {
                lastAge = now;
                foreach (TunnelRuntime tunnel in _tunnels)
                {
                    // Where nothing is learned the table still wants to be called, to free what changes at run time left.
                    tunnel.Tables.Age(now, tunnel.Options.Learning ? tunnel.Config.Learning!.AgeSeconds * 1_000L : long.MaxValue);
                }
            }
        }
    }

    private bool WaitForStop()
    {
        lock (_requests.Gate)
        {
            if (!_stopped && !_requests.Any)
            {
                Monitor.Wait(_requests.Gate, _learning.Length > 0 ? Interval : TimeSpan.FromMilliseconds(AgeIntervalMilliseconds));
            }

            return _stopped;
        }
    }

    private static void Drain(Tunnel tunnel, long now)
    {
        // No more than fits: a worker that is flooded with new addresses must not keep those of the others waiting, nor the ageing.
        for (int left = tunnel.Learned.Capacity; left > 0 && tunnel.Learned.TryDequeue(out LearnedAddress learned); left--)
        {
            // A refusal is counted by the table.
            _ = tunnel.Tables.Learn(learned, tunnel.Options.Policy.AdmitsKnownOnly, now);
        }
    }
}
