using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Overlay.Linux.Tests.EndToEnd;
using Overlay.Testing;
using Overlay.Testing.Relay;
using Xunit;

namespace Overlay.Linux.Tests.Relay;

/// <summary>Each impairment of the relay, as plain kernels and their programs see it.</summary>
public sealed partial class ImpairmentRelayTests
{
    private const int Port = 4789;
    private const int OtherPort = 4790;

    [Fact]
    public void Without_impairments_everything_arrives_and_the_books_balance()
    {
        using RelayLab lab = new();
        foreach (bool ipv6 in (bool[])[false, true])
        {
            string far = RelayLab.FarAddress(ipv6);
            CommandResult ping = lab.Near.TryExec(
                TimeSpan.FromSeconds(30), "ping", "-n", "-c", "100", "-w", "20", "-i", "0.002", "-M", "do", "-s", ipv6 ? "1452" : "1472", far);
            Assert.Empty(Ping.Unanswered(ping.Output, 100));
            Assert.True(TcpTransfer.Run(lab.Near, lab.Far, far, 10_000_000).IsIntact);
        }

        Assert.True(TcpTransfer.Run(lab.Far, lab.Near, RelayLab.NearIPv4, 10_000_000).IsIntact);
        foreach (RelayDirection direction in (RelayDirection[])[lab.Relay.Forth, lab.Relay.Back])
        {
            RelayCounters counters = direction.Counters;
            Assert.True(counters.IsBalanced, counters.ToString());
            // At least the segments of one transfer.
            Assert.True(counters.Received > 6_800, counters.ToString());
            Assert.Equal(counters with { Received = 0, Sent = 0 }, default);
        }
    }

    [Fact]
    public void One_of_ten_is_lost_exactly()
    {
        using RelayLab lab = new();
        var rule = RelayRule.Drop(new PacketMatch { Protocol = IPProtocol.Icmp }, every: 10);
        lab.Relay.Forth.Impairments = new Impairments { Rules = [rule] };
        CommandResult ping = lab.Near.TryExec(TimeSpan.FromSeconds(30), "ping", "-n", "-c", "100", "-i", "0.005", RelayLab.FarIPv4);
        int[] lost = [.. Ping.Unanswered(ping.Output, 99)];
        Assert.Equal([10, 20, 30, 40, 50, 60, 70, 80, 90], lost);
        Assert.Equal((100, 10), (rule.Seen, rule.Hits));
        Assert.Equal(10, lab.Relay.Forth.Counters.Dropped);
    }

    [Fact]
    public void What_is_lost_by_chance_is_a_matter_of_the_seed()
    {
        int[][] lost = [.. new ulong[] { 7, 7, 8 }.Select(seed =>
        {
            using RelayLab lab = new(seed);
            lab.Relay.Forth.Impairments = new Impairments { Rules = [RelayRule.Drop(PacketMatch.Udp(Port), chance: 0.3)] };
            using Socket far = lab.FarSocket(Port), near = lab.NearSocket();
            for (byte number = 0; number < 200; number++)
            {
                near.SendTo([number], new IPEndPoint(IPAddress.Parse(RelayLab.FarIPv4), Port));
            }

            int dropped = -1;
            Wait.Until(() => (dropped = (int)lab.Relay.Forth.Counters.Dropped) + lab.Relay.Forth.Counters.Sent >= 200, () => "they did not come out");
            return Enumerable.Range(0, 200).Except(RelayLab.Take(far, 200 - dropped)).ToArray();
        })];
        Assert.Equal(lost[0], lost[1]);
        Assert.NotEqual(lost[0], lost[2]);
        Assert.InRange(lost[0].Length, 30, 90);
    }

    [Fact]
    public void A_delay_is_added_to_every_packet()
    {
        using RelayLab lab = new();
        lab.Relay.Both = new Impairments { Delay = TimeSpan.FromMilliseconds(20) };
        Ping ping = Ping.Run(lab.Near, RelayLab.FarIPv4, 20, "-i", "0.05", "-W", "5");
        Assert.Equal(0, ping.Lost);
        double shortest = double.Parse(Shortest().Match(ping.Output).Groups[1].ValueSpan, CultureInfo.InvariantCulture);
        // 40 ms, and what the way takes otherwise.
        Assert.InRange(shortest, 40.0, 43.0);
    }

