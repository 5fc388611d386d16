namespace Overlay.DataPath;

/// <summary>What becomes of an explained packet.</summary>
public enum ExplanationVerdict : byte
{
    /// <summary>Nothing of it goes on; <see cref="Explanation.Reason"/> says why.</summary>
    Dropped,

    /// <summary>It goes to the one remote that a table names.</summary>
    Forwarded,

    /// <summary>It goes to the remotes of the flood list, at least to one.</summary>
    Flooded,

    /// <summary>It is answered here and goes no further.</summary>
    Answered,

    /// <summary>The inner packet goes to the tunnel's device.</summary>
    Delivered,

    /// <summary>It is for this end itself, and used up here: the answer to a probe of the path MTU.</summary>
    Consumed,
}
