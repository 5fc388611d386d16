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
        Mesh[] meshes = [ours, mixed];
        foreach (Mesh mesh in meshes)
        {
            foreach (MacAddress everybody in Flooded)
            {
                mesh.Deliveries.Send(mesh.Hosts[0], everybody, [0, 10, 10]);
                mesh.Deliveries.Send(mesh.Hosts[1], everybody, [10, 0, 10]);
                mesh.Deliveries.Send(mesh.Hosts[2], everybody, [10, 10, 0]);
            }
        }

        JsonElement[] books = [.. Daemons(meshes).Select(each => Books.Settled(each.Daemon))];
        Thread.Sleep(Quiet);
        foreach (Mesh mesh in meshes)
        {
            mesh.Deliveries.AssertAll();
        }

        Assert.Equal(books.Select(Packets), Daemons(meshes).Select(each => Packets(each.Daemon.Query())));
        foreach ((OverlayDaemon daemon, Mesh mesh, int host) in Daemons(meshes))
        {
            // From the device what its host sent and nothing else, twice to the underlay; from there what the other two sent, once.
            int sent = mesh.Hosts[host].Sent;
            int others = mesh.Hosts.Sum(station => station.Sent) - sent;
            Assert.Equal((sent, 2 * sent, sent, others, others), Packets(daemon.Query()));
        }
    }

    private static IEnumerable<(OverlayDaemon Daemon, Mesh Mesh, int Host)> Daemons(Mesh[] meshes) =>
        [(meshes[0].Daemon(1), meshes[0], 0), (meshes[0].Daemon(2), meshes[0], 1), (meshes[0].Daemon(3), meshes[0], 2),
            (meshes[1].Daemon(1), meshes[1], 0), (meshes[1].Daemon(2), meshes[1], 1)];

    private static (long FromDevice, long ToUnderlay, long Replicated, long FromUnderlay, long ToDevice) Packets(JsonElement status)
    {
        Books.AssertBalanced(status);
        long Of(string direction, string counter) => OverlayDaemon.Counter(status, VtepCluster.Device(Mesh.Vni), direction, counter);
        return (Of("egress", "rxPackets"), Of("egress", "txPackets"), Of("egress", "replicated"), Of("ingress", "rxPackets"), Of("ingress", "txPackets"));
    }
}
