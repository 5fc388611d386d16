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

    private static readonly TimeSpan FallbackBound = TimeSpan.FromSeconds(1);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_link_that_becomes_narrow_in_mid_transfer_takes_what_fits_and_counts_the_rest(bool ipv6Underlay)
    {
        using OverlayPair pair = new(OverlayPair.Udp, OverlayPair.Kernel, ipv6Underlay);
        OverlayDaemon daemon = pair.Daemons[0]!;
        using UdpApplication ours = new(pair.Hosts[0], OverlayPair.Inner(0), Port);
        using UdpApplication theirs = new(pair.Hosts[1], OverlayPair.Inner(1), Port);
        using TcpFlow flow = new(pair.Hosts[0], pair.Hosts[1], OverlayPair.Inner(1));
        flow.WaitForMore(Stretch);
        Assert.Equal(0, TooBig(daemon));

        pair.Hosts[0].Ip("link", "set", OverlayPair.LinkDevice(0), "mtu", Narrow.ToString(CultureInfo.InvariantCulture));
        long narrowed = Stopwatch.GetTimestamp();
        // A train of which all but the last are too long: the last one gets through. Then one that fits as a whole.
        ours.SendSegments(NumberedDatagrams.Make(1, TooLong, 10, Fitting), TooLong, OverlayPair.Inner(1), Port);
        NumberedDatagrams.AssertEqual(theirs.Take(1), 11, Fitting, 1);
        ours.SendSegments(NumberedDatagrams.Make(20, Fitting, 40), Fitting, OverlayPair.Inner(1), Port);
        NumberedDatagrams.AssertEqual(theirs.Take(40), 20, Fitting, 40);
        TimeSpan fallback = Stopwatch.GetElapsedTime(narrowed);
        Assert.True(fallback < FallbackBound, $"{fallback.TotalMilliseconds:0} ms until what fits went on.");

        // Small packets flow while the stream goes on trying.
        long tooBig = TooBig(daemon);
        Assert.InRange(tooBig, 10, long.MaxValue);
        Ping pings = Ping.Run(pair.Hosts[0], OverlayPair.Inner(1), 100, "-i", "0.01", "-W", "2");
        Assert.True(pings.Lost == 0, pings.Output);
        Wait.Until(() => TooBig(daemon) > tooBig, () => "the stream tries no more");

        pair.Hosts[0].Ip("link", "set", OverlayPair.LinkDevice(0), "mtu", "1500");
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
    /// What a route says of the path is not the link's own word, and may come of a forged ICMP message: the sockets ask the link alone
    /// (IP_PMTUDISC_INTERFACE). So nothing changes, least of all by fragments.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_route_that_becomes_narrow_in_mid_transfer_changes_nothing(bool ipv6Underlay)
    {
        using OverlayPair pair = new(OverlayPair.Udp, OverlayPair.Kernel, ipv6Underlay);
        OverlayDaemon daemon = pair.Daemons[0]!;
        using UdpApplication ours = new(pair.Hosts[0], OverlayPair.Inner(0), Port);
        using UdpApplication theirs = new(pair.Hosts[1], OverlayPair.Inner(1), Port);
        using TcpFlow flow = new(pair.Hosts[0], pair.Hosts[1], OverlayPair.Inner(1));
        flow.WaitForMore(Stretch);

        string host = pair.Outer(1) + (ipv6Underlay ? "/128" : "/32");
        pair.Hosts[0].Ip("route", "add", host, "dev", OverlayPair.LinkDevice(0), "mtu", Narrow.ToString(CultureInfo.InvariantCulture));
        string route = pair.Hosts[0].Ip("route", "get", pair.Outer(1)).Output;
        Assert.Contains($"mtu {Narrow}", route, StringComparison.Ordinal);
        ours.SendSegments(NumberedDatagrams.Make(1, TooLong, 10, Fitting), TooLong, OverlayPair.Inner(1), Port);
        NumberedDatagrams.AssertEqual(theirs.Take(11), 1, TooLong, 10, Fitting);
        Ping pings = Ping.Run(pair.Hosts[0], OverlayPair.Inner(1), 50, "-i", "0.01", "-W", "2");
        Assert.True(pings.Lost == 0, pings.Output);
        flow.WaitForMore(Stretch);
        pair.Hosts[0].Ip("route", "delete", host, "dev", OverlayPair.LinkDevice(0));
        flow.WaitForMore(Stretch);
        flow.Finish();
        flow.Complete();
        AssertTrains(pair, ours, theirs);
        Assert.Equal(0, TooBig(daemon));
        pair.AssertNothingWasLost();
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
