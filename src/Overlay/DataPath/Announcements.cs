using Overlay.Tables;

namespace Overlay.DataPath;

/// <summary>Which addresses a worker has seen announced lately, so that the same is not flooded again within <see cref="TunnelOptions.AnnouncementHold"/>.</summary>
internal sealed class Announcements
{
    // A burst after a switch-over names hundreds of addresses, each a few times.
    private const int Remembered = 1_024;

    private readonly RecentSet<NeighborMiss> _recent;
    private readonly long _hold;
    private readonly bool _remembers;

    private Announcements(RecentSet<NeighborMiss> recent, long hold, bool remembers)
    {
        _recent = recent;
        _hold = hold;
        _remembers = remembers;
    }

    /// <summary>The memory of a worker; null if nothing is held back.</summary>
    public static Announcements? Create(TunnelOptions options) =>
        options.AnnouncementHold > 0 ? new Announcements(new RecentSet<NeighborMiss>(Remembered), options.AnnouncementHold, remembers: true) : null;

    /// <summary>One that judges as this one and remembers nothing. Any thread.</summary>
    public Announcements LookingOnly() => new(_recent, _hold, remembers: false);

    /// <summary>Whether the same was announced a moment ago; if not, it is from now on.</summary>
    /// <param name="announcement">The address, and the MAC address that it is at.</param>
    /// <param name="now">The time in milliseconds.</param>
    public bool IsRepeated(in NeighborMiss announcement, long now)
    {
        if (!_remembers)
        {
            return _recent.WasSeen(announcement, now, _hold);
        }

        if (_recent.Contains(announcement, now, _hold))
        {
            return true;
        }

        _recent.Remember(announcement, now);
        return false;
    }
}
