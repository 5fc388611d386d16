using System.Globalization;
using System.Net.Sockets;
using Overlay.Daemon.Mtu;
using Overlay.Encapsulation;
using Overlay.Tests.Packaging;
using Xunit;

namespace Overlay.Tests.Daemon;

/// <summary>The numbers of other systems: each beside what the bytes are, and docs/mtu.md beside the table in the code.</summary>
public sealed class PeerOverheadTests
{
    private const AddressFamily V4 = AddressFamily.InterNetwork;
    private const AddressFamily V6 = AddressFamily.InterNetworkV6;
    private const string Head = "| system | layer | takes | the bytes | where it says so | why |";

    /// <summary>Every number of the survey of other systems, by system.</summary>
    [Theory]
    [InlineData("Linux", "vxlan", 50, 70)]
    [InlineData("Linux", "ipip", 20, null)]
    [InlineData("Linux", "ipip+8", null, 48)]
    [InlineData("Linux", "wireguard", 80, 80)]
    [InlineData("Calico", "vxlan", 50, 70)]
    [InlineData("Calico", "ipip", 20, null)]
    [InlineData("Calico", "wireguard", 60, 80)]
    [InlineData("Cilium", "vxlan", 50, 70)]
    [InlineData("Cilium", "geneve", 50, 70)]
    [InlineData("Cilium", "geneve+12", 62, 82)]
    [InlineData("Cilium", "wireguard-padded", 95, 95)]
    [InlineData("Cilium", "esp-gcm", 77, null)]
    [InlineData("Cilium", "ipip+8", null, 48)]
    [InlineData("flannel", "vxlan", 50, 50)]
    [InlineData("flannel", "ipip", 20, null)]
    [InlineData("flannel", "udp", 28, null)]
    [InlineData("flannel", "wireguard", 80, 80)]
    [InlineData("flannel", "esp-cbc", 77, null)]
    [InlineData("flannel", "esp-cbc-udp", 85, null)]
    [InlineData("Antrea", "vxlan", 50, 70)]
    [InlineData("Antrea", "geneve", 50, 70)]
    [InlineData("Antrea", "gretap+4", 42, null)]
    [InlineData("Antrea", "wireguard", 60, 80)]
    [InlineData("Antrea", "esp-gcm-transport", 38, null)]
    [InlineData("OVN-Kubernetes", "geneve+8", 58, 78)]
    [InlineData("Weave", "vxlan", 124, null)]
    [InlineData("Weave", "+62", 62, null)]
    [InlineData("Submariner", "vxlan", 50, null)]
    [InlineData("Tailscale", "wireguard", 80, 80)]
    public void Numbers_are_those_of_the_systems(string system, string layer, int? over4, int? over6)
    {
        int? Of(AddressFamily underlay) => PeerOverhead.All.SingleOrDefault(peer => (peer.System, peer.Layer, peer.Underlay) == (system, layer, underlay))?.Overhead;
        Assert.Equal((over4, over6), (Of(V4), Of(V6)));
    }

    [Fact]
    public void Every_row_is_of_a_known_system_and_layer_and_once()
    {
        Assert.All(PeerOverhead.All, peer => Assert.Contains(peer.System, PeerOverhead.Systems));
        Assert.All(PeerOverhead.All, peer => Assert.NotEmpty(Layers(peer)));
        Assert.Distinct(PeerOverhead.All.Select(peer => (peer.System, peer.Layer, peer.Underlay)));
        Assert.Equal(PeerOverhead.All.OrderBy(peer => PeerOverhead.Systems.ToList().IndexOf(peer.System)), PeerOverhead.All);
    }

    /// <summary>Where a system's number is not what some packet takes, how far it is off: all others are right.</summary>
    [Fact]
    public void These_disagree_with_the_bytes_and_no_others()
    {
        string[] wrong =
        [
            .. PeerOverhead.All.Select(peer => (peer, Bytes: Bytes(peer)))
                .Where(row => row.peer.Overhead < row.Bytes.Most || row.peer.Overhead > row.Bytes.Most)
                .Select(row => $"{row.peer.System} {row.peer.Layer} {(row.peer.Underlay == V4 ? "ipv4" : "ipv6")}: {row.peer.Overhead - row.Bytes.Most:+0;-0}"),
        ];
        Assert.Equal(
            [
                "Linux wireguard ipv4: +20",
                "Cilium wireguard-padded ipv4: +20",
                "Cilium esp-gcm ipv4: +20",
                "flannel vxlan ipv6: -20",
                "flannel wireguard ipv4: +20",
                "Antrea esp-gcm-transport ipv4: +1",
                "Weave vxlan ipv4: +74",
                "Tailscale wireguard ipv4: +20",
            ],
            wrong);
    }

    [Theory]
    // What the systems' documentation and defaults name, on a link of 1500.
    [InlineData("flannel", "vxlan", V4, 1450)]
    [InlineData("Linux", "vxlan", V6, 1430)]
    [InlineData("flannel", "ipip", V4, 1480)]
    [InlineData("flannel", "udp", V4, 1472)]
    [InlineData("Linux", "wireguard", V4, 1420)]
    [InlineData("Calico", "wireguard", V4, 1440)]
    [InlineData("Weave", "vxlan", V4, 1376)]
    [InlineData("Weave", "+62", V4, 1438)]
    [InlineData("Antrea", "gretap+4", V4, 1458)]
    [InlineData("OVN-Kubernetes", "geneve+8", V4, 1442)]
    public void Device_MTUs_on_a_link_of_1500(string system, string layer, AddressFamily underlay, int mtu) =>
        Assert.Equal(mtu, 1500 - PeerOverhead.All.Single(peer => (peer.System, peer.Layer, peer.Underlay) == (system, layer, underlay)).Overhead);

    [Fact]
    public void The_document_has_the_table_of_the_code()
    {
        string[] rows =
        [
            .. File.ReadLines(Path.Combine(Repository.Root, "docs", "mtu.md")).SkipWhile(line => line != Head).Skip(2).TakeWhile(line => line.StartsWith('|')),
        ];
        Assert.Equal(PeerOverhead.All.Select(Row), rows);
    }

    private static string Row(PeerOverhead peer)
    {
        (int least, int most) = Bytes(peer);
        string bytes = least == most ? Number(least) : $"{least}–{most}";
        var layer = LayerText.Parse(peer.Layer);
        string over = layer.Name + (peer.Underlay == V4 ? "/ipv4" : "/ipv6") + (layer.Extra > 0 ? $"+{layer.Extra}" : "");
        string takes = peer.Overhead == most ? Number(peer.Overhead) : $"**{peer.Overhead}**";
        return $"| {peer.System} | `{over}` | {takes} | {bytes} | {peer.Source} | {peer.Why} |";
    }

    private static TunnelLayer[] Layers(PeerOverhead peer) => [.. LayerText.Parse(peer.Layer).ToLayers(peer.Underlay)];

    private static (int Least, int Most) Bytes(PeerOverhead peer)
    {
        TunnelLayer[] layers = Layers(peer);
        return (layers.Sum(layer => layer.MinOverhead), layers.Sum(layer => layer.MaxOverhead));
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
