using Overlay.Forwarding.Statistics;

namespace Overlay.Forwarding.Report;

/// <summary>One metric of one subject in one case.</summary>
/// <param name="Name">The metric.</param>
/// <param name="Unit">Its unit.</param>
/// <param name="HigherIsBetter">Which way is better.</param>
/// <param name="Rounds">The value of each round; null where the measurement failed.</param>
/// <param name="Spread">Median, smallest and largest; absent without a value.</param>
/// <param name="Versus">The ratio to each baseline, by its name.</param>
internal sealed record MetricResult(
    string Name, string Unit, bool HigherIsBetter, IReadOnlyList<double?> Rounds, Spread? Spread, IReadOnlyDictionary<string, PairedRatio> Versus);