    [Fact]
    public void A_rate_is_kept_and_a_full_queue_loses()
    {
        using RelayLab lab = new();
        // 1000-byte frames at 8 Mbit/s: one each millisecond.
        lab.Relay.Forth.Impairments = new Impairments { BitsPerSecond = 8_000_000, QueueBytes = 100_000 };
        using Socket far = lab.FarSocket(Port), near = lab.NearSocket();
        far.ReceiveBufferSize = 4_000_000;
        byte[] data = new byte[1000 - 14 - 28];
        long begin = Stopwatch.GetTimestamp();
        for (byte number = 0; number < 150; number++)
        {
            data[0] = number;
            near.SendTo(data, new IPEndPoint(IPAddress.Parse(RelayLab.FarIPv4), Port));
        }

        // As long as the sender takes less than 40 ms: then no more than 40 of the rest find room.
        Wait.Until(() => lab.Relay.Forth.Counters is { InFlight: 0 } counters && counters.QueueFull + counters.Sent >= 150, () => "they wait for ever");
        TimeSpan time = Stopwatch.GetElapsedTime(begin);
        RelayCounters after = lab.Relay.Forth.Counters;
        Assert.True(after.IsBalanced, after.ToString());
        Assert.InRange(after.QueueFull, 1, 50);
        int[] taken = RelayLab.Take(far, 150 - (int)after.QueueFull);
        Assert.Equal(150 - after.QueueFull, taken.Length);
        Assert.InRange(time.TotalMilliseconds, taken.Length - 2, 2000);

        lab.Relay.Forth.Impairments = new Impairments { BitsPerSecond = 20_000_000 };
        TcpTransferResult stream = TcpTransfer.Run(lab.Near, lab.Far, RelayLab.FarIPv4, 2_500_000);
        Assert.True(stream.IsIntact);
        Assert.InRange(stream.Duration.TotalSeconds, 0.95, 3);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_router_with_a_narrow_link_tells_the_sender(bool ipv6)
    {
        using RelayLab lab = new();
        string far = RelayLab.FarAddress(ipv6);
        lab.Relay.Forth.Impairments = new Impairments { Mtu = 1300 };
        using WireLog wire = new(lab.Near, RelayLab.NearDevice);
        CommandResult ping = lab.Near.TryExec(TimeSpan.FromSeconds(30), "ping", "-n", "-c", "2", "-i", "0.1", "-W", "0.3", "-M", "do", "-s", "1400", far);
        Assert.Matches(@"mtu ?= ?1300|mtu: 1300|mtu=1300", ping.Output + ping.Error);
        Assert.Equal(1300, lab.LearnedMtu(far));
        string longest = ipv6 ? "1252" : "1272";
        Assert.Equal(0, Ping.Run(lab.Near, far, 2, "-i", "0.1", "-W", "5", "-M", "do", "-s", longest).Lost);
        Assert.True(TcpTransfer.Run(lab.Near, lab.Far, far, 3_000_000).IsIntact);

        // By tshark: who says it, what of, how much of that, and with which checksum.
        string filter = ipv6 ? "icmpv6.type == 2" : "icmp.type == 3 && icmp.code == 4";
        string[][] told = wire.Stop(
            filter, [ipv6 ? "ipv6.src" : "ip.src", ipv6 ? "icmpv6.mtu" : "icmp.mtu", ipv6 ? "icmpv6.checksum.status" : "icmp.checksum.status", "frame.len"]);
        Assert.NotEmpty(told);
        Assert.All(told, row =>
        {
            Assert.StartsWith(ipv6 ? "2001:db8:ffff::8" : "192.0.0.8", row[0], StringComparison.Ordinal);
            Assert.Equal("1300", row[1]);
            Assert.StartsWith("1", row[2], StringComparison.Ordinal);
            Assert.Equal(ipv6 ? "1294" : "590", row[3]);
        });
        RelayCounters counters = lab.Relay.Forth.Counters;
        Assert.Equal(counters.TooBig, counters.TooBigTold);
        Assert.Equal(counters.TooBigTold, lab.Relay.Back.Counters.Originated);
        Assert.True(counters.IsBalanced && lab.Relay.Back.Counters.IsBalanced, counters.ToString());
    }

    [Theory]
    [InlineData(false, NarrowLink.RouterWithoutIcmp)]
    [InlineData(true, NarrowLink.RouterWithoutIcmp)]
    [InlineData(false, NarrowLink.Switch)]
    [InlineData(true, NarrowLink.Switch)]
    public void A_black_hole_tells_nobody(bool ipv6, NarrowLink link)
    {
        using RelayLab lab = new();
        string far = RelayLab.FarAddress(ipv6);
        lab.Relay.Forth.Impairments = new Impairments { Mtu = 1300, NarrowLink = link };
        Assert.Equal(2, Ping.Run(lab.Near, far, 2, "-i", "0.1", "-W", "0.5", "-M", "do", "-s", "1400").Lost);
        Assert.Null(lab.LearnedMtu(far));
        Assert.Equal(0, Ping.Run(lab.Near, far, 2, "-i", "0.1", "-W", "5", "-M", "do", "-s", ipv6 ? "1252" : "1272").Lost);
        Assert.Equal((2, 0, 0), (lab.Relay.Forth.Counters.TooBig, lab.Relay.Forth.Counters.TooBigTold, lab.Relay.Back.Counters.Originated));
        if (!ipv6)
        {
            // What may be fragmented is, by a router.
            lab.Relay.Forth.Impairments = lab.Relay.Forth.Impairments with { Mtu = 800 };
            int lost = Ping.Run(lab.Near, far, 2, "-i", "0.1", "-W", "0.5", "-M", "dont", "-s", "1401").Lost;
            Assert.Equal(link == NarrowLink.Switch ? 2 : 0, lost);
            Assert.Equal(link == NarrowLink.Switch ? (0, 0) : (2, 4), (lab.Relay.Forth.Counters.Fragmented, lab.Relay.Forth.Counters.Fragments));
        }
    }

    [Fact]
    public void An_ICMP_error_meets_the_rules_of_its_own_way()
    {
        using RelayLab lab = new();
        lab.Relay.Forth.Impairments = new Impairments { Mtu = 1300, IcmpQuote = 28 };
        var filter = RelayRule.Drop(PacketMatch.PacketTooBig);
        lab.Relay.Back.Impairments = new Impairments { Rules = [filter] };
        Assert.Equal(2, Ping.Run(lab.Near, RelayLab.FarIPv4, 2, "-i", "0.1", "-W", "0.5", "-M", "do", "-s", "1400").Lost);
        Assert.Null(lab.LearnedMtu(RelayLab.FarIPv4));
        Assert.Equal(2, filter.Hits);
        // Eight bytes of what it is about are enough for a kernel.
        lab.Relay.Back.Impairments = Impairments.None;
        Ping.Run(lab.Near, RelayLab.FarIPv4, 1, "-W", "0.5", "-M", "do", "-s", "1400");
        Assert.Equal(1300, lab.LearnedMtu(RelayLab.FarIPv4));
    }

    [Fact]
    public void The_way_becomes_narrow_and_wide_while_a_stream_goes_on()
    {
        using RelayLab lab = new();
        using TcpFlow flow = new(lab.Near, lab.Far, RelayLab.FarIPv4);
        flow.WaitForMore(1_000_000);
        lab.Relay.Both = new Impairments { Mtu = 1000 };
        flow.WaitForMore(1_000_000);
        Assert.Equal(1000, lab.LearnedMtu(RelayLab.FarIPv4));
        lab.Relay.Both = Impairments.None;
        flow.WaitForMore(1_000_000);
        flow.Finish();
        flow.Complete();
    }

    [Fact]
    public void A_filter_takes_what_it_is_for_and_nothing_else()
    {
        using RelayLab lab = new();
        (string Name, PacketMatch Match, bool[] Passes)[] cases =
        [
            // To the port, to another, without checksum, long.
            ("port", PacketMatch.Udp(Port), [false, true, false, false]),
            ("source port", new PacketMatch { SourcePort = 1 }, [true, true, true, true]),
            ("protocol", new PacketMatch { Protocol = IPProtocol.Udp }, [false, false, false, false]),
            ("other protocol", new PacketMatch { Protocol = IPProtocol.Gre }, [true, true, true, true]),
            ("size", new PacketMatch { LongerThan = 1000 }, [true, true, true, false]),
            ("no checksum", new PacketMatch { UdpChecksum = UdpChecksumState.Absent }, [true, true, false, true]),
            ("good checksum", new PacketMatch { UdpChecksum = UdpChecksumState.Good }, [false, false, true, false]),
            ("bad checksum", new PacketMatch { UdpChecksum = UdpChecksumState.Bad }, [true, true, true, true]),
            ("version", new PacketMatch { IPVersion = 6 }, [true, true, true, true]),
            ("content", new PacketMatch { Where = packet => packet[28] == 3 }, [true, true, true, false]),
        ];
        using Socket far = lab.FarSocket(Port), other = lab.FarSocket(OtherPort), near = lab.NearSocket(), withoutChecksum = lab.NearSocket(checksum: false);
        IPEndPoint port = new(IPAddress.Parse(RelayLab.FarIPv4), Port);
        foreach ((string name, PacketMatch match, bool[] passes) in cases)
        {
            var rule = RelayRule.Drop(match);
            lab.Relay.Forth.Impairments = new Impairments { Rules = [rule] };
            long before = lab.Relay.Forth.Counters.Received;
            near.SendTo([0], port);
            near.SendTo([1], new IPEndPoint(port.Address, OtherPort));
            withoutChecksum.SendTo([2], port);
            near.SendTo([3, .. new byte[1200]], port);
            Wait.Until(() => lab.Relay.Forth.Counters.Received >= before + 4, () => "the datagrams did not leave");
            int[] expected = [.. Enumerable.Range(0, 4).Where(i => passes[i] && i != 1)];
            Assert.True(expected.SequenceEqual(RelayLab.Take(far, expected.Length)), name);
            Assert.Equal(passes[1] ? [1] : [], RelayLab.Take(other, passes[1] ? 1 : 0));
            Assert.Equal(passes.Count(passed => !passed), rule.Hits);
        }

        var echo = RelayRule.Drop(new PacketMatch { Protocol = IPProtocol.Icmp, IcmpType = 0 });
        lab.Relay.Back.Impairments = new Impairments { Rules = [echo] };
        Assert.Equal(1, Ping.Run(lab.Near, RelayLab.FarIPv4, 1, "-W", "0.3").Lost);
        Assert.Equal(0, Ping.Run(lab.Near, RelayLab.FarIPv6, 1, "-W", "5").Lost);
        Assert.Equal(1, echo.Hits);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_spoiled_the_kernel_does_not_take(bool ipv6)
    {
        using RelayLab lab = new();
        using Socket far = lab.FarSocket(Port, ipv6), near = lab.NearSocket(ipv6: ipv6);
        IPEndPoint port = new(IPAddress.Parse(RelayLab.FarAddress(ipv6)), Port);
        // One bit of what the checksum covers, and the checksum itself.
        foreach (RelayRule rule in (RelayRule[])[
            RelayRule.Corrupt(PacketMatch.Udp(Port) with { LongerThan = 1000 }), RelayRule.Edit(PacketEdits.BreakUdpChecksum, PacketMatch.Udp(Port))])
        {
            lab.Relay.Forth.Impairments = new Impairments { Rules = [rule] };
            long refused = Refused();
            for (int i = 0; i < 10; i++)
            {
                near.SendTo(new byte[1200], port);
            }

            Wait.Until(() => lab.Relay.Forth.Counters.InFlight == 0 && rule.Hits == 10, () => "they were not spoiled");
            // The kernel looks when somebody asks for the datagram.
            Assert.Empty(RelayLab.Take(far, 0));
            // Of the bits a few are in the ports and the length, which other counters see.
            Assert.InRange(Refused() - refused, 8, 10);
        }

        // No checksum is none that can be wrong; over IPv6 it is refused.
        lab.Relay.Forth.Impairments = new Impairments { Rules = [RelayRule.Edit(PacketEdits.ClearUdpChecksum)] };
        near.SendTo([9], port);
        Assert.Equal(ipv6 ? [] : [9], RelayLab.Take(far, ipv6 ? 0 : 1));

        // poll(2) counts those of an IPv6 socket in the books of IPv4.
        long Refused() => Books.Kernel(lab.Far, "Udp6InCsumErrors") + Books.Kernel(lab.Far, "Udp.InCsumErrors");
    }

    [Fact]
    public void Packets_come_twice_and_out_of_order()
    {
        using RelayLab lab = new();
        using Socket far = lab.FarSocket(Port), near = lab.NearSocket();
        IPEndPoint port = new(IPAddress.Parse(RelayLab.FarIPv4), Port);
        lab.Relay.Forth.Impairments = new Impairments { Rules = [RelayRule.Duplicate(PacketMatch.Udp(Port), every: 2)] };
        Send(6);
        Assert.Equal([0, 1, 1, 2, 3, 3, 4, 5, 5], RelayLab.Take(far, 9));
        Assert.Equal(3, lab.Relay.Forth.Counters.Duplicated);

        lab.Relay.Forth.Impairments = new Impairments { Rules = [RelayRule.Reorder(PacketMatch.Udp(Port), every: 3)] };
        Send(6);
        // The sixth has nobody to let pass, and goes on after a while.
        Assert.Equal([0, 1, 3, 2, 4, 5], RelayLab.Take(far, 6));
        Assert.Equal(1, lab.Relay.Forth.Counters.Reordered);
        Assert.True(lab.Relay.Forth.Counters is { IsBalanced: true, InFlight: 0 }, lab.Relay.Forth.Counters.ToString());

        void Send(byte count)
        {
            for (byte number = 0; number < count; number++)
            {
                near.SendTo([number], port);
            }
        }
    }

    [Fact]
    public void Who_is_rejected_is_told()
    {
        using RelayLab lab = new();
        lab.Relay.Forth.Impairments = new Impairments { Rules = [RelayRule.Reject()] };
        CommandResult ping = lab.Near.TryExec(TimeSpan.FromSeconds(10), "ping", "-n", "-c", "1", "-W", "1", RelayLab.FarIPv4);
        Assert.Contains("From 192.0.0.8 icmp_seq=1 Packet filtered", ping.Output, StringComparison.Ordinal);
        ping = lab.Near.TryExec(TimeSpan.FromSeconds(10), "ping", "-n", "-c", "1", "-W", "1", RelayLab.FarIPv6);
        Assert.Contains("Destination unreachable: Administratively prohibited", ping.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void An_end_may_be_a_port_of_a_bridge()
    {
        using var bridge = Netns.Create("ovrelay");
        using var host = Netns.Create("ovrelay");
        using var far = Netns.Create("ovrelay");
        bridge.Ip("link", "add", "br0", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0");
        bridge.Ip("link", "set", "br0", "up");
        Netns.Connect(bridge, "port0", null, host, "eth0", "198.51.100.1/24");
        bridge.Ip("link", "set", "port0", "master", "br0");
        using var relay = ImpairmentRelay.Connect(bridge, "port1", null, far, "far0", "198.51.100.2/24");
        bridge.Ip("link", "set", "port1", "master", "br0");
        Assert.Equal(0, Ping.Run(host, "198.51.100.2", 2, "-i", "0.05", "-W", "5").Lost);
        relay.Forth.Impairments = new Impairments { Mtu = 1300 };
        Ping.Run(host, "198.51.100.2", 1, "-W", "0.5", "-M", "do", "-s", "1400");
        Assert.Contains(" mtu 1300", host.Ip("route", "get", "198.51.100.2").Output, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"rtt min/avg/max/mdev = ([\d.]+)/")]
    private static partial Regex Shortest();
}
