using System.Globalization;

namespace Overlay.Benchmarks.Comparison;

/// <summary>What is to be reached, and what was.</summary>
/// <param name="Work">What is done.</param>
/// <param name="Value">What was measured.</param>
/// <param name="Limit">The most that it may be, or with <paramref name="AtLeast"/> the least.</param>
/// <param name="Unit">Of both.</param>
/// <param name="AtLeast">Whether more is better.</param>
internal sealed record Target(string Work, double Value, double Limit, string Unit, bool AtLeast = false)
{
    /// <summary>Whether it was reached.</summary>
    public bool IsMet => AtLeast ? Value >= Limit : Value <= Limit;

    /// <summary>The table of targets; null without one.</summary>
    public static MarkdownTable? Table(IEnumerable<Target> targets)
    {
        MarkdownTable table = new("target", ">to reach", ">measured", "reached");
        foreach (Target target in targets)
        {
            table.Row(
                target.Work, $"{(target.AtLeast ? "≥" : "≤")} {Number(target.Limit)} {target.Unit}", $"{Number(target.Value)} {target.Unit}", target.IsMet ? "yes" : "**no**");
        }

        return table.Count > 0 ? table : null;
    }

    private static string Number(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);
}
