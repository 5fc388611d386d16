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

    // With tunnelGso the daemon asks for the way once a second.
    private static readonly TimeSpan SocketBound = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RouteBound = TimeSpan.FromSeconds(2);

    public static TheoryData<string, bool, bool> Ways => new()
    {
        { OverlayPair.Udp, false, false },
        { OverlayPair.Udp, true, false },
        { OverlayPair.TunnelGso, false, false },
        { OverlayPair.TunnelGso, true, true },
    };

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_way_that_becomes_narrow_in_mid_transfer_takes_what_fits_and_counts_the_rest(string transport, bool ipv6Underlay, bool byRoute)
    {
        using OverlayPair pair = new(transport, OverlayPair.Kernel, ipv6Underlay);
        OverlayDaemon daemon = pair.Daemons[0]!;
        using UdpApplication ours = new(pair.Hosts[0], OverlayPair.Inner(0), Port);
        using UdpApplication theirs = new(pair.Hosts[1], OverlayPair.Inner(1), Port);
        using TcpFlow flow = new(pair.Hosts[0], pair.Hosts[1], OverlayPair.Inner(1));
        flow.WaitForMore(Stretch);
        Assert.Equal(0, TooBig(daemon));

        long narrowed = Stopwatch.GetTimestamp();
        SetMtu(pair, byRoute, Narrow);
        Wait.Until(() => TooBig(daemon) > 0, () => "nothing was dropped as too big");
        // A train of which all but the last are too long: of the sockets' trains the last one gets through, and the rest is counted one by one.
        long before = TooBig(daemon);
        ours.SendSegments(NumberedDatagrams.Make(1, TooLong, 10, Fitting), TooLong, OverlayPair.Inner(1), Port);
        int through = transport == OverlayPair.Udp ? 1 : 0;
        NumberedDatagrams.AssertEqual(theirs.Take(through), 11, Fitting, through);
        // Then one that fits as a whole.
        ours.SendSegments(NumberedDatagrams.Make(20, Fitting, 40), Fitting, OverlayPair.Inner(1), Port);
        NumberedDatagrams.AssertEqual(theirs.Take(40), 20, Fitting, 40);
        TimeSpan fallback = Stopwatch.GetElapsedTime(narrowed);
        Assert.True(fallback < (transport == OverlayPair.Udp ? SocketBound : RouteBound), $"{fallback.TotalMilliseconds:0} ms until what fits went on.");
        Wait.Until(() => TooBig(daemon) >= before + 11 - through, () => $"{TooBig(daemon) - before} of a train were counted");

        // Small packets flow while the stream goes on trying.
        long tooBig = TooBig(daemon);
        pair.PingOneByOne(from: 0, count: 20);
        Wait.Until(() => TooBig(daemon) > tooBig, () => "the stream tries no more");

        SetMtu(pair, byRoute, 1500);
        flow.WaitForMore(Stretch);
        flow.Finish();
        flow.Complete();
        AssertTrains(pair, ours, theirs);
        JsonElement status = Books.Settled(daemon);
        Books.AssertBalanced(status);
        // Nothing was dropped for any other reason.
        Assert.Equal(TooBig(daemon), OverlayDaemon.Drops(status, OverlayPair.Device, "egress"));
        Assert.Equal(0, OverlayDaemon.Drops(status, OverlayPair.Device, "ingress"));
        Assert.Equal(0, Books.Kernel(pair.Hosts[0], "Ip.FragCreates") + Books.Kernel(pair.Hosts[0], "Ip6FragCreates"));
    }

    /// <summary>
    /// What a route says of the path may come of a forged ICMP message: the sockets ask the link alone (IP_PMTUDISC_INTERFACE). So nothing changes, least
    /// of all by fragments.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_route_that_becomes_narrow_in_mid_transfer_changes_nothing_for_sockets(bool ipv6Underlay)
    {
        using OverlayPair pair = new(OverlayPair.Udp, OverlayPair.Kernel, ipv6Underlay);
        OverlayDaemon daemon = pair.Daemons[0]!;
        using UdpApplication ours = new(pair.Hosts[0], OverlayPair.Inner(0), Port);
        using UdpApplication theirs = new(pair.Hosts[1], OverlayPair.Inner(1), Port);
        using TcpFlow flow = new(pair.Hosts[0], pair.Hosts[1], OverlayPair.Inner(1));
        flow.WaitForMore(Stretch);

        SetMtu(pair, byRoute: true, Narrow);
        ours.SendSegments(NumberedDatagrams.Make(1, TooLong, 10, Fitting), TooLong, OverlayPair.Inner(1), Port);
        NumberedDatagrams.AssertEqual(theirs.Take(11), 1, TooLong, 10, Fitting);
        pair.PingOneByOne(from: 0, count: 20);
        flow.WaitForMore(Stretch);
        SetMtu(pair, byRoute: true, 1500);
        flow.WaitForMore(Stretch);
        flow.Finish();
        flow.Complete();
        AssertTrains(pair, ours, theirs);
        Assert.Equal(0, TooBig(daemon));
        pair.AssertNothingWasLost();
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

    private static long TooBig(OverlayDaemon daemon) => OverlayDaemon.Counter(daemon.Query(), OverlayPair.Device, "egress", "drops.too-big");

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
