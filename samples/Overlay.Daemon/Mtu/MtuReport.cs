using System.Net.Sockets;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Overlay.Encapsulation;

namespace Overlay.Daemon.Mtu;

/// <summary>What <c>overlayd mtu --json</c> prints. The names are a public format.</summary>
/// <param name="Link">The link's MTU.</param>
/// <param name="Overhead">By how many bytes the device's MTU is smaller.</param>
/// <param name="InnerMtu">The device's MTU.</param>
/// <param name="Mss4">The largest segment of TCP over IPv4 (RFC 6691).</param>
/// <param name="Mss6">The same over IPv6; null where the device's MTU is less than IPv6 requires, 1280 (RFC 8200 §5).</param>
/// <param name="Layers">The layers, the innermost first.</param>
/// <param name="Peers">What others take off for these layers.</param>
internal sealed record MtuReport(
    int Link, int Overhead, int InnerMtu, int Mss4, int? Mss6, IReadOnlyList<LayerReport> Layers, IReadOnlyList<PeerReport> Peers)
{
    /// <summary>Computes a report.</summary>
    /// <param name="stack">The layers.</param>
    /// <param name="linkMtu">The link's MTU.</param>
    /// <param name="named">The names of the layers as others are looked up by, the innermost first; null where nobody is to be compared.</param>
    /// <exception cref="ArgumentOutOfRangeException">The link is too small for the layers.</exception>
    public static MtuReport Of(TunnelStack stack, int linkMtu, IReadOnlyList<LayerText>? named)
    {
        IReadOnlyList<int> mtus = stack.Mtus(linkMtu);
        int inner = mtus[0];
        return new MtuReport(
            linkMtu,
            stack.Overhead(linkMtu),
            inner,
            TunnelMtu.TcpMss(inner, AddressFamily.InterNetwork),
            inner < TunnelMtu.MinimumIPv6 ? null : TunnelMtu.TcpMss(inner, AddressFamily.InterNetworkV6),
            [
                .. stack.Layers.Select((layer, i) => new LayerReport(
                    layer.ToString(), layer.MinOverhead, layer.MaxOverhead, i + 1 < mtus.Count ? mtus[i + 1] : Math.Min(linkMtu, TunnelMtu.Maximum), mtus[i],
                    [.. layer.Parts.Select(part => new PartReport(part.Name, part.Length))])),
            ],
            named is null ? [] : PeerReport.Of(named, LinkOf(stack, mtus, linkMtu), inner));
    }

    // What the link takes off, everybody sees in its MTU.
    private static int LinkOf(TunnelStack stack, IReadOnlyList<int> mtus, int linkMtu)
    {
        int i = stack.Layers.Count - 1;
        while (i > 0 && stack.Layers[i].Underlay is null)
        {
            i--;
        }

        return i + 1 < mtus.Count ? mtus[i + 1] : Math.Min(linkMtu, TunnelMtu.Maximum);
    }
}

/// <summary>A layer.</summary>
/// <param name="Name">Its name with the family of its outer addresses.</param>
/// <param name="Overhead">What it takes of a packet that needs no padding.</param>
/// <param name="MaxOverhead">What it takes of one that needs most.</param>
/// <param name="OuterMtu">The longest packet around it.</param>
/// <param name="InnerMtu">The longest packet within it.</param>
/// <param name="Parts">What it writes, from outside to inside.</param>
internal sealed record LayerReport(string Name, int Overhead, int MaxOverhead, int OuterMtu, int InnerMtu, IReadOnlyList<PartReport> Parts);

/// <summary>A part of a layer.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Length">Its bytes.</param>
internal sealed record PartReport(string Name, int Length);

/// <summary>What another system does with the same layers.</summary>
internal sealed record PeerReport
{
    /// <summary>Whoever reads the table expects these, even if only to see that they know no such layer.</summary>
    private static readonly string[] AlwaysNamed = ["Calico", "Cilium", "flannel", "Antrea", "OVN-Kubernetes"];

