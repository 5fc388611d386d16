using Overlay.Forwarding.Measurement;
using Overlay.Forwarding.Subjects;

namespace Overlay.Forwarding.Cases;

/// <summary>What one contestant gave in one case, round by round.</summary>
internal sealed class Series(ForwardingCase forwardingCase, Contestant contestant)
{
    private readonly List<double[]?> _rounds = [];
    private readonly List<string> _failures = [];

    /// <summary>The case.</summary>
    public ForwardingCase Case { get; } = forwardingCase;

    /// <summary>The contestant.</summary>
    public Contestant Contestant { get; } = contestant;

    /// <summary>What went wrong, with the number of the round, counted from 1.</summary>
    public IReadOnlyList<string> Failures => _failures;

    /// <summary>Adds a round.</summary>
    public void Add(double[] values) => _rounds.Add(values);

    /// <summary>Adds a round that gave nothing.</summary>
    public void AddFailure(string why)
    {
        _rounds.Add(null);
        _failures.Add($"round {_rounds.Count}: {why}");
    }

    /// <summary>One metric in all rounds; null where there is no value.</summary>
    public IReadOnlyList<double?> Of(Metric metric)
    {
        int index = Case.Workload.Metrics.ToList().IndexOf(metric);
        return [.. _rounds.Select(values => values?[index])];
    }
}
