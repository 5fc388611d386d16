using Overlay.Daemon.Configuration;

namespace Overlay.Daemon.DataPlane;

/// <summary>
/// Which workers serve which endpoint. All workers serve every UDP endpoint, for the kernel spreads flows over sockets and queues. An endpoint of raw
/// sockets stays whole on one, since the kernel gives every raw socket a copy of each packet; those are dealt out in turn.
/// </summary>
internal sealed class WorkerPlan
{
    private readonly Dictionary<EndpointConfig, IReadOnlyList<int>> _workers = [];

    /// <summary>Makes a plan.</summary>
    /// <param name="wanted">How many workers there may be.</param>
    /// <param name="endpoints">The endpoints.</param>
    public WorkerPlan(int wanted, IReadOnlyList<EndpointConfig> endpoints)
    {
        // A worker without anything to serve would be of no use.
        Count = endpoints.Any(IsSpread) ? wanted : Math.Min(wanted, endpoints.Count);
        int[] all = [.. Enumerable.Range(0, Count)];
        int next = 0;
        foreach (EndpointConfig endpoint in endpoints)
        {
            _workers.Add(endpoint, IsSpread(endpoint) ? all : [next]);
            next = IsSpread(endpoint) ? next : (next + 1) % Count;
        }
    }

    /// <summary>How many workers there are.</summary>
    public int Count { get; }

    /// <summary>The numbers of the workers that serve an endpoint, from 0.</summary>
    public IReadOnlyList<int> WorkersOf(EndpointConfig endpoint) => _workers[endpoint];

    private static bool IsSpread(EndpointConfig endpoint) => endpoint.Facts.IsOverUdp;
}