    /// <summary>The system.</summary>
    public required string System { get; init; }

    /// <summary>The layers that its number is for, where they differ in options from those asked for.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Layers { get; init; }

    /// <summary>What it takes off in all; null if it has no such layers.</summary>
    public int? Overhead { get; init; }

    /// <summary>The MTU that it gives the device; null if it has no such layers.</summary>
    public int? InnerMtu { get; init; }

    /// <summary>Its MTU less the one that the bytes leave: above 0 it is too large.</summary>
    public int? Difference { get; init; }

    /// <summary>Why.</summary>
    public required string Why { get; init; }

    /// <summary>Where the numbers stand.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Source { get; init; }

    /// <summary>What all systems say.</summary>
    /// <param name="named">The layers, the innermost first, each with its family.</param>
    /// <param name="linkMtu">The MTU around them.</param>
    /// <param name="innerMtu">The MTU that the bytes leave.</param>
    public static IReadOnlyList<PeerReport> Of(IReadOnlyList<LayerText> named, int linkMtu, int innerMtu)
    {
        named = [.. named.Take(1), .. named.Skip(1).Where(layer => !layer.IsOfLink)];
        List<PeerReport> reports = [];
        foreach (string system in PeerOverhead.Systems)
        {
            PeerOverhead[][] rows = [.. named.Select(layer => PeerOverhead.All.Where(peer => peer.System == system && IsAbout(peer, layer)).ToArray())];
            if (rows.All(row => row.Length > 0))
            {
                // One layer may have several numbers, by options; where layers are stacked the first, plain one is meant.
                IEnumerable<PeerOverhead[]> choices = rows.Length == 1 ? rows[0].Select(row => new[] { row }) : [[.. rows.Select(row => row[0])]];
                reports.AddRange(choices.Select(choice => Of(system, choice, linkMtu, innerMtu)));
            }
            else if (AlwaysNamed.Contains(system))
            {
                IEnumerable<string> missing = named.Where((_, i) => rows[i].Length == 0).Select(Text);
                reports.Add(new PeerReport { System = system, Why = $"has no number for {string.Join(", ", missing)}" });
            }
        }

        return reports;
    }

    private static PeerReport Of(string system, PeerOverhead[] rows, int linkMtu, int innerMtu)
    {
        int overhead = rows.Sum(row => row.Overhead);
        return new PeerReport
        {
            System = system,
            Layers = string.Join(", ", rows.Select(row => Text(LayerText.Parse(row.Layer) with { Underlay = row.Underlay }))),
            Overhead = overhead,
            InnerMtu = linkMtu - overhead,
            Difference = linkMtu - overhead - innerMtu,
            Why = string.Join("; ", rows.Select(row => row.Why)),
            Source = string.Join("; ", rows.Select(row => row.Source).Distinct()),
        };
    }

    // Options are a part of a system's own number: whoever asks for geneve sees OVN's with its option, and who asks for wireguard sees the padded one.
    private static bool IsAbout(PeerOverhead peer, LayerText layer)
    {
        var about = LayerText.Parse(peer.Layer);
        return peer.Underlay == layer.Underlay && Plain(about.Name) == Plain(layer.Name) && (about.Name.Length > 0 || about.Extra == layer.Extra);
    }

    private static string Plain(string name) => name switch
    {
        "wireguard-padded" => "wireguard",
        "esp-gcm" or "esp-cbc" => "esp",
        "gretap" => "gre",
        _ => name,
    };

    private static string Text(LayerText layer) =>
        layer.Name + (layer.Underlay == AddressFamily.InterNetworkV6 ? "/ipv6" : "/ipv4") + (layer.Extra > 0 ? $"+{layer.Extra}" : "");
}

/// <summary>Serialisation of the report, generated at compile time.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(MtuReport))]
internal sealed partial class MtuJson : JsonSerializerContext
{
    /// <summary>Indented, and with quotation marks and signs as they are.</summary>
    public static MtuJson Relaxed { get; } =
        new(new JsonSerializerOptions { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
