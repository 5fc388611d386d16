namespace Overlay.DataPath;

/// <summary>
/// What a path does with one packet and why: the verdict of the path's own code, and the tables and policies that it went by.
/// </summary>
/// <remarks>
/// The verdict comes from the code that forwards, run over a batch of its own with books of its own: no counter, table, queue or sequence number changes.
/// The steps are read beside it. Tables may change meanwhile; if steps and verdict do not agree, the packet is explained again, and after a few times
/// <see cref="IsSettled"/> says that they still do not.
/// </remarks>
public sealed record Explanation
{
    /// <summary>The tunnel; null if none owns the packet.</summary>
    public string? Tunnel { get; init; }

    /// <summary>What becomes of the packet.</summary>
    public required ExplanationVerdict Verdict { get; init; }

    /// <summary>
    /// Why it is dropped; <see cref="DropReason.None"/> if it is not. Of a flooded packet the reason of the first of its copies that is dropped.
    /// </summary>
    public required DropReason Reason { get; init; }

    /// <summary>What was asked, in the order of the path; the last one decided.</summary>
    public required IReadOnlyList<ExplanationStep> Steps { get; init; }

    /// <summary>The packets that it becomes, dropped copies included; empty if nothing is made of it.</summary>
    public required IReadOnlyList<ExplainedOutput> Outputs { get; init; }

    /// <summary>What would let it pass; null unless there is a <see cref="Reason"/>.</summary>
    public string? Remedy { get; init; }

    /// <summary>Whether the steps agree with the verdict; false if tables changed faster than they could be read.</summary>
    public bool IsSettled { get; init; } = true;

    /// <summary>The step that decided.</summary>
    public ExplanationStep Decision => Steps[^1];
}
