using System.Globalization;
using System.Text.RegularExpressions;
using Overlay.Forwarding.Subjects;
using Overlay.Testing;

namespace Overlay.Forwarding.Measurement;

/// <summary>What ping of iputils says at its end.</summary>
/// <param name="Sent">Requests.</param>
/// <param name="Received">Replies.</param>
/// <param name="AverageMicroseconds">The mean round trip, in steps of 1 µs as ping prints it.</param>
internal sealed partial record PingSummary(int Sent, int Received, double AverageMicroseconds)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Of 100 requests, how many got no reply.</summary>
    public double LostPercent => 100.0 * (Sent - Received) / Sent;

    /// <summary>Sends a request every 2 ms.</summary>
    /// <param name="from">The host that asks.</param>
    /// <param name="to">The host that answers.</param>
    /// <param name="count">How many requests.</param>
    /// <param name="launcher">What stands before the program on the command line; may be empty.</param>
    /// <exception cref="InvalidDataException">There was no reply.</exception>
    public static PingSummary Run(Host from, Host to, int count, IReadOnlyList<string> launcher)
    {
        string[] command = [.. launcher, "ping", "-n", "-q", "-i", "0.002", "-c", count.ToString(CultureInfo.InvariantCulture), to.Inner];
        CommandResult result = from.Netns.TryExec(Patience, command[0], command[1..]);
        return TryParse(result.Output) ?? throw new InvalidDataException($"ping ended with {result.ExitCode}: {result.Output.Trim()} {result.Error.Trim()}".TrimEnd());
    }

    /// <summary>Reads the two last lines of ping's output.</summary>
    /// <returns>null if it has none, or no reply came.</returns>
    public static PingSummary? TryParse(string output)
    {
        Match counts = Counts().Match(output);
        Match times = Times().Match(output);
        return counts.Success && times.Success
            ? new PingSummary(
                int.Parse(counts.Groups[1].ValueSpan, CultureInfo.InvariantCulture),
                int.Parse(counts.Groups[2].ValueSpan, CultureInfo.InvariantCulture),
                Math.Round(double.Parse(times.Groups[1].ValueSpan, CultureInfo.InvariantCulture) * 1000, 3))
            : null;
    }

    [GeneratedRegex(@"(\d+) packets transmitted, (\d+) received")]
    private static partial Regex Counts();

    [GeneratedRegex(@"min/avg/max(?:/mdev)? = [\d.]+/([\d.]+)/")]
    private static partial Regex Times();
}
