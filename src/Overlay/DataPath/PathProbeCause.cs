namespace Overlay.DataPath;

/// <summary>What led a path into its state: the words at the arrows of RFC 8899 Figure 5, and what the figure leaves out.</summary>
public enum PathProbeCause : byte
{
    /// <summary>Nothing has happened yet.</summary>
    Start,

    /// <summary>Packets flow to the remote ("PL indicates connectivity").</summary>
    Connectivity,

    /// <summary>The base size passes ("BASE_PLPMTU probe acked").</summary>
    BaseAnswered,

    /// <summary>The base size was probed in vain ("PROBE_COUNT = MAX_PROBES").</summary>
    BaseUnanswered,

    /// <summary>The least size was probed in vain, too: the remote answers nothing ("loss of connectivity").</summary>
    NoAnswer,

    /// <summary>The search has come to its end ("MAX_PLPMTU probe acked", or the next size was probed in vain).</summary>
    SizeFound,

    /// <summary>The size in use was probed in vain ("black hole detected").</summary>
    BlackHole,

    /// <summary>The size in use passes though there were doubts ("PLPMTU probe acked").</summary>
    Confirmed,

    /// <summary>It is time to look for a larger size ("PMTU_RAISE_TIMER expiry").</summary>
    RaiseTimer,

    /// <summary>A router says that packets are too big ("PTB").</summary>
    PacketTooBig,
}
