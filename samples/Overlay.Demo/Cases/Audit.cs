using System.Globalization;
using System.Text.Json;
using Overlay.Demo.Hosts;

namespace Overlay.Demo.Cases;

/// <summary>The books of the daemons of a lab after the traffic: whether they balance, what was dropped, and whether each drop has an explanation.</summary>
internal sealed class Audit
{
    private const string ReceiveBufferFull = "receive-buffer-full";

    private readonly Dictionary<string, long> _drops = [];
    private readonly Dictionary<string, string> _explanations = [];

    private Audit()
    {
    }

    /// <summary>Both directions of each overlayd.</summary>
    public List<DirectionBook> Books { get; } = [];

    /// <summary>Drops by reason, of both daemons and both directions together; with what the kernel dropped in front of their sockets.</summary>
    public IReadOnlyDictionary<string, long> Drops => _drops;

    /// <summary>Why drops had to happen, by reason.</summary>
    public IReadOnlyDictionary<string, string> Explanations => _explanations;

    /// <summary>The reasons without an explanation.</summary>
    public IEnumerable<string> Unexplained => _drops.Keys.Where(reason => !_explanations.ContainsKey(reason));

    /// <summary>Asks the daemons.</summary>
    /// <remarks>A packet that is just under way is on one side only; so the question is asked until the books are closed, for two seconds at most.</remarks>
    public static Audit Take(Lab lab, CancellationToken cancellation)
    {
        long end = Environment.TickCount64 + 2000;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            Audit audit = new();
            audit.Read(lab);
            if (audit.Books.TrueForAll(book => book.Balanced) || Environment.TickCount64 >= end)
            {
                return audit;
            }
        }
    }

    private void Read(Lab lab)
    {
        bool multicast = true;
        foreach (LabHost host in lab.Hosts.Where(host => host.Daemon is not null))
        {
            JsonElement status = host.Daemon!.Status();
            JsonElement tunnel = status.GetProperty("tunnels")[0];
            string name = host == lab.Here ? "here" : "there";
            DirectionBook egress = DirectionBook.Read(name, "egress", tunnel);
            Books.AddRange([egress, DirectionBook.Read(name, "ingress", tunnel)]);
            Add(DirectionBook.ReadDrops(status.GetProperty("drops")));
            if (tunnel.TryGetProperty("endpoint", out JsonElement endpoint) && endpoint.GetProperty("kernelDrops").GetInt64() is > 0 and var lost)
            {
                Add(new Dictionary<string, long> { [ReceiveBufferFull] = lost });
            }

            multicast &= egress.Drops.GetValueOrDefault("no-route") <= MulticastSent(host);
        }

        foreach (DirectionBook book in Books)
        {
            Add(book.Drops);
        }

        Explain("queue-full", "more than the output took; TCP slows down");
        Explain(ReceiveBufferFull, "more than overlayd took from its socket; TCP slows down");
        if (multicast)
        {
            Explain("no-route", "the kernel's own IPv6 multicast (RFC 3810), which no route of a point-to-point tunnel leads anywhere");
        }
    }

    // What the kernel itself sent into the tunnel device: membership reports and the like (RFC 3810). It counts them.
    private static long MulticastSent(LabHost host)
    {
        const string Counter = "Ip6OutMcastPkts";
        string file = $"/proc/thread-self/net/dev_snmp6/{host.Plan.OverlayDevice}";
        string[] lines = host.Netns.Run(() => File.Exists(file) ? File.ReadAllLines(file) : []);
        string? line = Array.Find(lines, text => text.StartsWith(Counter, StringComparison.Ordinal));
        return line is null ? 0 : long.Parse(line.AsSpan(Counter.Length).Trim(), CultureInfo.InvariantCulture);
    }

    private void Explain(string reason, string why)
    {
        if (_drops.ContainsKey(reason))
        {
            _explanations[reason] = why;
        }
    }

    private void Add(IReadOnlyDictionary<string, long> drops)
    {
        foreach ((string reason, long count) in drops)
        {
            _drops[reason] = _drops.GetValueOrDefault(reason) + count;
        }
    }
}
