using System.Security.Cryptography;
using Overlay.Daemon.Configuration;
using Overlay.DataPath;
using Overlay.Linux;

namespace Overlay.Daemon.DataPlane;

/// <summary>Probes the paths of all tunnels that are to (DPLPMTUD, RFC 8899). What it has to send goes through the workers' sockets.</summary>
internal sealed class ProbeThread : IDisposable
{
    private const int SecretLength = 32;

    // Short, for it is part of the round trip as probes see it, and only while answers are on their way.
    private const long Shortest = 10;

    private readonly List<(TunnelProber Prober, WorkerThread Worker)> _probers = [];
    private readonly byte[] _secret = RandomNumberGenerator.GetBytes(SecretLength);
    private readonly ManualResetEventSlim _stop = new();
    private readonly Action<string> _log;
    private readonly Thread _thread;

    /// <param name="log">Takes messages.</param>
    public ProbeThread(Action<string> log)
    {
        _log = log;
        _thread = new Thread(Run) { Name = "overlay-probes", IsBackground = true };
    }

    /// <summary>Adds a tunnel, before its workers run.</summary>
    /// <param name="tunnel">The tunnel.</param>
    /// <param name="worker">The worker whose sockets its probes leave by.</param>
    /// <param name="endpoint">The worker's number of the endpoint's port.</param>
    /// <param name="bareHeader">The number of the bare header of that port.</param>
    public void Add(TunnelRuntime tunnel, WorkerThread worker, int endpoint, int bareHeader)
    {
        Tunnel first = tunnel.Tunnels[0];
        ProbePort port = new(first);
        bool carriesIPv6 = tunnel.Config.Routes.Count > 0 && tunnel.Config.Routes.All(route => !route.Prefix.IsIPv4);
        worker.Worker.SetPath(worker.Worker.AddPort(port), new ProbeEgress(first, endpoint, bareHeader, carriesIPv6));
        tunnel.Prober = new TunnelProber(tunnel.Tunnels, port, _secret, new PathProberOptions { RaiseTimer = tunnel.Config.PathMtu.RaiseSeconds * 1_000L });
        _probers.Add((tunnel.Prober, worker));
    }

    /// <summary>Begins, if there is anything to probe.</summary>
    public void Start()
    {
        if (_probers.Count > 0)
        {
            _thread.Start();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Set();
        if (_thread.IsAlive)
        {
            _thread.Join();
        }

        _stop.Dispose();
    }

    private void Run()
    {
        try
        {
            long due = 0;
            while (!_stop.Wait((int)Math.Max(Shortest, due - PollWaiter.Clock)))
            {
                long now = PollWaiter.Clock;
                due = long.MaxValue;
                foreach ((TunnelProber prober, WorkerThread worker) in _probers)
                {
                    due = Math.Min(due, prober.Run(now, out bool sent));
                    if (sent)
                    {
                        worker.Wake();
                        due = now;
                    }
                }
            }
        }
        catch (Exception e)
        {
            // The thread boundary: packets go on, with the sizes that are known.
            _log($"{Thread.CurrentThread.Name} ended by an error, and path MTUs are not probed any more: {e}");
        }
    }
}
