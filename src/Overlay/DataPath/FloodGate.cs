using Overlay.Tables;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>Holds the flooding of a tunnel within its limits. Only what is flooded is counted: known unicast never comes here.</summary>
internal sealed class FloodGate
{
    private readonly FloodLimiter _limiter;
    private readonly FloodLimits _limits;
    private readonly bool _takes;

    private FloodGate(FloodLimiter limiter, FloodLimits limits, bool takes = true)
    {
        _limiter = limiter;
        _limits = limits;
        _takes = takes;
    }

    /// <summary>The gate of a tunnel; null if it has no limits. All workers share the buckets, as they do the tables.</summary>
    public static FloodGate? Create(TunnelOptions options, OverlayTables tables) =>
        options.Policy.FloodLimits == FloodLimits.None ? null : new FloodGate(tables.Flood.LimiterOf(options.Vni), options.Policy.FloodLimits);

    /// <summary>A gate that judges as this one, and takes nothing from its buckets.</summary>
    public FloodGate LookingOnly() => new(_limiter, _limits, takes: false);

    /// <summary>Whether a frame may be flooded now.</summary>
    /// <param name="batch">Where it lies.</param>
    /// <param name="index">Its number; it has a whole Ethernet header.</param>
    /// <param name="now">The time.</param>
    public DropReason Judge(PacketBatch batch, int index, long now)
    {
        MacAddress destination = MacAddress.Read(batch.Data(index));
        (FloodClass kind, FloodLimit? limit, DropReason reason) =
            destination.IsBroadcast ? (FloodClass.Broadcast, _limits.Broadcast, DropReason.BroadcastLimit)
            : destination.IsMulticast ? (FloodClass.Multicast, _limits.Multicast, DropReason.MulticastLimit)
            : (FloodClass.UnknownUnicast, _limits.UnknownUnicast, DropReason.UnknownUnicastLimit);
        int packets = batch.SegmentCount(index);
        return limit is not FloodLimit bucket || (_takes ? _limiter.TryTake(kind, bucket, packets, now) : _limiter.CanTake(kind, bucket, packets, now))
            ? DropReason.None
            : reason;
    }
}
