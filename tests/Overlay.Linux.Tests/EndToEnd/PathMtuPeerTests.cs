using System.Globalization;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>
/// What a sender has learned of the path (<see cref="PathMtuMatrixTests"/>) is what arrives: at a kernel's vxlan devices, and at the ipip, sit and ip6tnl devices
/// of another kernel. Not a byte more, not a byte less, both ways; and what those send in fragments arrives whole.
/// </summary>
public sealed class PathMtuPeerTests(PathMtuPeerTests.Fixture fixture) : IClassFixture<PathMtuPeerTests.Fixture>
{
    private const int TransferBytes = 2_000_000;
    private const int UdpPort = 2_000;
    private const string TcpPort = "5001";

    // Of an Ethernet frame.
    private const int FullFrame = PathMtuPeerLab.FarMtu + 14;

    private static readonly TimeSpan PingBound = TimeSpan.FromSeconds(30);

    private readonly PathMtuPeerLab _lab = fixture.Lab;

    /// <summary>The networks where both ends send what fits.</summary>
    public static TheoryData<string> Peers { get; } = [.. PathMtuPeerLab.All.Select(peer => peer.Name)];

    /// <summary>Those where the other end sends more than that.</summary>
    public static TheoryData<string> FragmentingPeers { get; } = [.. PathMtuPeerLab.Fragmenting.Select(peer => peer.Name)];

    [Theory]
    [MemberData(nameof(Peers))]
    public void What_was_learned_is_answered_and_a_byte_more_is_not(string name)
    {
        PathMtuPeer peer = Find(name);
        long fragments = Fragments();
        LearnedMtu.AssertLearned(_lab.Routed.Near, peer.Theirs, peer.Mtu, PathMtuPeerLab.DeviceMtu);
        AssertAnswered(peer);

        // Who has learned it does not even send more.
        CommandResult kept = PingOnce(peer, peer.Mtu + 1);
        Assert.Contains("0 received", kept.Output, StringComparison.Ordinal);
        Assert.Contains($"message too long, mtu{(peer.IsInnerIPv4 ? "=" : ": ")}{peer.Mtu}", kept.Error, StringComparison.Ordinal);

        // Who has not: what fits passes, and about a byte more it is told, with the same number.
        foreach (string family in (string[])["-4", "-6"])
        {
            _lab.Routed.Near.Ip(family, "route", "flush", "cache");
        }

        Assert.Equal(0, LearnedMtu.Of(_lab.Routed.Near, peer.Theirs));
        AssertAnswered(peer);
        Assert.Equal(0, LearnedMtu.Of(_lab.Routed.Near, peer.Theirs));
        CommandResult told = PingOnce(peer, peer.Mtu + 1);
        Assert.Contains("0 received", told.Output, StringComparison.Ordinal);
        Assert.Contains(
            peer.IsInnerIPv4 ? $"Frag needed and DF set (mtu = {peer.Mtu})" : $"Packet too big: mtu={peer.Mtu}", told.Output, StringComparison.Ordinal);
        Assert.Equal(peer.Mtu, LearnedMtu.Of(_lab.Routed.Near, peer.Theirs));

        AssertTheyAreAnswered(peer);
        // Neither of it came in pieces.
        Assert.Equal(fragments, Fragments());
        Books.AssertBalanced(Books.Settled(_lab.Daemon));
    }

