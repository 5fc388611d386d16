using System.Globalization;
using System.Text.RegularExpressions;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>What is on the wire with each offload switched off, by tshark: every checksum, outside and inside, is there and right.</summary>
public sealed partial class OffloadChecksumTests
{
    private const int Port = 2000;
    private const int Size = 1200;
    private const int Count = 20;
    private const int Last = 321;
    private const int Bytes = 300_000;

    private static readonly string[] Checksums =
        ["ip.checksum.status", "udp.checksum.status", "tcp.checksum.status", "icmp.checksum.status", "icmpv6.checksum.status"];

    private static readonly string[] Fields = [.. Checksums, "ip.src", "ipv6.src", "frame.len", "frame.protocols"];

    public static TheoryData<string, string, bool> Switches => new()
    {
        { OverlayPair.Udp, "", false },
        { OverlayPair.Udp, "tso", false },
        { OverlayPair.Udp, "uso", false },
        { OverlayPair.Udp, "gro", false },
        { OverlayPair.Udp, "gso", false },
        { OverlayPair.Udp, "tso uso gro gso", false },
        { OverlayPair.Udp, "", true },
        { OverlayPair.Udp, "tso uso gro gso", true },
        { OverlayPair.TunnelGso, "", false },
        { OverlayPair.TunnelGso, "tso uso gro gso", false },
        { OverlayPair.TunnelGso, "", true },
    };

    [Theory]
    [MemberData(nameof(Switches))]
    public void Every_checksum_on_the_wire_is_right(string transport, string off, bool ipv6Underlay)
    {
        Requires.Tool("tshark");
        string[] switches = off.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string offload = string.Join(", ", switches.Select(name => $"\"{name}\": false"));
        // Without tx checksums are finished on a veth and superpackets cut, as on a wire; without gro nobody joins them again behind it.
        using OverlayPair pair = new(transport, OverlayPair.Kernel, ipv6Underlay, linkOff: ["tx", "gro"], more: $"\"offload\": {{ {offload} }}");
        AssertFeature(pair.Hosts[0], "tcp-segmentation-offload", !switches.Contains("tso"));
        AssertFeature(pair.Hosts[0], "tx-udp-segmentation", !switches.Contains("uso"));

        using WireLog wire = new(pair.Hosts[1], OverlayPair.LinkDevice(1));
        int datagrams = 0;
        for (int from = 0; from < 2; from++)
        {
            int to = 1 - from;
            foreach (bool ipv6 in (bool[])[false, true])
            {
                string address = OverlayPair.Inner(to, ipv6);
                using UdpApplication sender = new(pair.Hosts[from], OverlayPair.Inner(from, ipv6), 0);
                using UdpApplication receiver = new(pair.Hosts[to], address, Port);
                sender.SendSegments(NumberedDatagrams.Make(1, Size, Count, Last), Size, address, Port);
                NumberedDatagrams.AssertEqual(receiver.Take(Count + 1), 1, Size, Count, Last);
                datagrams += Count + 1;
                pair.PingOneByOne(from, count: 2, ipv6, size: 1000);
                TcpTransferResult stream = TcpTransfer.Run(pair.Hosts[from], pair.Hosts[to], address, Bytes);
                Assert.True(stream.IsIntact, stream.ToString());
            }
        }

        string[][] packets = wire.Stop("udp.port == 4789", Fields);
        string[] wrong =
        [
            .. packets.Where(packet => packet[..Checksums.Length].Any(Bad) || packet[1].Length == 0)
                .Select(packet => string.Join(", ", Fields.Zip(packet, (field, value) => $"{field}={value}"))),
        ];
        Assert.True(wrong.Length == 0, $"{wrong.Length} of {packets.Length} packets have a checksum that is not good, such as {wrong.FirstOrDefault()}");
        Assert.All(packets, packet => Assert.InRange(int.Parse(packet[^2], CultureInfo.InvariantCulture), 1, 1514));

        // All there: the datagrams, and of each direction as many segments as the streams make in both families.
        Assert.Equal(datagrams, packets.Count(packet => Inner(packet).EndsWith(":udp:data", StringComparison.Ordinal)));
        foreach (string source in new[] { pair.Outer(0), pair.Outer(1) })
        {
            int segments = packets.Count(packet => packet[ipv6Underlay ? 6 : 5].Split(Tshark.Aggregator)[0] == source && Inner(packet).Contains(":tcp", StringComparison.Ordinal));
            Assert.InRange(segments, 2 * Bytes / 1430, 20_000);
        }

        pair.AssertNothingWasLost();
    }

    // 1 is Good; 0 Bad, 2 Unverified, 3 Not present. Nothing: the packet has no such header.
    private static bool Bad(string statuses) => statuses.Split(Tshark.Aggregator, StringSplitOptions.RemoveEmptyEntries).Any(status => status != "1");

    private static string Inner(string[] packet) => packet[^1].Split("vxlan")[1];

    private static void AssertFeature(Netns host, string feature, bool on)
    {
        string features = host.Exec("ethtool", "-k", OverlayPair.Device).Output;
        string value = Feature().Matches(features).Single(match => match.Groups[1].Value == feature).Groups[2].Value;
        Assert.True(value == (on ? "on" : "off"), $"{feature} is {value}:\n{features}");
    }

    [GeneratedRegex(@"^\s*([a-z0-9-]+): (on|off)", RegexOptions.Multiline)]
    private static partial Regex Feature();
}
