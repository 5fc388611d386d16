namespace Overlay.DataPath;

/// <summary>Collects the steps towards a verdict that is known already.</summary>
/// <param name="reason">Why the packet was dropped; <see cref="DropReason.None"/> if it passed.</param>
internal sealed class ExplanationBuilder(DropReason reason)
{
    private readonly List<ExplanationStep> _steps = [];
    private bool _agrees = true;

    /// <summary>The verdict's reason.</summary>
    public DropReason Reason => reason;

    /// <summary>Whether the deciding step is there.</summary>
    public bool IsDecided => _steps.Count > 0 && _steps[^1].Outcome == ExplanationOutcome.Decided;

    /// <summary>Whether nothing that was read speaks against the verdict.</summary>
    public bool IsSettled => _agrees && IsDecided;

    /// <summary>What would let the packet pass, if there is more to say than <see cref="DropRemedies.Of"/> does.</summary>
    public string? Remedy { get; set; }

    /// <summary>Adds a step.</summary>
    public void Add(ExplanationStep step)
    {
        if (!IsDecided)
        {
            _steps.Add(step);
        }
    }

    /// <summary>Adds a step that the packet passed.</summary>
    public void Pass(ExplanationSource source, string text) => Add(new ExplanationStep(source, ExplanationOutcome.Passed, text));

    /// <summary>Adds the deciding step.</summary>
    public void Decide(ExplanationSource source, string text) => Add(new ExplanationStep(source, ExplanationOutcome.Decided, text));

    /// <summary>Adds a step that may have dropped the packet.</summary>
    /// <param name="dropped">For which reason it does that.</param>
    /// <param name="step">The step, by its outcome if it did; it becomes one that passed if it did not.</param>
    /// <param name="passed">The sentence if it did not; null to leave the step out then.</param>
    /// <returns>Whether it did.</returns>
    public bool Check(DropReason dropped, ExplanationStep step, string? passed = null)
    {
        if (reason == dropped)
        {
            Add(step with { Outcome = ExplanationOutcome.Decided });
            return true;
        }

        if (passed is not null)
        {
            Add(step with { Outcome = ExplanationOutcome.Passed, Text = passed });
        }

        return false;
    }

    /// <inheritdoc cref="Check(DropReason, ExplanationStep, string?)"/>
    public bool Check(DropReason dropped, ExplanationSource source, string failed, string? passed = null) =>
        Check(dropped, new ExplanationStep(source, ExplanationOutcome.Decided, failed), passed);

    /// <summary>Notes that a table, read after the verdict, would have led to another one.</summary>
    public void Disagree() => _agrees = false;

    /// <summary>Ends the explanation.</summary>
    public Explanation Build(string? tunnel, ExplanationVerdict verdict, IReadOnlyList<ExplainedOutput> outputs)
    {
        bool isSettled = IsSettled;
        if (!IsDecided)
        {
            Decide(SourceOf(reason), reason == DropReason.None ? "It passes." : DropReasons.Describe(reason));
        }

        return new Explanation
        {
            Tunnel = tunnel,
            Verdict = verdict,
            Reason = reason,
            Steps = _steps,
            Outputs = outputs,
            Remedy = reason == DropReason.None ? null : Remedy ?? DropRemedies.Of(reason),
            IsSettled = isSettled,
        };
    }

    // Who speaks for a reason of which no step says more.
    private static ExplanationSource SourceOf(DropReason reason) => reason switch
    {
        DropReason.QueueFull or DropReason.SendFailed or DropReason.PortDown or DropReason.TooBig => ExplanationSource.Port,
        _ => ExplanationSource.Packet,
    };
}
