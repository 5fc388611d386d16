namespace Overlay.DataPath;

/// <summary>What a packet is to a <see cref="Coalescer"/>.</summary>
internal enum FlowPacketKind : byte
{
    /// <summary>No IP packet: in nobody's way.</summary>
    Foreign,

    /// <summary>An IP packet without ports where they are expected: it may belong to any flow between its addresses.</summary>
    Portless,

    /// <summary>A packet of a known flow that never merges.</summary>
    Separate,

    /// <summary>A packet of a known flow that may merge.</summary>
    Mergeable,
}
