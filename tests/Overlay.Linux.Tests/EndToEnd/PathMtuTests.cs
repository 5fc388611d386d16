using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>The way under a tunnel becomes narrower while it is used, and wide again: what still fits goes on at once, and nothing has to be started anew.</summary>
public sealed class PathMtuTests
{
    private const int Port = 2000;
    private const int Narrow = 1280;
    private const long Stretch = 5_000_000;

    // Of the inner packet, 20 + 8; of the outer one, 50.
    private const int TooLong = 1300;
    private const int Fitting = 1000;

    private static readonly TimeSpan Stall = TimeSpan.FromSeconds(2);

    public static TheoryData<string, bool, bool> Ways => new()
    {
        { OverlayPair.Udp, false, false },
        { OverlayPair.Udp, true, false },
        { OverlayPair.Udp, false, true },
        { OverlayPair.Udp, true, true },
        { OverlayPair.TunnelGso, false, false },
        { OverlayPair.TunnelGso, true, true },
    };

    /// <summary>
    /// A link or the route that somebody has set up says what the way takes; what ICMP made of the kernel's routes does not (<see cref="ForgedIcmpTests"/>).
    /// </summary>
    [Theory]
    [MemberData(nameof(Ways))]
    public void A_way_that_becomes_narrow_in_mid_transfer_is_followed_and_the_stream_goes_on(string transport, bool ipv6Underlay, bool byRoute)
    {
        using OverlayPair pair = new(transport, OverlayPair.Kernel, ipv6Underlay);
        OverlayDaemon daemon = pair.Daemons[0]!;
        int overhead = ipv6Underlay ? 70 : 50;
        using UdpApplication ours = new(pair.Hosts[0], OverlayPair.Inner(0), Port);
        using UdpApplication theirs = new(pair.Hosts[1], OverlayPair.Inner(1), Port);
        using TcpFlow flow = new(pair.Hosts[0], pair.Hosts[1], OverlayPair.Inner(1));
        flow.WaitForMore(Stretch);
        Assert.Equal((1500 - overhead, 1500), Mtus(daemon));

        long narrowed = Stopwatch.GetTimestamp();
        SetMtu(pair, byRoute, Narrow);
        flow.WaitForMore(Stretch);
        Assert.True(Stopwatch.GetElapsedTime(narrowed) < Stall, $"{Stopwatch.GetElapsedTime(narrowed).TotalMilliseconds:0} ms until the stream had gone on.");
        Wait.Until(() => Mtus(daemon) == (Narrow - overhead, Narrow), () => $"device and path have {Mtus(daemon)}");
        ours.SendSegments(NumberedDatagrams.Make(20, Fitting, 40), Fitting, OverlayPair.Inner(1), Port);
        NumberedDatagrams.AssertEqual(theirs.Take(40), 20, Fitting, 40);
        pair.PingOneByOne(from: 0, count: 20);

        SetMtu(pair, byRoute, 1500);
        Wait.Until(() => Mtus(daemon) == (1500 - overhead, 1500), () => $"device and path have {Mtus(daemon)}");
        flow.WaitForMore(Stretch);
        flow.Finish();
        flow.Complete();
        AssertTrains(pair, ours, theirs);
        JsonElement status = Books.Settled(daemon);
        Books.AssertBalanced(status);
        // Nothing was dropped but what was on its way when the way became narrow.
        Assert.Equal(OverlayDaemon.Counter(status, OverlayPair.Device, "egress", "drops.too-big"), OverlayDaemon.Drops(status, OverlayPair.Device, "egress"));
        Assert.Equal(0, OverlayDaemon.Drops(status, OverlayPair.Device, "ingress"));
        Assert.Equal(0, Books.Kernel(pair.Hosts[0], "Ip.FragCreates") + Books.Kernel(pair.Hosts[0], "Ip6FragCreates"));
    }

    private static (int Device, int Path) Mtus(OverlayDaemon daemon)
    {
        JsonElement tunnel = daemon.Query().GetProperty("tunnels")[0];
        return (tunnel.GetProperty("device").GetProperty("mtu").GetInt32(), tunnel.GetProperty("pathMtus")[0].GetProperty("mtu").GetInt32());
    }

    private static void SetMtu(OverlayPair pair, bool byRoute, int mtu)
    {
        string text = mtu.ToString(CultureInfo.InvariantCulture);
        if (!byRoute)
        {
            pair.Hosts[0].Ip("link", "set", OverlayPair.LinkDevice(0), "mtu", text);
            return;
        }

        pair.Hosts[0].Ip("route", "replace", pair.Outer(1), "dev", OverlayPair.LinkDevice(0), "mtu", text);
        Assert.Contains($"mtu {text}", pair.Hosts[0].Ip("route", "get", pair.Outer(1)).Output, StringComparison.Ordinal);
    }

    // A veth carries a train in one piece: then what leaves exceeds any wire.
    private static void AssertTrains(OverlayPair pair, UdpApplication ours, UdpApplication theirs)
    {
        using WireLog wire = new(pair.Hosts[1], OverlayPair.LinkDevice(1));
        ours.SendSegments(NumberedDatagrams.Make(100, TooLong, 40), TooLong, OverlayPair.Inner(1), Port);
        NumberedDatagrams.AssertEqual(theirs.Take(40), 100, TooLong, 40);
        string source = pair.Outer(0).Contains(':', StringComparison.Ordinal) ? "ipv6.src" : "ip.src";
        string[][] packets = wire.Stop($"{source} == {pair.Outer(0)} && frame.len > 20000", ["frame.len"]);
        Assert.NotEmpty(packets);
    }
}