    [Theory]
    [MemberData(nameof(Peers))]
    public async Task Datagrams_and_a_stream_that_fill_the_path_go_both_ways(string name)
    {
        PathMtuPeer peer = Find(name);
        LearnedMtu.AssertLearned(_lab.Routed.Near, peer.Theirs, peer.Mtu, PathMtuPeerLab.DeviceMtu);
        long fragments = Fragments();
        int[] below = [.. Enumerable.Range(1, 8).Select(less => peer.Payload(peer.Mtu) + 1 - less)];
        // Where the other end's encapsulation is longer, it may ask for shorter segments; then only the datagrams are as long as can be.
        int full = peer.TheirMtu == peer.Mtu ? 100 : 1;
        using WireCapture capture = new(_lab.Routed.Router, peer.RouterDevice, full, $"src host {peer.Local} and greater {FullFrame}");
        if (peer.IsKernelVxlan)
        {
            using (UdpEcho echo = new(_lab.Routed.Far, peer.Theirs))
            using (UdpProbe probe = new(_lab.Routed.Near, echo, peer.Ours))
            {
                probe.Exchange(below);
            }

            Assert.True(TcpTransfer.Run(_lab.Routed.Near, _lab.Routed.Far, peer.Theirs, TransferBytes, source: peer.Ours).IsIntact);
            Assert.True(TcpTransfer.Run(_lab.Routed.Far, _lab.Routed.Near, peer.Ours, TransferBytes, source: peer.Theirs).IsIntact);
        }
        else
        {
            int theirs = peer.Payload(peer.TheirMtu);
            (int, int)[] lengths = [.. below.Select((length, i) => (length, theirs - i))];
            Assert.Equal(lengths, _lab.Echo(peer, lengths));
            string count = TransferBytes.ToString(CultureInfo.InvariantCulture);
            Task<CommandResult> server = _lab.BeginPeerPython(PeerScripts.Transfer, "serve", peer.Theirs, peer.Ours, TcpPort, count, "1");
            string[] here = _lab.RunPython(PeerScripts.Transfer, "connect", peer.Ours, peer.Theirs, TcpPort, count, "2").Output.Trim().Split(' ');
            string[] there = (await server).Output.Trim().Split(' ');
            // What each has sent, how much has come, and what.
            Assert.Equal((count, count), (here[1], there[1]));
            Assert.Equal((here[0], there[0]), (there[2], here[2]));
        }

        Assert.All(capture.Fields("frame.len"), row => Assert.Equal(FullFrame.ToString(CultureInfo.InvariantCulture), row[0]));
        Assert.Equal(fragments, Fragments());
        Books.AssertBalanced(Books.Settled(_lab.Daemon));
    }

    [Theory]
    [MemberData(nameof(FragmentingPeers))]
    public void What_the_other_end_sends_in_fragments_arrives_whole(string name)
    {
        const int Count = 50;
        PathMtuPeer peer = Find(name);
        long reassembled = Books.Kernel(_lab.Routed.Near, "Ip.ReasmOKs");
        long drops = Drops();
        // From the first length that does not fit on, each in two fragments, the second one of all lengths.
        int[] lengths = [.. Enumerable.Range(0, Count).Select(i => peer.Payload(peer.TheirMtu) + 1 + (i * 25))];
        if (peer.IsKernelVxlan)
        {
            using UdpApplication ours = new(_lab.Routed.Near, peer.Ours, UdpPort);
            using UdpApplication theirs = new(_lab.Routed.Far, peer.Theirs, UdpPort);
            byte[][] sent = [.. lengths.Select((length, i) => PacketBuilder.Payload(length, seed: i))];
            foreach (byte[] payload in sent)
            {
                theirs.Send(payload, peer.Ours, UdpPort);
            }

            Assert.Equal(sent, ours.Take(Count));
        }
        else
        {
            Assert.Equal(lengths, _lab.Echo(peer, lengths.Select(length => (100, length))).Select(answer => answer.Back));
        }

        Assert.Equal(Count, Books.Kernel(_lab.Routed.Near, "Ip.ReasmOKs") - reassembled);
        Assert.Equal(drops, Drops());
        Books.AssertBalanced(Books.Settled(_lab.Daemon));

        long Drops() => OverlayDaemon.Drops(_lab.Daemon.Query(), peer.Tunnel, "ingress");
    }

