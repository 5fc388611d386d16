using System.Text.Json;
using Overlay.Linux.Tests.EndToEnd;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.Cluster;

/// <summary>One VTEP of a mesh dies without a word and comes back.</summary>
public sealed class MeshRestartTests
{
    private const int Killed = 137;
    private static readonly string Device = VtepCluster.Device(Mesh.Vni);

    [Theory]
    [InlineData("udp")]
    [InlineData("tunnelGso")]
    public void A_vtep_that_is_killed_leaves_nothing_and_learns_again_while_the_others_go_on(string transport)
    {
        using Mesh mesh = new(kernelThird: false, more: $""" "transport": "{transport}" """);
        (Station one, Station two, Station three) = (mesh.Hosts[0], mesh.Hosts[1], mesh.Hosts[2]);
        foreach (Station host in mesh.Hosts)
        {
            mesh.Deliveries.Send(host, MacAddress.Broadcast, [.. mesh.Hosts.Select(other => other == host ? 0 : 10)]);
        }

        // Each has heard both others' hosts.
        for (int number = 1; number <= 3; number++)
        {
            VtepCluster.AwaitEntries(mesh.Daemon(number), Mesh.Vni, 2);
        }

        mesh.Deliveries.Send(one, two.Mac, [0, 10, 0]);
        mesh.Deliveries.Send(two, three.Mac, [0, 0, 10]);
        mesh.Deliveries.Send(three, one.Mac, [10, 0, 0]);
        (int, string?, string?) parameters = Parameters(mesh);

        // In the middle of traffic from both sides.
        one.Send(run: -1, count: 200, two.Mac);
        two.Send(run: -2, count: 200, MacAddress.Broadcast);
        Assert.Equal(Killed, mesh.Daemon(2).Stop("KILL").ExitCode);
        Assert.DoesNotContain(mesh.Cluster.Devices(2), device => device == Device || device.StartsWith("ovl", StringComparison.Ordinal));
        foreach (string table in (string[])["udp", "udp6", "raw", "raw6", "packet"])
        {
            // The first line is the heading.
            Assert.Single(mesh.Cluster[2].Run(() => File.ReadAllLines($"/proc/thread-self/net/{table}")));
        }

        // The host and its VTEP are gone for the others; what they say to each other is not concerned.
        Deliveries pair = new([one, three], from => [from == one ? three : one], firstRun: 1_000);
        pair.Send(three, one.Mac, [10, 0]);
        pair.Send(one, two.Mac, [0, 0]);
        pair.Send(one, MacAddress.Broadcast, [0, 10]);
        pair.AssertAll();

        mesh.Start(2);
        mesh.Cluster.Attach(2, Mesh.Vni, Device);
        Assert.Equal(parameters, Parameters(mesh));
        // The others still know where it is.
        mesh.Deliveries.Send(one, two.Mac, [0, 10, 0]);
        VtepCluster.AwaitEntries(mesh.Daemon(2), Mesh.Vni, 1);
        Assert.Equal(0, Replicated(mesh));
        mesh.Deliveries.Send(two, three.Mac, [0, 0, 10]);
        // It knew nothing of the third: those ten, and the broadcast behind them, were flooded.
        Assert.Equal(11, Replicated(mesh));
        mesh.Deliveries.Send(three, two.Mac, [0, 10, 0]);
        VtepCluster.AwaitEntries(mesh.Daemon(2), Mesh.Vni, 2);
        long before = Replicated(mesh);
        mesh.Deliveries.Send(two, three.Mac, [0, 0, 10]);
        mesh.Deliveries.Send(two, one.Mac, [10, 0, 0]);
        // Only the two broadcasts behind them.
        Assert.Equal(before + 2, Replicated(mesh));
        mesh.Deliveries.AssertAll();
        for (int number = 1; number <= 3; number++)
        {
            Books.AssertBalanced(Books.Settled(mesh.Daemon(number)));
        }
    }

    private static (int Mtu, string? Mac, string? Bridge) Parameters(Mesh mesh)
    {
        using var document = JsonDocument.Parse(mesh.Cluster[2].Ip("-j", "link", "show", "dev", Device).Output);
        JsonElement link = document.RootElement[0];
        return (link.GetProperty("mtu").GetInt32(), link.GetProperty("address").GetString(), link.GetProperty("master").GetString());
    }

    private static long Replicated(Mesh mesh) => OverlayDaemon.Counter(Books.Settled(mesh.Daemon(2)), Device, "egress", "replicated");
}
