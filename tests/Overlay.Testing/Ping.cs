using System.Globalization;
using System.Runtime.Versioning;
using System.Text.RegularExpressions;

namespace Overlay.Testing;

/// <summary>What ping reports.</summary>
/// <param name="Sent">Requests.</param>
/// <param name="Received">Answers.</param>
/// <param name="Output">All it printed.</param>
public sealed partial record Ping(int Sent, int Received, string Output)
{
    /// <summary>Requests without an answer.</summary>
    public int Lost => Sent - Received;

    /// <summary>Runs ping of iputils in a namespace.</summary>
    /// <param name="netns">Where.</param>
    /// <param name="address">Whom.</param>
    /// <param name="count">How often.</param>
    /// <param name="options">Further options, such as <c>-f</c>.</param>
    [SupportedOSPlatform("linux")]
    public static Ping Run(Netns netns, string address, int count, params string[] options)
    {
        ArgumentNullException.ThrowIfNull(netns);
        CommandResult result = netns.TryExec(
            TimeSpan.FromSeconds(120), "ping", ["-n", "-q", "-c", count.ToString(CultureInfo.InvariantCulture), .. options, address]);
        Match summary = Summary().Match(result.Output);
        return summary.Success
            ? new Ping(Number(summary.Groups[1]), Number(summary.Groups[2]), result.Output + result.Error)
            : throw new InvalidOperationException($"ping {address}: exit {result.ExitCode}\n{result.Output}{result.Error}");

        static int Number(Group group) => int.Parse(group.ValueSpan, CultureInfo.InvariantCulture);
    }

    /// <summary>Which of the first requests were not answered, by what ping prints for each answer.</summary>
    /// <remarks>
    /// For pings with <c>-c</c> and <c>-w</c>, which wait for as many answers. With <c>-c</c> alone ping waits for the last one only twice as long as the
    /// others took, and calls it lost when the machine stumbles there.
    /// </remarks>
    /// <param name="output">What it printed, without <c>-q</c>.</param>
    /// <param name="count">How many requests are looked for; their numbers begin with 1.</param>
    public static IReadOnlyList<int> Unanswered(string output, int count) =>
        [.. Enumerable.Range(1, count).Except(Sequence().Matches(output).Select(match => int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture)))];

    [GeneratedRegex(@" bytes from .* icmp_seq=(\d+) ")]
    private static partial Regex Sequence();

    [GeneratedRegex(@"(\d+) packets transmitted, (\d+) received")]
    private static partial Regex Summary();
}
