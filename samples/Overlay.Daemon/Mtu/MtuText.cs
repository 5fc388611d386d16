using System.Globalization;
using System.Text;
using Overlay.Daemon.Commands;

namespace Overlay.Daemon.Mtu;

/// <summary>The report for people.</summary>
internal static class MtuText
{
    /// <summary>Formats a report: the way from the link to the device, then what others say.</summary>
    public static string Format(MtuReport report)
    {
        StringBuilder text = new();
        StreamedTable layers = new([new("LAYER"), new("BYTES", true), new("MTU", true), new("OF")]);
        layers.Add(["link", "", Number(report.Link), ""]);
        foreach (LayerReport layer in report.Layers.Reverse())
        {
            string bytes = layer.Overhead == layer.MaxOverhead ? Number(layer.Overhead) : $"{layer.Overhead}-{layer.MaxOverhead}";
            string padding = layer.Overhead == layer.MaxOverhead ? "" : $", padding up to {layer.MaxOverhead - layer.Overhead}";
            layers.Add([layer.Name, bytes, Number(layer.InnerMtu), string.Join(", ", layer.Parts.Select(part => $"{part.Name} {part.Length}")) + padding]);
        }

        text.Append(layers.Finish());
        string mss6 = report.Mss6 is int mss ? $"{mss} over IPv6" : "none over IPv6, which needs an MTU of 1280";
        text.Append(CultureInfo.InvariantCulture, $"\ndevice mtu {report.InnerMtu}, overhead {report.Overhead}; TCP MSS {report.Mss4} over IPv4, {mss6}\n");
        if (report.Peers.Count == 0)
        {
            return text.ToString();
        }

        StreamedTable peers = new([new("SYSTEM"), new("LAYERS"), new("BYTES", true), new("MTU", true), new("DIFFERENCE"), new("WHY")]);
        foreach (PeerReport peer in report.Peers)
        {
            peers.Add([peer.System, peer.Layers ?? "-", Number(peer.Overhead), Number(peer.InnerMtu), Describe(peer.Difference), peer.Why]);
        }

        return text.Append('\n').Append(peers.Finish()).ToString();
    }

    private static string Describe(int? difference) => difference switch
    {
        null => "-",
        0 => "none",
        < 0 => string.Create(CultureInfo.InvariantCulture, $"{-difference} smaller"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{difference} TOO LARGE"),
    };

    private static string Number(int? value) => value?.ToString(CultureInfo.InvariantCulture) ?? "-";
}
