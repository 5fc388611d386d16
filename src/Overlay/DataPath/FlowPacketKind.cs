namespace Overlay.DataPath;

/// <summary>What a packet is to a <see cref="Coalescer"/>.</summary>
internal enum FlowPacketKind : byte
{
    /// <summary>Of no flow that could be told: not IP, not TCP or UDP, a fragment, behind options. It may belong to any.</summary>
    Unknown,

    /// <summary>A packet of a known flow that never merges.</summary>
    Separate,

    /// <summary>A packet of a known flow that may merge.</summary>
    Mergeable,
}
