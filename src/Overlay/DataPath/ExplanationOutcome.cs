namespace Overlay.DataPath;

/// <summary>What one step of an explanation came to.</summary>
public enum ExplanationOutcome : byte
{
    /// <summary>It let the packet pass, or has nothing to say about it.</summary>
    Passed,

    /// <summary>The table was asked and has no entry; the next step goes on.</summary>
    NotFound,

    /// <summary>It decided: always the last step.</summary>
    Decided,
}
