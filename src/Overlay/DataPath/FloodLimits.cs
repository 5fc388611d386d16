using Overlay.Tables;

namespace Overlay.DataPath;

/// <summary>How much of a network's frames may be flooded, by class; null is without limit.</summary>
public sealed record FloodLimits
{
    /// <summary>No limits.</summary>
    public static FloodLimits None { get; } = new();

    /// <summary>Frames to the broadcast address. Too much of it is dropped as <see cref="DropReason.BroadcastLimit"/>.</summary>
    public FloodLimit? Broadcast { get; init; }

    /// <summary>Frames to stations that nobody knows. Too much of it is dropped as <see cref="DropReason.UnknownUnicastLimit"/>.</summary>
    public FloodLimit? UnknownUnicast { get; init; }

    /// <summary>Frames to groups. Too much of it is dropped as <see cref="DropReason.MulticastLimit"/>.</summary>
    public FloodLimit? Multicast { get; init; }
}