    /// <summary>RFC 4213 §3.2.2: IPv6 packets of 1280 bytes have to pass, so routers may fragment what carries them; the other kernel puts them together.</summary>
    [Fact]
    public void IPv6_packets_of_1280_bytes_pass_where_less_fits()
    {
        const int Fitting = PathMtuPeerLab.NarrowMtu - 20;
        PathMtuPeer peer = Find(PathMtuPeerLab.Narrow.Name);
        LearnedMtu.AssertLearned(_lab.Routed.Near, peer.Theirs, peer.Mtu, PathMtuPeerLab.DeviceMtu);
        // What fits the path is not fragmented, whatever else there is; a byte more is.
        foreach ((int length, int fragmented) in new[] { (Fitting, 0), (Fitting + 1, 1), (peer.Mtu, 1) })
        {
            long before = Books.Kernel(_lab.Routed.Router, "Ip.FragOKs");
            CommandResult answered = PingOnce(peer, length);
            Assert.True(answered.Output.Contains("1 received", StringComparison.Ordinal), $"{length} bytes: {answered.Output}{answered.Error}");
            Assert.Equal(fragmented, Books.Kernel(_lab.Routed.Router, "Ip.FragOKs") - before);
        }

        CommandResult kept = PingOnce(peer, peer.Mtu + 1);
        Assert.Contains($"message too long, mtu: {peer.Mtu}", kept.Error, StringComparison.Ordinal);
    }

    // Boots the other kernel where the test needs it: before anything is counted.
    private PathMtuPeer Find(string name)
    {
        PathMtuPeer peer = PathMtuPeerLab.Find(name);
        Assert.True(peer.IsKernelVxlan || _lab.Peer.KernelRelease.Length > 0);
        return peer;
    }

    private CommandResult PingOnce(PathMtuPeer peer, int length) => _lab.Routed.Near.TryExec(
        PingBound, "ping", "-n", "-M", "do", "-c", "1", "-W", "5", "-s", LearnedMtu.PingSize(peer.Theirs, length), peer.Theirs);

    // Where the other end's encapsulation is longer, its first answer is lost: it learns, too, and sends the others in inner fragments.
    private void AssertAnswered(PathMtuPeer peer) => Wait.Until(
        () => Ping.Run(_lab.Routed.Near, peer.Theirs, 1, "-M", "do", "-W", "1", "-s", LearnedMtu.PingSize(peer.Theirs, peer.Mtu)).Received == 1,
        () => $"{peer.Theirs} does not answer {peer.Mtu} bytes");

    private void AssertTheyAreAnswered(PathMtuPeer peer)
    {
        string[] arguments = ["-n", "-q", "-M", "do", "-c", "1", "-W", "5", "-s", LearnedMtu.PingSize(peer.Ours, peer.TheirMtu), "-I", peer.Theirs, peer.Ours];
        CommandResult result = peer.IsKernelVxlan
            ? _lab.Routed.Far.TryExec(PingBound, "ping", arguments)
            : _lab.Peer.TryRun(PingBound, $"ping {string.Join(' ', arguments)}");
        Assert.Contains("1 packets transmitted, 1 received", result.Output, StringComparison.Ordinal);
    }

    // Outer packets, by who would make fragments of ours. Those of host 1 are inner ones, too: what we send is as long as fits.
    private long Fragments() => Books.Kernel(_lab.Routed.Near, "Ip.FragCreates") + Books.Kernel(_lab.Routed.Near, "Ip6FragCreates") +
        Books.Kernel(_lab.Routed.Router, "Ip.FragCreates");

    /// <summary>The laboratory, made by the first test that needs it: a reason to skip must come from a test.</summary>
    public sealed class Fixture : IDisposable
    {
        private readonly Lazy<PathMtuPeerLab> _lab = new(() => new PathMtuPeerLab());

        internal PathMtuPeerLab Lab => _lab.Value;

        public void Dispose()
        {
            if (_lab.IsValueCreated)
            {
                _lab.Value.Dispose();
            }
        }
    }
}
