using Overlay.DataPath;
using Overlay.Tables;

namespace Overlay.Testing.Simulation.Invariants;

/// <summary>
/// In no stretch of time more frames of a class are flooded than the burst and what the rate gives for that time: a bucket as anybody would keep it. All workers and all tunnels of
/// one network share it.
/// </summary>
public sealed class FloodsStayWithinLimits : SimulationInvariant
{
    // Thousandths of a frame: with whole milliseconds and whole frames per second nothing is rounded.
    private const long Token = 1_000;

    // Between the moment for which a batch is judged and the moment that its decisions are told, others may run.
    private const long Slack = 50;

    private readonly Dictionary<(SimulatedTables, Vni, FloodClass), Bucket> _buckets = [];

    /// <inheritdoc/>
    public override string Rule => "No more is flooded than the limit of its class lets through.";

    /// <inheritdoc/>
    public override void Observe(SimulatedWorld world, SimulationEvent simulationEvent)
    {
        if (simulationEvent is not FrameDecided { Tunnel: { IsEthernet: true } tunnel } decided || ClassOf(decided) is not FloodClass kind)
        {
            return;
        }

        FloodLimits limits = tunnel.Options.Policy.FloodLimits;
        FloodLimit? limit = kind switch
        {
            FloodClass.Broadcast => limits.Broadcast,
            FloodClass.Multicast => limits.Multicast,
            _ => limits.UnknownUnicast,
        };
        if (limit is not FloodLimit bound)
        {
            return;
        }

        (SimulatedTables, Vni, FloodClass) key = (tunnel.Tables, tunnel.Vni, kind);
        long full = (bound.Burst * Token) + (Slack * bound.PacketsPerSecond);
        Bucket bucket = _buckets.TryGetValue(key, out Bucket before)
            ? new Bucket(Math.Min(full, before.Tokens + ((decided.Time - before.Time) * bound.PacketsPerSecond)), decided.Time)
            : new Bucket(full, decided.Time);
        Require(
            bucket.Tokens >= Token,
            $"{tunnel}: f{decided.Frame.Id} is flooded as {kind} beyond {bound.PacketsPerSecond} in a second and {bound.Burst} at once.");
        _buckets[key] = bucket with { Tokens = bucket.Tokens - Token };
    }

    // Null for a frame to a station that is known.
    private static FloodClass? ClassOf(FrameDecided decided)
    {
        MacAddress destination = decided.Frame.Destination;
        return destination.IsBroadcast ? FloodClass.Broadcast
            : destination.IsMulticast ? FloodClass.Multicast
            : decided.Remotes.Count > 1 ? FloodClass.UnknownUnicast
            : null;
    }

    private readonly record struct Bucket(long Tokens, long Time);
}
