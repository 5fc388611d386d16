namespace Overlay.Tables;

/// <summary>What a full <see cref="ForwardingTable"/> does with an address that it does not know.</summary>
public enum ForwardingOverflow
{
    /// <summary>It is not learned; frames to it are flooded as before.</summary>
    Refuse = 0,

    /// <summary>
    /// The learned entry whose host was not heard for the longest time makes way, if that is at least
    /// <see cref="ForwardingTable.EvictionAgeMilliseconds"/>; else the new one is refused. So who sends from a million addresses pushes out his own, and no
    /// host that talks.
    /// </summary>
    EvictOldest = 1,
}
