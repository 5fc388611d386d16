using System.Text.Json;
using Overlay.Linux.Tests.EndToEnd;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.Cluster;

/// <summary>Three VTEPs, each of which floods to both others, with a bridge at each: whoever sent a flooded frame on would make it go round for ever.</summary>
public sealed class FullMeshTests
{
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(5);

    private static readonly MacAddress[] Flooded =
        [MacAddress.Broadcast, MacAddress.Parse("01:00:5e:01:02:03"), MacAddress.Parse("33:33:00:00:00:fb"), MacAddress.Parse("02:00:00:00:0f:01")];

    [Fact]
    public void A_flooded_frame_arrives_once_everywhere_and_nothing_returns()
    {
        using Mesh ours = new(kernelThird: false);
        using Mesh mixed = new(kernelThird: true);
        using Mesh byGroup = new(kernelThird: true, group: "239.1.1.1");
        Mesh[] meshes = [ours, mixed, byGroup];
        foreach (Mesh mesh in meshes)
        {
            foreach (MacAddress everybody in Flooded)
            {
                mesh.Deliveries.Send(mesh.Hosts[0], everybody, [0, 10, 10]);
                mesh.Deliveries.Send(mesh.Hosts[1], everybody, [10, 0, 10]);
                mesh.Deliveries.Send(mesh.Hosts[2], everybody, [10, 10, 0]);
            }
        }

        (Mesh Mesh, int Number)[] ends = [.. meshes.SelectMany(mesh => mesh.Ours.Select(number => (mesh, number)))];
        Assert.Equal(7, ends.Length);
        Assert.All(ends, end => AssertBooks(end.Mesh, end.Number));
        Thread.Sleep(Quiet);
        Assert.All(meshes, mesh => mesh.Deliveries.AssertAll());
        Assert.All(ends, end => AssertBooks(end.Mesh, end.Number));
    }

    /// <summary>From the device what its host sent and nothing else, copied to the underlay; from there what the other two sent, once.</summary>
    private static void AssertBooks(Mesh mesh, int number)
    {
        JsonElement status = Books.Settled(mesh.Daemon(number));
        Books.AssertBalanced(status);
        int sent = mesh.Hosts[number - 1].Sent;
        int others = mesh.Hosts.Sum(station => station.Sent) - sent;
        Assert.Equal((sent, mesh.Copies * sent, (mesh.Copies - 1) * sent, others, others), Packets(status));
    }

    private static (long FromDevice, long ToUnderlay, long Replicated, long FromUnderlay, long ToDevice) Packets(JsonElement status)
    {
        long Of(string direction, string counter) => OverlayDaemon.Counter(status, VtepCluster.Device(Mesh.Vni), direction, counter);
        return (Of("egress", "rxPackets"), Of("egress", "txPackets"), Of("egress", "replicated"), Of("ingress", "rxPackets"), Of("ingress", "txPackets"));
    }
}
