using System.Globalization;
using System.Text;

namespace Overlay.Demo.Report;

/// <summary>The table at the end: a line for each case.</summary>
internal static class ReportTable
{
    private static readonly string[] Head = ["case", "peer", "MTU", "round trip", "Gbit/s out", "Gbit/s in", "drops", "result"];

    /// <summary>The whole table.</summary>
    public static string Format(DemoReport report)
    {
        List<string[]> rows = [Head, .. report.Cases.Select(result => Row(result, report.Obstacle is null))];
        int[] widths = [.. Enumerable.Range(0, Head.Length).Select(column => rows.Max(row => row[column].Length))];
        StringBuilder text = new();
        text.AppendLine();
        foreach (string[] row in rows)
        {
            IEnumerable<string> cells = row.Select((cell, column) => IsNumber(column) ? cell.PadLeft(widths[column]) : cell.PadRight(widths[column]));
            text.AppendLine(string.Join("  ", cells).TrimEnd());
        }

        foreach (CaseResult result in report.Cases)
        {
            foreach (string failure in result.Failures)
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"{result.Case} failed: {failure}");
            }
        }

        text.AppendLine();
        text.AppendLine(Verdict(report));
        return text.ToString();
    }

    private static bool IsNumber(int column) => column is >= 2 and <= 5;

    private static string[] Row(CaseResult result, bool withReason) =>
    [
        result.Case,
        result.Peer,
        result.Mtu?.ToString(CultureInfo.InvariantCulture) ?? "-",
        result.RoundTripMicroseconds is double time ? Invariant($"{time:0.0} us") : "-",
        result.GbitPerSecondSent is double sent ? Invariant($"{sent:0.00}") : "-",
        result.GbitPerSecondReceived is double received ? Invariant($"{received:0.00}") : "-",
        !result.Available ? "-" : result.Drops.Count == 0 ? "none" : string.Join(", ", result.Drops.Select(drop => Invariant($"{drop.Key} {drop.Value}"))),
        result.Unavailable is string why ? (withReason ? $"unavailable: {why}" : "unavailable") : result.Passed ? "passed" : "FAILED",
    ];

    private static string Verdict(DemoReport report)
    {
        int passed = report.Cases.Count(result => result.Passed);
        int unavailable = report.Cases.Count(result => !result.Available);
        int failed = report.Cases.Count - passed - unavailable;
        return report.Obstacle is string obstacle
            ? $"nothing could be run: {obstacle}"
            : Invariant($"{passed} passed, {failed} failed, {unavailable} unavailable") +
                (report.Packet is { Intact: false } packet ? $"; the captured frame: {packet.Failure ?? "unreadable, or a checksum is wrong"}" : "");
    }

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
