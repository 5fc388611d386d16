using System.Globalization;
using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>The books of a running overlayd, as <c>status --json</c> shows them.</summary>
internal static class Books
{
    private static readonly string[] Directions = ["egress", "ingress"];

    /// <summary>rx + replicated + originated = tx + consumed + sum(drops), exactly, for each direction of each tunnel.</summary>
    public static void AssertBalanced(JsonElement status)
    {
        foreach (string name in Tunnels(status))
        {
            foreach (string direction in Directions)
            {
                long Of(string counter) => OverlayDaemon.Counter(status, name, direction, counter);
                Assert.True(
                    Of("rxPackets") + Of("replicated") + Of("originated") == Of("txPackets") + Of("consumed") + OverlayDaemon.Drops(status, name, direction),
                    $"The books of {name} {direction} do not balance: {status}");
            }
        }
    }

    /// <summary>Waits until nothing moves any more, and returns the books then. A batch is in them when it is done, an instant after its packets left.</summary>
    public static JsonElement Settled(OverlayDaemon daemon)
    {
        JsonElement before = daemon.Query();
        JsonElement after = before;
        Wait.Until(
            () =>
            {
                Thread.Sleep(50);
                (before, after) = (after, daemon.Query());
                return before.ToString() == after.ToString();
            },
            () => $"the counters still move: {after}");
        return after;
    }

    /// <summary>All drops on the way in, of every tunnel and of none, by label.</summary>
    public static Dictionary<string, long> IngressDrops(JsonElement status)
    {
        Dictionary<string, long> drops = [];
        foreach (JsonProperty drop in status.GetProperty("drops").EnumerateObject().Concat(
            status.GetProperty("tunnels").EnumerateArray().SelectMany(t => t.GetProperty("ingress").GetProperty("drops").EnumerateObject())))
        {
            drops[drop.Name] = drops.GetValueOrDefault(drop.Name) + drop.Value.GetInt64();
        }

        return drops;
    }

    /// <summary>Counters of a network stack, by <c>Udp.InErrors</c> (/proc/net/snmp) or <c>Udp6InErrors</c> (/proc/net/snmp6).</summary>
    public static long Kernel(Netns netns, string counter) => counter.Split('.') is [string group, string name]
        ? VtepLab.Snmp(netns, group, name)
        : netns.Run(() => File.ReadAllLines("/proc/thread-self/net/snmp6"))
            .Select(line => line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
            .Where(words => words[0] == counter).Select(words => long.Parse(words[1], CultureInfo.InvariantCulture)).Single();

    private static IEnumerable<string> Tunnels(JsonElement status) =>
        status.GetProperty("tunnels").EnumerateArray().Select(tunnel => tunnel.GetProperty("name").GetString()!);
}
