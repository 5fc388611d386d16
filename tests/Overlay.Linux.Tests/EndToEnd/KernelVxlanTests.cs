using System.Globalization;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>overlayd and the kernel's vxlan device at the two ends of one tunnel.</summary>
[Collection(FloodCollection.Name)]
public sealed class KernelVxlanTests
{
    private const long Gigabyte = 1_000_000_000;
    private const int FloodCount = 10_000;

    private static bool IsLong => Environment.GetEnvironmentVariable("OVERLAY_LONG") == "1";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Ten_thousand_pings_come_back(bool ipv6Underlay)
    {
        using PeerLab lab = new(ipv6Underlay);
        lab.AddKernelVxlan();
        using OverlayDaemon daemon = lab.StartDaemon();
        // The devices agree on the MTU without being told.
        Assert.Equal(ipv6Underlay ? 1430 : 1450, daemon.Query().GetProperty("tunnels")[0].GetProperty("device").GetProperty("mtu").GetInt32());
        Assert.Contains($"mtu {(ipv6Underlay ? 1430 : 1450)} ", lab.Them.Ip("link", "show", PeerLab.Device).Output, StringComparison.Ordinal);
        Ping flood = Ping.Run(lab.Us, "10.42.0.2", FloodCount, "-f", "-W", "10");
        Assert.True(flood is { Sent: FloodCount, Lost: 0 }, flood.Output);
        Ping inner6 = Ping.Run(lab.Them, "fd42::1", FloodCount / 10, "-f", "-W", "10", "-s", "1000");
        Assert.True(inner6 is { Sent: FloodCount / 10, Lost: 0 }, inner6.Output);
        Books.AssertBalanced(Books.Settled(daemon));
        lab.AssertNoFragments();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Tcp_carries_every_byte_each_way(bool ipv6Underlay)
    {
        using PeerLab lab = new(ipv6Underlay);
        lab.AddKernelVxlan();
        using OverlayDaemon daemon = lab.StartDaemon();
        long bytes = ipv6Underlay && !IsLong ? Gigabyte / 10 : Gigabyte;
        AssertIntact(TcpTransfer.Run(lab.Us, lab.Them, "10.42.0.2", bytes, seed: 1), bytes);
        AssertIntact(TcpTransfer.Run(lab.Them, lab.Us, "10.42.0.1", bytes, seed: 2), bytes);
        long inner6 = IsLong ? Gigabyte : Gigabyte / 50;
        AssertIntact(TcpTransfer.Run(lab.Us, lab.Them, "fd42::2", inner6, seed: 3), inner6);
        AssertIntact(TcpTransfer.Run(lab.Them, lab.Us, "fd42::1", inner6, seed: 4), inner6);
        Books.AssertBalanced(Books.Settled(daemon));
        lab.AssertNoFragments();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Udp_of_every_size_comes_back_unchanged(bool ipv6Underlay)
    {
        using PeerLab lab = new(ipv6Underlay);
        lab.AddKernelVxlan();
        using OverlayDaemon daemon = lab.StartDaemon();
        // Up to the MTU of 1450 without the IP and UDP headers; over IPv6 the last ones are fragments within the tunnel. Then some that always are.
        int[] sizes = [.. Enumerable.Range(1, 1422), 1423, 4_000, 9_000, 65_507];
        Exchange(lab.Us, lab.Them, "10.42.0.2", sizes);
        Exchange(lab.Them, lab.Us, "10.42.0.1", sizes);
        int[] sizes6 = [1, 2, 1280, 1382, 1402, 1403, 9_000];
        Exchange(lab.Us, lab.Them, "fd42::2", sizes6);
        Exchange(lab.Them, lab.Us, "fd42::1", sizes6);
        Books.AssertBalanced(Books.Settled(daemon));
        // The tunnel's own namespace fragments inner packets, so only what the outer ones show counts here.
        Assert.Equal(0, OverlayDaemon.Drops(daemon.Query(), "vx42", "egress"));
        Assert.Equal(0, OverlayDaemon.Drops(daemon.Query(), "vx42", "ingress"));
    }

    [Theory]
    [InlineData(false, "udp")]
    [InlineData(true, "udp")]
    [InlineData(false, "tunnelGso")]
    [InlineData(true, "tunnelGso")]
    public void Every_checksum_on_the_wire_is_right_and_no_outer_packet_is_a_fragment(bool ipv6Underlay, string transport)
    {
        Requires.Tool("tshark");
        using PeerLab lab = new(ipv6Underlay);
        // Else checksums are not finished on a veth, and superpackets cross it whole: neither is what a wire carries.
        lab.Us.EthtoolOff("u0", "tx", "gro");
        lab.Them.EthtoolOff("u1", "tx", "gro");
        lab.AddKernelVxlan();
        using OverlayDaemon daemon = lab.StartDaemon($", \"transport\": \"{transport}\"");
        using WireLog log = new(lab.Them, "u1");
        Assert.Equal(0, Ping.Run(lab.Us, "10.42.0.2", 10, "-i", "0.01", "-s", "1000").Lost);
        Assert.Equal(0, Ping.Run(lab.Us, "fd42::2", 10, "-i", "0.01", "-s", "1000").Lost);
        int largest = ipv6Underlay ? 1402 : 1422;
        foreach ((Netns from, Netns to, int host) in new[] { (lab.Us, lab.Them, 2), (lab.Them, lab.Us, 1) })
        {
            Exchange(from, to, $"10.42.0.{host}", [1, 2, 3, 100, largest - 1, largest]);
            Exchange(from, to, $"fd42::{host}", [1, 2, 3, 100, largest - 21, largest - 20]);
            AssertIntact(TcpTransfer.Run(from, to, $"10.42.0.{host}", 1_000_000), 1_000_000);
            AssertIntact(TcpTransfer.Run(from, to, $"fd42::{host}", 300_000), 300_000);
        }

        string[] fields =
        [
            "ip.checksum.status", "udp.checksum.status", "tcp.checksum.status", "icmp.checksum.status", "icmpv6.checksum.status",
            "ip.src", "ipv6.src", "ip.ttl", "ipv6.hlim", "ip.flags.mf", "ip.frag_offset", "ipv6.fraghdr.nxt",
            "udp.srcport", "udp.dstport", "vxlan.vni", "vxlan.flags", "frame.len", "frame.protocols",
        ];
        string[][] packets = log.Stop("udp.port == 4789", fields);
        int ours = 0;
        foreach (string[] packet in packets)
        {
            string text = string.Join(", ", fields.Zip(packet, (field, value) => $"{field}={value}"));
            string[] Values(string field) => packet[Array.IndexOf(fields, field)].Split(Tshark.Aggregator, StringSplitOptions.RemoveEmptyEntries);
            bool isOurs = Values(ipv6Underlay ? "ipv6.src" : "ip.src")[0] == lab.Local;
            for (int i = 0; i < 5; i++)
            {
                // 1 is Good; 0 Bad, 2 Unverified, 3 Not present. Of the kernel's packets only the outer ones are judged: on a busy machine a bare
                // acknowledgment of its was seen to leave with a wrong inner one, rarely, and nobody knows why.
                bool isOuter = fields[i] == "udp.checksum.status" || (fields[i] == "ip.checksum.status" && !ipv6Underlay);
                Assert.True(Values(fields[i]).Take(isOurs ? int.MaxValue : isOuter ? 1 : 0).All(status => status == "1"), text);
            }

            Assert.NotEmpty(Values("udp.checksum.status"));
            Assert.True(Values("ip.flags.mf").All(flag => flag is "0" or "False") && Values("ip.frag_offset").All(offset => offset == "0"), text);
            Assert.Empty(Values("ipv6.fraghdr.nxt"));
            Assert.Equal(("4789", "42"), (Values("udp.dstport")[0], Values("vxlan.vni").Single()));
            Assert.Equal("0x0800", Values("vxlan.flags").Single());
            Assert.Equal("64", Values(ipv6Underlay ? "ipv6.hlim" : "ip.ttl")[0]);
            Assert.InRange(int.Parse(Values("frame.len")[0], CultureInfo.InvariantCulture), 1, 1514);
            if (isOurs)
            {
                ours++;
                Assert.InRange(int.Parse(Values("udp.srcport")[0], CultureInfo.InvariantCulture), 49_152, 65_535);
            }
        }

        // About 1000 full segments and their acknowledgements, pings and datagrams; far from none, which would prove nothing.
        Assert.InRange(ours, 1_000, 20_000);
        Assert.InRange(packets.Length - ours, 1_000, 20_000);
        foreach (string inner in new[] { ":arp", ":tcp", ":icmp:", ":icmpv6" })
        {
            Assert.Contains(packets, packet => packet[^1].Split("vxlan")[1].Contains(inner, StringComparison.Ordinal));
        }

        Assert.Equal(transport, daemon.Query().GetProperty("tunnels")[0].GetProperty("endpoint").GetProperty("transport").GetString());

        lab.AssertNoFragments();
    }

    private static void Exchange(Netns from, Netns to, string address, int[] sizes)
    {
        using UdpEcho echo = new(to, address);
        using UdpProbe probe = new(from, echo);
        probe.Exchange(sizes);
    }

    private static void AssertIntact(TcpTransferResult result, long bytes)
    {
        Assert.Equal(bytes, result.ReceivedBytes);
        Assert.Equal(result.SentHash, result.ReceivedHash);
    }
}
