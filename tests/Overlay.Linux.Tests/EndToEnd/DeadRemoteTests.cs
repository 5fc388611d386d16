using System.Buffers.Binary;
using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>One remote refuses, one does not exist: nothing of what goes to the living one is lost.</summary>
public sealed class DeadRemoteTests
{
    private const int Port = 2000;
    private const int Rounds = 3000;
    private const int Window = 32;

    [Fact]
    public void Icmp_for_dead_remotes_loses_nothing_of_the_living_one()
    {
        using BridgedHosts hosts = new(3);
        hosts.AddKernelVxlan(2);
        // Host 3 has no VTEP; it says so every time. 192.0.2.9 does not answer ARP.
        hosts[3].Sysctl("net.ipv4.icmp_ratelimit", "0");
        hosts[3].Sysctl("net.ipv4.icmp_msgs_per_sec", "100000");
        hosts[3].Sysctl("net.ipv4.icmp_msgs_burst", "100000");
        string stations = $$"""
            "fdb": [ { "mac": "{{BridgedHosts.Mac(2)}}", "remote": "192.0.2.2" }, { "mac": "{{BridgedHosts.Mac(3)}}", "remote": "192.0.2.3" },
                     { "mac": "{{BridgedHosts.Mac(9)}}", "remote": "192.0.2.9" } ]
            """;
        // With one source port all of them share one socket, and each error hits whoever sends next.
        using OverlayDaemon daemon = OverlayDaemon.Start(hosts[1], TunnelJson.Tap(
            mac: BridgedHosts.Mac(1), flood: ["192.0.2.3", "192.0.2.2", "192.0.2.9"], more: $$"""{{stations}}, "policy": { "sourcePortCount": 1 }"""));
        foreach (int station in (int[])[2, 3, 9])
        {
            hosts[1].Ip("neigh", "replace", $"10.42.0.{station}", "lladdr", BridgedHosts.Mac(station).ToString(), "dev", "vx42", "nud", "permanent");
        }

        using UdpApplication one = new(hosts[1], "10.42.0.1", Port);
        using UdpApplication two = new(hosts[2], "0.0.0.0", Port);
        byte[] datagram = PacketBuilder.Payload(200);
        for (int i = 0; i < Rounds; i++)
        {
            BinaryPrimitives.WriteInt32BigEndian(datagram, i);
            datagram[4] = 0;
            one.Send(datagram, "10.42.0.3", Port);
            one.Send(datagram, "10.42.0.2", Port);
            one.Send(datagram, "10.42.0.9", Port);
            datagram[4] = 1;
            one.Send(datagram, "10.42.0.255", Port);
            int target = (2 * i) - Window;
            Wait.Until(() => two.Count >= target, () => $"{two.Count} datagrams of {target}");
        }

        byte[][] received = two.Take(2 * Rounds);
        for (int flooded = 0; flooded <= 1; flooded++)
        {
            // Order is kept within a flow; copies of what is flooded may come after unicast that was read with it.
            Assert.Equal(
                Enumerable.Range(0, Rounds), received.Where(bytes => bytes[4] == flooded).Select(bytes => BinaryPrimitives.ReadInt32BigEndian(bytes)));
        }

        // One for each train that was refused, and one for each burst that ARP gave up.
        Assert.InRange(VtepLab.Snmp(hosts[1], "Icmp", "InDestUnreachs"), 100, long.MaxValue);

        // Every packet is in the books: six for each round.
        JsonElement status = daemon.Query();
        Wait.Until(() => Accounted(status = daemon.Query()) == 6 * Rounds, () => $"not {6 * Rounds} packets in the books: {status}");
        Assert.Equal(2 * Rounds, OverlayDaemon.Counter(status, "vx42", "egress", "replicated"));
        Assert.Equal(OverlayDaemon.Drops(status, "vx42", "egress"), OverlayDaemon.Counter(status, "vx42", "egress", "drops.send-failed"));
    }

    private static long Accounted(JsonElement status) =>
        OverlayDaemon.Counter(status, "vx42", "egress", "txPackets") + OverlayDaemon.Drops(status, "vx42", "egress");
}
