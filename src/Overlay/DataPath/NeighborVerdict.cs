namespace Overlay.DataPath;

/// <summary>What becomes of a frame that a <see cref="NeighborResponder"/> has looked at.</summary>
internal enum NeighborVerdict
{
    /// <summary>It goes its way.</summary>
    Pass,

    /// <summary>The answer is in the batch; the frame is used up.</summary>
    Answered,

    /// <summary>It says what was flooded a moment ago, and is dropped.</summary>
    Repeated,
}
