using Overlay.DataPath;
using Overlay.Linux;
using Overlay.Tables;

namespace Overlay.Daemon.DataPlane;

/// <summary>
/// The one writer of all tables: takes what workers have seen out of their queues, and lets entries age. What two workers hear of one address
/// within <see cref="Interval"/> is taken in any order; a wrong end of that is put right by the next frame of the station.
/// </summary>
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
        _tunnels = [.. tunnels.Where(HasQueues)];
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
                    tunnel.Tables.Age(now, tunnel.Config.Learning!.AgeSeconds * 1_000L);
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

    private static bool HasQueues(TunnelRuntime tunnel) => tunnel.Options.Layer == DeviceLayer.Ethernet &&
        (tunnel.Options.Learning || tunnel.Options.NeighborLearning || tunnel.Options.NeighborSuppression);

    private static void Drain(Tunnel tunnel, long now)
    {
        // No more than fits: a worker that is flooded with new addresses must not keep those of the others waiting, nor the ageing.
        for (int left = tunnel.Learned.Capacity; left > 0 && tunnel.Learned.TryDequeue(out LearnedAddress learned); left--)
        {
            // A refusal is counted by the table.
            _ = tunnel.Tables.Learn(learned, tunnel.Options.Policy.Remotes.KnownOnly, now);
        }

        // Behind the MAC addresses: a neighbour is learned only where its MAC address is known to live.
        for (int left = LearnedNeighborQueue.Capacity; left > 0 && tunnel.LearnedNeighbors.TryDequeue(out LearnedNeighbor neighbor); left--)
        {
            _ = tunnel.Tables.LearnNeighbor(neighbor, tunnel.Options.Policy.Remotes.KnownOnly, now);
        }

        for (int left = NeighborMissQueue.Capacity; left > 0 && tunnel.NeighborMisses.TryDequeue(out NeighborMiss miss); left--)
        {
            _ = tunnel.Tables.ReportMiss(miss);
        }
    }
}
