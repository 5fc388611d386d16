using System.Globalization;
using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>
/// ARP and neighbour discovery of real hosts on both sides of a tunnel: what is answered at the tap, what reaches the other side, and who answers. The cases
/// of Linux' test_bridge_neigh_suppress.sh, with the kernel's stack as host and its vxlan device, or another overlayd, as the other end.
/// </summary>
public sealed class NeighborSuppressionTests
{
    private const string Fdb = """, "fdb": [ { "mac": "02:00:00:00:00:02", "remote": "192.0.2.2" } ]""";
    private const int Silence = 500;

    private static readonly MacAddress OurMac = MacAddress.Parse(PeerLab.OurMac);
    private static readonly MacAddress PeerMac = MacAddress.Parse(PeerLab.PeerMac);
    private static readonly ValueIPAddress Ours = ValueIPAddress.Parse("10.42.0.1");
    private static readonly ValueIPAddress Theirs = ValueIPAddress.Parse("10.42.0.2");
    private static readonly ValueIPAddress Theirs6 = ValueIPAddress.Parse("fd42::2");
    private static readonly ValueIPAddress Zero = ValueIPAddress.Parse("0.0.0.0");

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void A_question_for_a_known_neighbour_is_answered_here_and_the_peer_hears_none(bool ipv6, bool peerIsOverlay)
    {
        using PeerLab lab = new();
        using OverlayDaemon? peer = AddPeer(lab, peerIsOverlay);
        using OverlayDaemon daemon = lab.StartDaemon(Fdb + Neighbors());
        using WireLog log = new(lab.Them, PeerLab.Device);
        Assert.Equal(0, Ping.Run(lab.Us, Host(ipv6), 3, "-i", "0.05", "-W", "5").Lost);
        Assert.Equal(0, Questions(log, ipv6));
        Assert.Contains($"lladdr {PeerLab.PeerMac}", Neighbor(lab, ipv6), StringComparison.Ordinal);
        JsonElement status = Books.Settled(daemon);
        Books.AssertBalanced(status);
        Assert.Equal((1, 1, 1), (
            Count(status, "answered"), OverlayDaemon.Counter(status, PeerLab.Device, "egress", "originated"), OverlayDaemon.Counter(status, PeerLab.Device, "egress", "consumed")));
        Assert.Equal(2, Count(status, "entries"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void With_the_host_down_it_is_answered_still(bool ipv6)
    {
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        using OverlayDaemon daemon = lab.StartDaemon(Fdb + Neighbors());
        lab.Them.Ip("link", "set", PeerLab.Device, "down");
        Assert.Equal(1, Ping.Run(lab.Us, Host(ipv6), 1, "-W", "1").Lost);
        Assert.Contains($"lladdr {PeerLab.PeerMac}", Neighbor(lab, ipv6), StringComparison.Ordinal);
        Assert.Equal(1, Count(Books.Settled(daemon), "answered"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Switched_off_questions_are_flooded_and_the_owner_answers_while_it_is_up(bool ipv6)
    {
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        using OverlayDaemon daemon = lab.StartDaemon(Fdb + Neighbors() + """, "neighborSuppression": false""");
        using WireLog log = new(lab.Them, PeerLab.Device);
        Assert.Equal(0, Ping.Run(lab.Us, Host(ipv6), 1, "-W", "5").Lost);
        Assert.Equal(1, Questions(log, ipv6));
        lab.Them.Ip("link", "set", PeerLab.Device, "down");
        Forget(lab, ipv6);
        Assert.Equal(1, Ping.Run(lab.Us, Host(ipv6), 1, "-W", "1").Lost);
        Assert.DoesNotContain("lladdr", Neighbor(lab, ipv6), StringComparison.Ordinal);
        Assert.Equal((0, 0), (Count(daemon.Query(), "answered"), Count(daemon.Query(), "unknown")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Until_the_forwarding_entry_is_known_questions_are_flooded_and_counted(bool ipv6)
    {
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        using OverlayDaemon daemon = lab.StartDaemon(Neighbors());
        using WireLog log = new(lab.Them, PeerLab.Device);
        // The answer of the owner teaches where it lives; from then on both are known.
        Assert.Equal(0, Ping.Run(lab.Us, Host(ipv6), 1, "-W", "5").Lost);
        Assert.Equal((0, 1), (Count(daemon.Query(), "answered"), Count(daemon.Query(), "unforwarded")));
        Wait.Until(
            () =>
            {
                Forget(lab, ipv6);
                return Ping.Run(lab.Us, Host(ipv6), 1, "-W", "5").Lost == 0 && Count(daemon.Query(), "answered") > 0;
            },
            () => "the station is not learned");
        long flooded = Count(daemon.Query(), "unforwarded");
        Forget(lab, ipv6);
        Assert.Equal(0, Ping.Run(lab.Us, Host(ipv6), 1, "-W", "5").Lost);
        Assert.Equal((flooded, flooded), (Count(daemon.Query(), "unforwarded"), Questions(log, ipv6)));
    }

    [Fact]
    public void A_question_for_an_unknown_neighbour_is_flooded_and_counted()
    {
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        using OverlayDaemon daemon = lab.StartDaemon(Fdb);
        Assert.Equal(0, Ping.Run(lab.Us, Host(false), 1, "-W", "5").Lost);
        Assert.Equal(0, Ping.Run(lab.Us, Host(true), 1, "-W", "5").Lost);
        Assert.Equal((0, 2, 0), (Count(daemon.Query(), "answered"), Count(daemon.Query(), "unknown"), Count(daemon.Query(), "missesLost")));

        // And told to whoever would fill the table: both addresses, until they are known.
        Wait.Until(() => Count(daemon.Query(), "misses") == 2, () => $"the misses are not counted: {daemon.Query()}");
        using var misses = JsonDocument.Parse(daemon.Ask("show", "misses", "--json"));
        Assert.Equal([Host(true), Host(false)], misses.RootElement.EnumerateArray().Select(miss => miss.GetProperty("ip").GetString()));
        foreach (string host in (string[])[Host(false), Host(true)])
        {
            daemon.Ask("neighbor", "add", "--tunnel", "vx42", "--ip", host, "--mac", PeerLab.PeerMac);
        }

        Assert.Equal("[]\n", daemon.Ask("show", "misses", "--json"));
    }

    [Fact]
    public void A_broadcast_question_has_exactly_one_answer_and_so_has_a_unicast_one_that_of_the_owner()
    {
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        using OverlayDaemon daemon = lab.StartDaemon(Fdb + Neighbors());
        using FrameSocket host = new(lab.Us, PeerLab.Device);
        byte[] broadcast = PacketBuilder.ArpRequest(OurMac, Ours, Theirs);
        byte[] unicast = [.. broadcast];
        PeerMac.TryWriteBytes(unicast);
        byte[] answer = Arp(2, OurMac, PeerMac, Theirs, OurMac, Ours);
        host.Send(broadcast);
        Assert.Equal([answer], Replies(host, answer));
        Assert.Equal(1, Count(daemon.Query(), "answered"));
        host.Send(unicast);
        Assert.Equal([answer], Replies(host, answer));
        Assert.Equal(1, Count(daemon.Query(), "answered"));

        byte[] solicitation = Solicitation(PeerMac, ValueIPAddress.Parse("fd42::1"), Theirs6, Theirs6);
        host.Send(solicitation);
        Assert.Single(Advertisements(host));
        Assert.Equal(1, Count(daemon.Query(), "answered"));

        // The owner is gone: who polls it is told nothing, who looks for it is.
        lab.Them.Ip("link", "set", PeerLab.Device, "down");
        host.Send(unicast);
        Assert.Empty(Replies(host, answer));
        host.Send(solicitation);
        Assert.Empty(Advertisements(host));
        host.Send(broadcast);
        Assert.Equal([answer], Replies(host, answer));
        Books.AssertBalanced(Books.Settled(daemon));
    }

    [Theory]
    [InlineData(true, false, true)]
    [InlineData(false, false, false)]
    [InlineData(false, true, true)]
    [InlineData(true, true, true)]
    public void A_second_host_with_the_address_is_told_by_the_owner_or_where_the_row_is_immutable_by_the_tap(bool ownerIsUp, bool immutable, bool isDuplicate)
    {
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        using OverlayDaemon daemon = lab.StartDaemon(Fdb + Neighbors(immutable ? """, "immutable": true""" : ""));
        if (!ownerIsUp)
        {
            lab.Them.Ip("link", "set", PeerLab.Device, "down");
        }

        // IPv4: the probe of RFC 5227.
        using FrameSocket host = new(lab.Us, PeerLab.Device);
        host.Send(PacketBuilder.ArpRequest(OurMac, Zero, Theirs));
        byte[] conflict = Arp(2, OurMac, PeerMac, Theirs, OurMac, Zero);
        Assert.Equal(isDuplicate ? 1 : 0, Replies(host, conflict).Length);

        // IPv6: the kernel's own duplicate address detection (RFC 4862 §5.4).
        lab.Us.Sysctl($"net.ipv6.conf.{PeerLab.Device}.accept_dad", "1");
        lab.Us.Ip("address", "add", "fd42::2/64", "dev", PeerLab.Device);
        string address = "";
        Wait.Until(
            () =>
            {
                address = lab.Us.Ip("-6", "-o", "address", "show", "dev", PeerLab.Device, "to", "fd42::2").Output;
                return address.Contains("dadfailed", StringComparison.Ordinal) || !address.Contains("tentative", StringComparison.Ordinal);
            },
            () => address);
        Assert.Equal(isDuplicate, address.Contains("dadfailed", StringComparison.Ordinal));
        JsonElement status = Books.Settled(daemon);
        Assert.Equal(immutable ? (2, 0) : (0, 2), (Count(status, "answered"), Count(status, "probes")));
        Books.AssertBalanced(status);
    }

    [Fact]
    public void The_answer_says_who_is_a_router()
    {
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        using OverlayDaemon daemon = lab.StartDaemon(
            Fdb + """, "neighbors": [ { "ip": "fd42::2", "mac": "02:00:00:00:00:02", "router": true }, { "ip": "fd42::3", "mac": "02:00:00:00:00:02" } ]""");
        lab.Them.Ip("link", "set", PeerLab.Device, "down");
        Ping.Run(lab.Us, "fd42::2", 1, "-W", "1");
        Ping.Run(lab.Us, "fd42::3", 1, "-W", "1");
        Assert.Contains(" router ", lab.Us.Ip("-6", "neigh", "show", "fd42::2", "dev", PeerLab.Device).Output, StringComparison.Ordinal);
        string plain = lab.Us.Ip("-6", "neigh", "show", "fd42::3", "dev", PeerLab.Device).Output;
        Assert.Contains($"lladdr {PeerLab.PeerMac}", plain, StringComparison.Ordinal);
        Assert.DoesNotContain("router", plain, StringComparison.Ordinal);
        Assert.Equal(2, Count(daemon.Query(), "answered"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_a_host_says_of_itself_through_the_tunnel_is_learned_where_that_is_asked_for(bool learn)
    {
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        using OverlayDaemon daemon = lab.StartDaemon(learn ? """, "learning": { "neighbors": true }""" : "");
        Assert.Equal(0, Ping.Run(lab.Them, "10.42.0.1", 1, "-W", "5").Lost);
        Assert.Equal(0, Ping.Run(lab.Us, Host(true), 1, "-W", "5").Lost);
        if (learn)
        {
            Wait.Until(() => Count(daemon.Query(), "learned") == 2, () => $"{daemon.Query()}");
        }

        lab.Them.Ip("link", "set", PeerLab.Device, "down");
        foreach (bool ipv6 in (bool[])[false, true])
        {
            Forget(lab, ipv6);
            Assert.Equal(1, Ping.Run(lab.Us, Host(ipv6), 1, "-W", "1").Lost);
            Assert.Equal(learn, Neighbor(lab, ipv6).Contains($"lladdr {PeerLab.PeerMac}", StringComparison.Ordinal));
        }

        Assert.Equal(learn ? (2, 2) : (0, 0), (Count(daemon.Query(), "answered"), Count(daemon.Query(), "learned")));
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(60, 1)]
    public void A_repeated_announcement_is_held_back_where_that_is_asked_for(int hold, int heard)
    {
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        using OverlayDaemon daemon = lab.StartDaemon(string.Create(CultureInfo.InvariantCulture, $""", "announcementHoldSeconds": {hold}"""));
        using WireLog log = new(lab.Them, PeerLab.Device);
        using FrameSocket host = new(lab.Us, PeerLab.Device);
        for (int i = 0; i < 3; i++)
        {
            host.Send(PacketBuilder.ArpRequest(OurMac, Ours, Ours));
        }

        Wait.Until(() => Count(daemon.Query(), "announcements") == 3, () => $"{daemon.Query()}");
        JsonElement status = Books.Settled(daemon);
        Assert.Equal(3 - heard, OverlayDaemon.Counter(status, PeerLab.Device, "egress", "drops.repeated-announcement"));
        Books.AssertBalanced(status);
        Wait.Until(() => PeerLab.Statistic(lab.Them, PeerLab.Device, "rx", "packets") >= heard, () => "nothing came");
        Assert.Equal(heard, log.Stop("arp.isgratuitous == 1", ["frame.number"]).Length);
    }

    private static OverlayDaemon? AddPeer(PeerLab lab, bool isOverlay)
    {
        if (isOverlay)
        {
            return lab.StartPeerDaemon();
        }

        lab.AddKernelVxlan();
        return null;
    }

    private static string Neighbors(string more = "") =>
        $$""", "neighbors": [ { "ip": "10.42.0.2", "mac": "02:00:00:00:00:02"{{more}} }, { "ip": "fd42::2", "mac": "02:00:00:00:00:02"{{more}} } ]""";

    private static string Host(bool ipv6) => ipv6 ? "fd42::2" : "10.42.0.2";

    private static string Neighbor(PeerLab lab, bool ipv6) => lab.Us.Ip("neigh", "show", Host(ipv6), "dev", PeerLab.Device).Output;

    private static void Forget(PeerLab lab, bool ipv6) => lab.Us.Ip("neigh", "flush", "to", Host(ipv6), "dev", PeerLab.Device);

    private static long Count(JsonElement status, string counter) =>
        status.GetProperty("tunnels")[0].GetProperty("neighbors").GetProperty(counter).GetInt64();

    // What reached the peer of questions for it that were not sent to it alone.
    private static int Questions(WireLog log, bool ipv6) => log.Stop(
        ipv6 ? "icmpv6.type == 135 && icmpv6.nd.ns.target_address == fd42::2 && eth.dst[0] == 33"
            : "arp.opcode == 1 && arp.dst.proto_ipv4 == 10.42.0.2 && eth.dst == ff:ff:ff:ff:ff:ff",
        ["frame.number"]).Length;

    // Those equal to a frame, by its length: a tap may hand over what the wire padded.
    private static byte[][] Replies(FrameSocket host, byte[] expected) =>
        [.. Frames(host).Where(frame => frame.Length >= expected.Length && frame.AsSpan(0, 22).SequenceEqual(expected.AsSpan(0, 22))).Select(frame => frame[..expected.Length])];

    private static byte[][] Advertisements(FrameSocket host) => [.. Frames(host).Where(frame => frame.Length > 54 && frame[12] == 0x86 && frame[20] == 58 && frame[54] == 136)];

    private static IEnumerable<byte[]> Frames(FrameSocket host)
    {
        while (host.Receive(Silence) is { } frame)
        {
            yield return frame;
        }
    }

    private static byte[] Arp(byte operation, MacAddress destination, MacAddress sender, ValueIPAddress senderAddress, MacAddress target, ValueIPAddress targetAddress)
    {
        byte[] frame = PacketBuilder.ArpRequest(sender, senderAddress, targetAddress);
        destination.TryWriteBytes(frame);
        frame[21] = operation;
        target.TryWriteBytes(frame.AsSpan(32));
        return frame;
    }

    private static byte[] Solicitation(MacAddress destination, ValueIPAddress source, ValueIPAddress to, ValueIPAddress target)
    {
        byte[] message = [135, 0, 0, 0, 0, 0, 0, 0, .. new byte[16], 1, 1, 2, 0, 0, 0, 0, 1];
        target.TryWriteBytes(message.AsSpan(8), out _);
        byte[] packet = PacketBuilder.IP(source, to, IPProtocol.IcmpV6, message, ttl: 255);
        ushort checksum = PacketBuilder.Checksum(packet.AsSpan(40), PacketBuilder.PseudoHeader(packet, IPProtocol.IcmpV6, message.Length));
        (packet[42], packet[43]) = ((byte)(checksum >> 8), (byte)checksum);
        return PacketBuilder.Ethernet(destination, OurMac, EtherType.IPv6, packet);
    }
}
