using System.Globalization;
using System.Text.RegularExpressions;
using Overlay.Testing;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>What a kernel has learned of the way to an address from ICMP errors.</summary>
internal static partial class LearnedMtu
{
    /// <summary>The MTU that it has learned; 0 if nothing.</summary>
    public static int Of(Netns host, string to)
    {
        Match match = Pattern().Match(host.Ip("route", "get", to).Output);
        return match.Success ? int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) : 0;
    }

    /// <summary>Sends packets that must not be fragmented, too long for the way, until exactly this has been learned.</summary>
    /// <param name="host">Who learns.</param>
    /// <param name="to">The address.</param>
    /// <param name="mtu">What is to be learned.</param>
    /// <param name="larger">The length of the packets, with their headers; no more than the device takes.</param>
    public static void AssertLearned(Netns host, string to, int mtu, int larger)
    {
        string size = PingSize(to, larger);
        Wait.Until(
            () =>
            {
                // The first one is lost at the router, the second one is answered here; for a third there is no room in the sender's own kernel.
                _ = Ping.Run(host, to, 3, "-M", "do", "-s", size, "-i", "0.02", "-W", "0.05");
                return Of(host, to) == mtu;
            },
            () => $"{to}: {Of(host, to)} instead of {mtu}. {host.Ip("route", "get", to).Output}");
    }

    /// <summary>What ping is told, that its packets have this length with all their headers.</summary>
    public static string PingSize(string to, int length) =>
        (length - (to.Contains(':', StringComparison.Ordinal) ? 48 : 28)).ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\bmtu (\d+)")]
    private static partial Regex Pattern();
}
