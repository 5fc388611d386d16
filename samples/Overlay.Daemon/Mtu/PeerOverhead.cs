using System.Net.Sockets;

namespace Overlay.Daemon.Mtu;

/// <summary>The number that another system takes off for a layer, and where it stands.</summary>
/// <param name="System">The system.</param>
/// <param name="Layer">The layer, by the name that <see cref="LayerText"/> has for it, with what it says of options: <c>geneve+8</c>.</param>
/// <param name="Underlay">The family of the outer addresses.</param>
/// <param name="Overhead">The bytes that it takes off.</param>
/// <param name="Source">Where the number stands: a file of the system, or its documentation.</param>
/// <param name="Why">Why it is this number; where it is not what the bytes on the wire are, why they disagree.</param>
internal sealed record PeerOverhead(string System, string Layer, AddressFamily Underlay, int Overhead, string Source, string Why)
{
    /// <summary>The systems, in the order in which they are shown.</summary>
    public static IReadOnlyList<string> Systems { get; } = ["Linux", "Calico", "Cilium", "flannel", "Antrea", "OVN-Kubernetes", "Weave", "Submariner", "Tailscale"];

    private static PeerOverhead[] Known { get; } =
    [
        V4("Linux", "vxlan", 50, LinuxVxlan, "IPv4 20, UDP 8, VXLAN 8, Ethernet 14; taken off only where the device names its lower device"),
        V6("Linux", "vxlan", 70, LinuxVxlan, "IPv6 40 instead of 20"),
        V4("Linux", "ipip", 20, "net/ipv4/ipip.c, ip_tunnel.c", "the outer header; follows the route's MTU per packet"),
        V6("Linux", "ipip+8", 48, "net/ipv6/ip6_tunnel.c", "IPv6 40 and a Tunnel Encapsulation Limit option, 8, written unless the device is made with encaplimit none (RFC 2473)"),
        V4("Linux", "wireguard", 80, LinuxWireGuard, "the larger of both families for either: IPv4 alone takes 60"),
        V6("Linux", "wireguard", 80, LinuxWireGuard, "IPv6 40, UDP 8, header and tag 32; padding stays below the device's MTU"),
        V4("Calico", "vxlan", 50, CalicoMtu, "as the bytes are"),
        V6("Calico", "vxlan", 70, CalicoMtu, "as the bytes are"),
        V4("Calico", "ipip", 20, CalicoMtu, "as the bytes are"),
        V4("Calico", "wireguard", 60, CalicoMtu, "without padding; 100 more on AKS, for Azure's own encapsulation"),
        V6("Calico", "wireguard", 80, CalicoMtu, "without padding; 100 more on AKS, for Azure's own encapsulation"),
        V4("Cilium", "vxlan", 50, CiliumMtu, "as the bytes are"),
        V6("Cilium", "vxlan", 70, CiliumMtu, "as the bytes are; older versions took 50 for both families"),
        V4("Cilium", "geneve", 50, CiliumMtu, "as the bytes are, without options"),
        V6("Cilium", "geneve", 70, CiliumMtu, "as the bytes are, without options"),
        V4("Cilium", "geneve+12", 62, CiliumMtu, "50 and the option of DSR, 12"),
        V6("Cilium", "geneve+12", 82, CiliumMtu, "70 and the option of DSR, 12"),
        V4("Cilium", "wireguard-padded", 95, CiliumWireGuard, "80 of IPv6 and 15 of padding for either family: IPv4 alone takes 75 at most"),
        V6("Cilium", "wireguard-padded", 95, CiliumWireGuard, "80 and 15 of padding, which older versions forgot: routes bound the packets, not the device of WireGuard"),
        V4("Cilium", "esp-gcm", 77, CiliumMtu, "an estimate: counts a tag, an ICV and padding of 16 each; AES-GCM takes 57 at most"),
        V6("Cilium", "ipip+8", 48, CiliumMtu, "IPv6 40 and the Tunnel Encapsulation Limit option that Linux writes, 8"),
        V4("flannel", "vxlan", 50, FlannelVxlan, "as the bytes are"),
        V6("flannel", "vxlan", 50, FlannelVxlan, "one constant for both families, 20 too few: Linux makes the device's MTU 70 smaller where flannel names no MTU"),
        V4("flannel", "ipip", 20, "pkg/backend/ipip/ipip.go", "as the bytes are"),
        V4("flannel", "udp", 28, "pkg/backend/udp/udp_network_amd64.go", "IPv4 20, UDP 8: nothing between"),
        V4("flannel", "wireguard", 80, FlannelWireGuard, "the larger of both families for either: IPv4 alone takes 60"),
        V6("flannel", "wireguard", 80, FlannelWireGuard, "without padding"),
        V4("flannel", "esp-cbc", 77, FlannelIpsec, "IPv4 20, ESP 8, IV 16, padding up to 15, trailer 2, tag 16"),
        V4("flannel", "esp-cbc-udp", 85, FlannelIpsec, "77 and UDP 8, for NAT"),
        V4("Antrea", "vxlan", 50, AntreaNode, "as the bytes are"),
        V6("Antrea", "vxlan", 70, AntreaNode, "50, and 20 for IPv6"),
        V4("Antrea", "geneve", 50, AntreaNode, "as the bytes are, without options"),
        V6("Antrea", "geneve", 70, AntreaNode, "50, and 20 for IPv6"),
        V4("Antrea", "gretap+4", 42, AntreaNode, "IPv4 20, GRE with a key 8, Ethernet 14; other versions have 38, without the key"),
        V4("Antrea", "wireguard", 60, AntreaNode, "without padding; other versions have 80 for both families"),
        V6("Antrea", "wireguard", 80, AntreaNode, "60, and 20 for IPv6; without padding"),
        V4("Antrea", "esp-gcm-transport", 38, AntreaNode, "header and trailer of ESP \"at most\"; AES-GCM takes 37 at most, the outer header being the tunnel's"),
        V4("OVN-Kubernetes", "geneve+8", 58, OvnTypes, "50 and one option of 8: the ports"),
        V6("OVN-Kubernetes", "geneve+8", 78, OvnTypes, "70 and one option of 8; a dual-stack cluster takes it for both families. Its default MTU is 1400, whatever the link"),
        V4("Weave", "vxlan", 124, "net/bridge.go, docs/fastdp.md", "1376 on a link of 1500, and always: room for VXLAN and for ESP, used or not"),
        V4("Weave", "+62", 62, "router/sleeve.go", "sleeve, in user space: IPv4 20, UDP 8, header 6, frame header 14, Ethernet 14; the path is measured per connection"),
        V4("Submariner", "vxlan", 50, "routeagent", "as the bytes are"),
        V4("Tailscale", "wireguard", 80, TailscaleMtu, "the worst case of both families; the device's MTU is 1280 all the same"),
        V6("Tailscale", "wireguard", 80, TailscaleMtu, "the worst case of both families; the device's MTU is 1280 all the same"),
    ];

