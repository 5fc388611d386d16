using System.Globalization;
using System.Text.Json;
using Overlay.Linux.Tests.EndToEnd;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.Cluster;

/// <summary>A permitted remote sends frames of more stations than the table may hold.</summary>
public sealed class MacFloodTests
{
    private const uint Vni = 42;
    private const int MaxEntries = 4_096;
    private const int Sources = 240_000;
    private const int WarmSources = 40_000;
    private const int SegmentCount = 50;
    private const int Window = 1_000;

    // The smallest thing that could be kept of an address, itself and a remote, has 12 bytes: less than that for each.
    private const long MaxGrowth = 12 * (Sources - WarmSources) * 8 / 10;

    [Fact]
    public async Task Random_sources_fill_the_table_and_no_memory_and_known_stations_lose_nothing()
    {
        using VtepCluster cluster = new(2);
        cluster.AddKernelVtep(2, Vni, [1], "10.42.0.2/24");
        // With its warm-up: what the compiler needs, too, is there before memory is looked at.
        using OverlayDaemon daemon = OverlayDaemon.Start(
            cluster[1], cluster.Tunnel(1, Vni, [2], "10.42.0.1/24", more: $$""" "learning": { "maxEntries": {{MaxEntries}} } """));
        using UdpEcho echo = new(cluster[2], "10.42.0.2");
        using UdpProbe probe = new(cluster[1], echo);
        probe.Pump(1_000);
        VtepCluster.AwaitEntries(daemon, Vni, 1);
        long knownOut = OverlayDaemon.Counter(daemon.Query(), VtepCluster.Device(Vni), "egress", "replicated");

        using UdpApplication attacker = new(cluster[2], cluster.Address(2), 0);
        Sender sender = new(attacker, cluster.Address(1), cluster[1]);
        sender.Send(WarmSources);
        // It has been full for a while: what it needs it has.
        VtepCluster.AwaitEntries(daemon, Vni, MaxEntries);
        long before = ResidentBytes(daemon);

        using (CancellationTokenSource stop = new())
        {
            int pumped = 0;
            var pump = Task.Run(() =>
            {
                while (!stop.IsCancellationRequested)
                {
                    // Each must come back.
                    probe.Pump(100, window: 8);
                    pumped += 100;
                }
            }, TestContext.Current.CancellationToken);
            sender.Send(Sources - WarmSources);
            await stop.CancelAsync();
            await pump;
            Assert.InRange(pumped, 100, int.MaxValue);
        }

        long growth = ResidentBytes(daemon) - before;
        Assert.True(growth < MaxGrowth, $"The daemon has grown by {growth} bytes, from {before}.");

        // One frame of each source: each was learned, or refused, or found the queue full.
        JsonElement status = Books.Settled(daemon);
        Books.AssertBalanced(status);
        JsonElement learning = VtepCluster.Learning(daemon, Vni);
        long entries = learning.GetProperty("entries").GetInt64();
        long full = learning.GetProperty("refused").GetProperty("full").GetInt64();
        long queueFull = learning.GetProperty("queueFull").GetInt64();
        Assert.Equal(MaxEntries, entries);
        // The one that was there before is the kernel's device.
        Assert.True(entries - 1 + full + queueFull == Sources, $"{learning}");
        Assert.Equal(0, learning.GetProperty("moves").GetInt64());
        Assert.Equal(0, status.GetProperty("tunnels")[0].GetProperty("endpoint").GetProperty("kernelDrops").GetInt64());
        Assert.Equal(0, OverlayDaemon.Drops(status, VtepCluster.Device(Vni), "ingress") + OverlayDaemon.Drops(status, VtepCluster.Device(Vni), "egress"));
        // The known station was never flooded to: it kept its place.
        Assert.Equal(knownOut, OverlayDaemon.Counter(status, VtepCluster.Device(Vni), "egress", "replicated"));
    }

    private static long ResidentBytes(OverlayDaemon daemon)
    {
        string line = File.ReadLines($"/proc/{daemon.ProcessId}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return 1024 * long.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }

    /// <summary>
    /// Sends frames, each from another source, no faster than they are taken: what a socket buffer loses has met no table. The kernel is asked whether they
    /// were, since each question to the daemon leaves garbage in it.
    /// </summary>
    private sealed class Sender(UdpApplication socket, string address, Netns receiver)
    {
        private static readonly MacAddress Nobody = MacAddress.Parse("02:00:00:00:0f:ff");
        private readonly Random _random = new(7348);
        private readonly HashSet<long> _used = [];

        public void Send(int count)
        {
            for (int sent = 0; sent < count; sent += Window)
            {
                for (int train = 0; train < Window / SegmentCount; train++)
                {
                    byte[][] datagrams = [.. Enumerable.Range(0, SegmentCount).Select(_ => VtepLab.Vxlan(Vni, PacketBuilder.Ethernet(Nobody, Next(), (EtherType)0x88B5, new byte[46])))];
                    socket.SendSegments(datagrams.SelectMany(datagram => datagram).ToArray(), datagrams[0].Length, address, 4789);
                }

                Wait.Until(() => Kernel.UdpQueue(receiver, 4789) == 0, () => $"{Kernel.UdpQueue(receiver, 4789)} bytes wait at the port");
            }
        }

        private MacAddress Next()
        {
            while (true)
            {
                // Locally administered, unicast.
                long value = (_random.NextInt64() & 0xFCFF_FFFF_FFFF) | 0x0200_0000_0000;
                if (_used.Add(value))
                {
                    return MacAddress.FromValue((ulong)value);
                }
            }
        }
    }
}
