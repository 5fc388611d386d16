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
    private readonly TunnelRuntime[] _heard;
    private readonly TableRequests _requests = new(Patience);
    private readonly Thread _thread;
    private bool _stopped;

    public TableWriter(IEnumerable<TunnelRuntime> tunnels)
    {
        _tunnels = [.. tunnels];
        _heard = [.. _tunnels.Where(HasQueues)];
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
        long[] began = new long[_tunnels.Length];
        Array.Fill(began, PollWaiter.Clock);
        bool[] isAgeing = new bool[_tunnels.Length];
        while (!WaitForStop())
        {
            _requests.Serve();
            long now = PollWaiter.Clock;
            foreach (TunnelRuntime tunnel in _heard)
            {
                foreach (Tunnel worker in tunnel.Tunnels)
                {
                    Drain(worker, now);
                }
            }

            for (int i = 0; i < _tunnels.Length; i++)
            {
                if (!isAgeing[i] && now - began[i] < AgeIntervalMilliseconds)
                {
                    continue;
                }

                // A part each time, so that what workers have heard waits for no large table. Where nothing is learned it still wants to be called, to free what
                // changes at run time left.
                began[i] = isAgeing[i] ? began[i] : now;
                long maxAge = (_tunnels[i].Config.Learning?.AgeSeconds * 1_000L) ?? long.MaxValue;
                _tunnels[i].Tables.AgePart(now, maxAge, out bool isRound);
                isAgeing[i] = !isRound;
            }
        }
    }

    private bool WaitForStop()
    {
        lock (_requests.Gate)
        {
            if (!_stopped && !_requests.Any)
            {
                Monitor.Wait(_requests.Gate, _heard.Length > 0 ? Interval : TimeSpan.FromMilliseconds(AgeIntervalMilliseconds));
            }

            return _stopped;
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
            _ = tunnel.Tables.Learn(learned, tunnel.Options.Policy.AdmitsKnownOnly, now);
        }

        // Behind the MAC addresses: a neighbour is learned only where its MAC address is known to live.
        for (int left = LearnedNeighborQueue.Capacity; left > 0 && tunnel.LearnedNeighbors.TryDequeue(out LearnedNeighbor neighbor); left--)
        {
            _ = tunnel.Tables.LearnNeighbor(neighbor, tunnel.Options.Policy.AdmitsKnownOnly, now);
        }

        for (int left = NeighborMissQueue.Capacity; left > 0 && tunnel.NeighborMisses.TryDequeue(out NeighborMiss miss); left--)
        {
            _ = tunnel.Tables.ReportMiss(miss);
        }
    }
}