    /// <summary>All that is known, by system.</summary>
    public static IReadOnlyList<PeerOverhead> All => Known;

    private const string LinuxVxlan = "drivers/net/vxlan/vxlan_core.c";
    private const string LinuxWireGuard = "drivers/net/wireguard/device.c";
    private const string CalicoMtu = "felix/config/config_params.go, dataplane/linux/int_dataplane.go";
    private const string CiliumMtu = "pkg/mtu/mtu.go";
    private const string CiliumWireGuard = "pkg/mtu/mtu.go, cilium#45940";
    private const string FlannelVxlan = "pkg/backend/vxlan/vxlan_network.go";
    private const string FlannelWireGuard = "pkg/backend/wireguard/wireguard.go";
    private const string FlannelIpsec = "pkg/backend/ipsec/ipsec_network.go";
    private const string AntreaNode = "pkg/agent/config/node_config.go";
    private const string OvnTypes = "go-controller/pkg/types/const.go";
    private const string TailscaleMtu = "net/tstun/mtu.go";

    private static PeerOverhead V4(string system, string layer, int overhead, string source, string why) =>
        new(system, layer, AddressFamily.InterNetwork, overhead, source, why);

    private static PeerOverhead V6(string system, string layer, int overhead, string source, string why) =>
        new(system, layer, AddressFamily.InterNetworkV6, overhead, source, why);
}
