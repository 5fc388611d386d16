using System.Text.Json;
using Xunit;

namespace Overlay.Tests.Daemon;

/// <summary><c>overlayd mtu</c>: the built program.</summary>
public sealed class MtuCommandTests
{
    [Theory]
    [InlineData("--kind vxlan --link 1500 --underlay ipv6", 70, 1430, 1390, 1370)]
    [InlineData("--kind vxlan", 50, 1450, 1410, 1390)]
    [InlineData("--kind vxlan --inner-vlans 2 --underlay ipv6", 78, 1422, 1382, 1362)]
    [InlineData("--kind vxlan-gpe --inner-ip", 36, 1464, 1424, 1404)]
    [InlineData("--kind geneve --options 8 --underlay ipv6", 78, 1422, 1382, 1362)]
    [InlineData("--kind gre --options 4", 28, 1472, 1432, 1412)]
    [InlineData("--kind gretap", 38, 1462, 1422, 1402)]
    [InlineData("--kind ipip", 20, 1480, 1440, 1420)]
    [InlineData("--kind ipip --underlay ipv6 --options 8", 48, 1452, 1412, 1392)]
    [InlineData("--kind gue", 32, 1468, 1428, 1408)]
    [InlineData("--kind fou", 28, 1472, 1432, 1412)]
    [InlineData("--kind udp", 28, 1472, 1432, 1412)]
    [InlineData("--kind wireguard", 60, 1440, 1400, 1380)]
    [InlineData("--kind wireguard --underlay ipv6", 80, 1420, 1380, 1360)]
    [InlineData("--kind vxlan --stack wireguard-padded/ipv6", 142, 1358, 1318, 1298)]
    [InlineData("--kind vxlan --underlay ipv6 --stack wireguard,vlan", 154, 1346, 1306, 1286)]
    [InlineData("--kind vxlan --stack esp-cbc-transport", 92, 1408, 1368, 1348)]
    [InlineData("--kind vxlan --stack +100", 150, 1350, 1310, 1290)]
    [InlineData("--kind vxlan --stack vlan,pppoe,mpls --link 9000", 66, 8934, 8894, 8874)]
    [InlineData("--kind vxlan --device 1500 --underlay ipv6", 70, 1500, 1460, 1440)]
    [InlineData("--kind vxlan --link 1300", 50, 1250, 1210, null)]
    public async Task Json_has_overhead_inner_MTU_and_MSS(string arguments, int overhead, int innerMtu, int mss4, int? mss6)
    {
        ProcessResult result = await ProcessResult.OverlaydAsync(["mtu", .. arguments.Split(' '), "--json"]);
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        JsonElement root = JsonElement.Parse(result.Output);
        Assert.Equal((overhead, innerMtu, mss4), (root.GetProperty("overhead").GetInt32(), root.GetProperty("innerMtu").GetInt32(), root.GetProperty("mss4").GetInt32()));
        Assert.Equal(mss6, root.GetProperty("mss6").ValueKind == JsonValueKind.Null ? null : root.GetProperty("mss6").GetInt32());
        JsonElement[] layers = [.. root.GetProperty("layers").EnumerateArray()];
        Assert.Equal(innerMtu, layers[0].GetProperty("innerMtu").GetInt32());
        Assert.Equal(innerMtu + overhead, layers[^1].GetProperty("outerMtu").GetInt32());
        Assert.Equal(layers.Skip(1).Select(layer => layer.GetProperty("innerMtu").GetInt32()), layers.SkipLast(1).Select(layer => layer.GetProperty("outerMtu").GetInt32()));
        Assert.All(layers, layer => Assert.Equal(
            layer.GetProperty("overhead").GetInt32(), layer.GetProperty("parts").EnumerateArray().Sum(part => part.GetProperty("length").GetInt32())));
    }

