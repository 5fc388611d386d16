using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>A worker that has seen its traffic once allocates nothing for the rest of it: no garbage, so no pause.</summary>
[Collection(FloodCollection.Name)]
public sealed class SteadyStateTests
{
    private const int Packets = 20_000;
    private const long StreamBytes = 50_000_000;

    // The runtime may allocate on this thread while it swaps in optimised code; what allocates per packet does so in every window.
    private const int Windows = 4;

    [Fact]
    public void A_vxlan_worker_allocates_nothing_per_packet()
    {
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        OverlayTables tables = new();
        Vni vni = new(VtepLab.Vni);
        tables.Apply(OverlayUpdate.AddFlood(vni, VtepLab.Peer));
        tables.Apply(OverlayUpdate.SetForwarding(vni, MacAddress.Parse(PeerLab.PeerMac), new FdbEntry(VtepLab.Peer)));
        using WorkerHost worker = new(
            lab.Us,
            new TunnelOptions
            {
                Name = PeerLab.Device,
                Kind = TunnelKind.Vxlan,
                Vni = vni,
                Local = VtepLab.Ours,
                Layer = DeviceLayer.Ethernet,
                DeviceMac = MacAddress.Parse(PeerLab.OurMac),
                Learning = true,
            },
            tables, "10.42.0.1", 24, route: null);
        using UdpEcho echo = new(lab.Them, "10.42.0.2");
        using UdpProbe probe = new(lab.Us, echo);
        AssertZero(probe, () => Transfer(lab, "10.42.0.2", "10.42.0.1"), worker);
    }

    [Fact]
    public void An_ip_in_ip_worker_allocates_nothing_per_packet()
    {
        using PeerLab lab = new();
        using WorkerHost ours = Start(lab.Us, VtepLab.Ours, "10.246.1.1", "10.246.2.0/24", VtepLab.Peer);
        using WorkerHost theirs = Start(lab.Them, VtepLab.Peer, "10.246.2.1", "10.246.1.0/24", VtepLab.Ours);
        using UdpEcho echo = new(lab.Them, "10.246.2.1");
        using UdpProbe probe = new(lab.Us, echo);
        AssertZero(probe, () => Transfer(lab, "10.246.2.1", "10.246.1.1"), ours, theirs);

        static WorkerHost Start(Netns netns, ValueIPAddress local, string address, string prefix, ValueIPAddress remote)
        {
            OverlayTables tables = new();
            tables.Apply(OverlayUpdate.SetRoute(System.Net.IPNetwork.Parse(prefix), new RouteEntry(remote)));
            TunnelOptions options = new() { Name = "ip4", Kind = TunnelKind.IPInIP, Local = local, Layer = DeviceLayer.IP };
            return new WorkerHost(netns, options, tables, address, 32, prefix);
        }
    }

    private static void Transfer(PeerLab lab, string theirs, string ours)
    {
        Assert.True(TcpTransfer.Run(lab.Us, lab.Them, theirs, StreamBytes).IsIntact);
        Assert.True(TcpTransfer.Run(lab.Them, lab.Us, ours, StreamBytes).IsIntact);
    }

    private static void AssertZero(UdpProbe probe, Action transfer, params WorkerHost[] workers)
    {
        void Traffic()
        {
            probe.Pump(Packets);
            transfer();
        }

        Traffic();
        foreach (WorkerHost worker in workers)
        {
            List<long> windows = [];
            do
            {
                (long bytes, long fromDevice, long fromUnderlay) = worker.Measure(() => probe.Pump(10), Traffic);
                Assert.InRange(fromDevice, Packets, long.MaxValue);
                Assert.InRange(fromUnderlay, Packets, long.MaxValue);
                windows.Add(bytes);
            }
            while (windows[^1] != 0 && windows.Count < Windows);

            Assert.True(windows[^1] == 0, $"In each of {windows.Count} windows the worker allocated: {string.Join(", ", windows)} bytes.");
            Assert.Equal((0, 0), (worker.Tunnel.Egress.TotalDrops, worker.Tunnel.Ingress.TotalDrops));
        }
    }
}
