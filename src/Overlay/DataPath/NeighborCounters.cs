namespace Overlay.DataPath;

/// <summary>What came from the device to be resolved, by what became of it. Written by one worker, read by anybody.</summary>
public sealed class NeighborCounters
{
    private long _answered;
    private long _unknown;
    private long _unforwarded;
    private long _probes;
    private long _announcements;

    /// <summary>Questions that were answered here.</summary>
    public long Answered => Volatile.Read(ref _answered);

    /// <summary>Questions that were flooded because the neighbour is not known.</summary>
    public long Unknown => Volatile.Read(ref _unknown);

    /// <summary>Questions that were flooded because, of a known neighbour, the forwarding entry is not known.</summary>
    public long Unforwarded => Volatile.Read(ref _unforwarded);

    /// <summary>Tests whether an address is free that were flooded, for its owner to answer.</summary>
    public long Probes => Volatile.Read(ref _probes);

    /// <summary>Gratuitous ARP packets and unsolicited advertisements, the repeated ones that were dropped included.</summary>
    public long Announcements => Volatile.Read(ref _announcements);

    internal void CountAnswer() => Volatile.Write(ref _answered, _answered + 1);

    internal void CountUnknown() => Volatile.Write(ref _unknown, _unknown + 1);

    internal void CountUnforwarded() => Volatile.Write(ref _unforwarded, _unforwarded + 1);

    internal void CountProbe() => Volatile.Write(ref _probes, _probes + 1);

    internal void CountAnnouncement() => Volatile.Write(ref _announcements, _announcements + 1);
}