    [Fact]
    public async Task A_person_reads_a_table()
    {
        ProcessResult result = await ProcessResult.OverlaydAsync("mtu", "--kind", "vxlan", "--link", "1500", "--underlay", "ipv6", "--stack", "vlan");
        Assert.StartsWith(
            """
            LAYER       BYTES   MTU  OF
            link               1500
            vlan            4  1496  802.1Q 4
            vxlan/ipv6     70  1426  IPv6 40, UDP 8, vxlan 8, Ethernet 14

            device mtu 1426, overhead 74; TCP MSS 1386 over IPv4, 1366 over IPv6

            SYSTEM          LAYERS      BYTES   MTU  DIFFERENCE    WHY
            Linux           vxlan/ipv6     70  1426  none          IPv6 40 instead of 20

            """,
            result.Output, StringComparison.Ordinal);
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
    }

    [Fact]
    public async Task The_numbers_of_others_stand_beside_it()
    {
        ProcessResult result = await ProcessResult.OverlaydAsync("mtu", "--kind", "vxlan", "--underlay", "ipv6", "--json");
        string[] peers =
        [
            .. JsonElement.Parse(result.Output).GetProperty("peers").EnumerateArray()
                .Select(peer => $"{peer.GetProperty("system")} {peer.GetProperty("overhead")} {peer.GetProperty("innerMtu")} {peer.GetProperty("difference")}"),
        ];
        Assert.Equal(["Linux 70 1430 0", "Calico 70 1430 0", "Cilium 70 1430 0", "flannel 50 1450 20", "Antrea 70 1430 0", "OVN-Kubernetes   "], peers);
        // Stacked: both numbers of those who have both.
        result = await ProcessResult.OverlaydAsync("mtu", "--kind", "vxlan", "--stack", "wireguard/ipv6,vlan", "--json");
        Assert.Contains(
            "Cilium 145 1351 -15",
            JsonElement.Parse(result.Output).GetProperty("peers").EnumerateArray()
                .Select(peer => $"{peer.GetProperty("system")} {peer.GetProperty("overhead")} {peer.GetProperty("innerMtu")} {peer.GetProperty("difference")}"));
    }

    [Theory]
    [InlineData("overlayd: 'vxlam' is no layer; vxlan, vxlan-gpe, ", "--kind vxlam")]
    [InlineData("overlayd: 'ipv5' is no underlay; ipv4 or ipv6 is right", "--kind vxlan --stack wireguard/ipv5")]
    [InlineData("overlayd: 'x' is no number of bytes", "--kind vxlan --stack geneve+x")]
    [InlineData("overlayd: vxlan cannot have 4 bytes of options; it has none", "--kind vxlan --options 4")]
    [InlineData("overlayd: geneve cannot have 256 bytes of options; multiples of 4 up to 252 are right", "--kind geneve --options 256")]
    [InlineData("overlayd: ipip over IPv4 cannot have 8 bytes of options; it has none", "--kind ipip --options 8")]
    [InlineData("overlayd: ipip has no inner Ethernet here", "--kind ipip --inner-vlans 1")]
    [InlineData("overlayd: wireguard has no inner Ethernet", "--kind wireguard --inner-vlans 1")]
    [InlineData("overlayd: gretap carries Ethernet only", "--kind gretap --inner-ip")]
    [InlineData("overlayd: the MTU 117 does not do", "--kind vxlan --link 117")]
    [InlineData("overlayd: the MTU 67 does not do", "--kind vxlan --device 67")]
    [InlineData("overlayd: mtu takes either --link or --device.", "--kind vxlan --link 1500 --device 1450")]
    [InlineData("overlayd: --inner-vlans is 0 to 2.", "--kind vxlan --inner-vlans 3")]
    [InlineData("overlayd: Option '--kind' is required.", "--json")]
    public async Task A_bad_command_line_is_exit_2(string message, string arguments)
    {
        ProcessResult result = await ProcessResult.OverlaydAsync(["mtu", .. arguments.Split(' ')]);
        Assert.Equal((2, ""), (result.ExitCode, result.Output));
        Assert.StartsWith(message, result.Error, StringComparison.Ordinal);
    }
}
