using Overlay.DataPath;
using Overlay.Linux.Interop;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests;

/// <summary>IP-in-IP superpackets that the kernel cuts, with tshark as judge of what it made of them.</summary>
public sealed class IPInIPGsoTests
{
    private const int SegmentSize = 1400;
    private static readonly ValueIPAddress Inner4 = ValueIPAddress.Parse("10.1.0.1");
    private static readonly ValueIPAddress Inner4Peer = ValueIPAddress.Parse("10.1.0.2");
    private static readonly ValueIPAddress Inner6 = ValueIPAddress.Parse("fd00::1");
    private static readonly ValueIPAddress Inner6Peer = ValueIPAddress.Parse("fd00::2");

    /// <summary>Outer IPv6, inner IPv6, TCP.</summary>
    public static TheoryData<bool, bool, bool> Kinds => new()
    {
        { false, false, true }, { false, true, true }, { true, false, true }, { true, true, true },
        { false, false, false }, { false, true, false }, { true, false, false }, { true, true, false },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_superpacket_crosses_whole_and_a_device_without_offloads_cuts_it_right(bool outer6, bool inner6, bool tcp)
    {
        TunAccess.Require();
        using VtepLab lab = new();
        ValueIPAddress theirs = outer6 ? VtepLab.Peer6 : VtepLab.Peer;
        using IPInIPGsoSocket socket = Open(lab, outer6);
        using RawTunnelSocket peer = lab.Them.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = theirs, InnerMtu = 1460 }));
        byte[] packet = Add(lab, theirs, inner6, tcp, 30_000);
        int headers = packet.Length - 30_000;
        lab.SendAll(socket);
        lab.Receive(peer, 1);
        PacketMeta whole = lab.Batch.Meta(0);
        Assert.Equal(packet, lab.Batch.Data(0).ToArray());
        Assert.Equal((outer6 ? VtepLab.Ours6 : VtepLab.Ours, 0xB8, 33, !outer6), (whole.Remote, whole.TrafficClass, whole.Ttl, whole.DontFragment));
        Assert.Equal(ChecksumState.Partial, whole.Checksum);
        Assert.Equal((1, 0, true), (socket.Superpackets, socket.Fallbacks, socket.Active));

        lab.Batch.Clear();
        lab.Us.EthtoolOff(VtepLab.OurDevice, "tso", "gso", "tx");
        const int Segments = 22;
        using WireCapture capture = new(lab.Them, VtepLab.PeerDevice, 2 * Segments, $"{(outer6 ? "ip6" : "ip")} proto {(inner6 ? 41 : 4)}");
        Add(lab, theirs, inner6, tcp, 30_000);
        Add(lab, theirs, inner6, tcp, 30_000);
        lab.SendAll(socket);
        lab.Receive(peer, 2 * Segments);
        byte[] payload = PacketBuilder.Payload(30_000);
        Assert.Equal(payload, Enumerable.Range(0, Segments).SelectMany(i => lab.Batch.Data(i)[headers..].ToArray()));
        Assert.All(Enumerable.Range(0, 2 * Segments), i => Assert.True(PacketBuilder.IsTransportChecksumValid(lab.Batch.Data(i))));

        string transport = tcp ? "tcp" : "udp";
        string[][] rows = capture.Fields(
            "ip.len", "ip.id", "ip.checksum.status", "ip.ttl", "ip.dsfield", "ip.flags.df", "ipv6.plen", "ipv6.hlim", "ipv6.tclass", "ipv6.flow",
            $"{transport}.checksum.status", "tcp.seq_raw", "udp.length", "frame.len");
        Assert.Equal(2 * Segments, rows.Length);
        int innerLayer = outer6 == inner6 ? 1 : 0;
        for (int i = 0; i < rows.Length; i++)
        {
            int segment = i % Segments;
            int data = Math.Min(SegmentSize, 30_000 - (segment * SegmentSize));
            int innerLength = headers + data;
            string[][] row = [.. rows[i].Select(field => field.Split(','))];
            // Outer first, inner behind it if they are of one family.
            Assert.Equal($"{14 + (outer6 ? 40 : 20) + innerLength}", row[13][0]);
            if (outer6)
            {
                Assert.Equal(($"{innerLength}", "33", "0x000000b8", "0x0abcde"), (row[6][0], row[7][0], row[8][0], row[9][0]));
            }
            else
            {
                Assert.Equal(($"{20 + innerLength}", "1", "33", "0xb8", "1"), (row[0][0], row[2][0], row[3][0], row[4][0], Flag(row[5][0])));
                Assert.Equal(i, Identification(row[1][0]) - Identification(rows[0][1].Split(',')[0]));
            }

            if (inner6)
            {
                Assert.Equal($"{innerLength - 40}", row[6][innerLayer]);
            }
            else
            {
                Assert.Equal(($"{innerLength}", "1"), (row[0][innerLayer], row[2][innerLayer]));
                Assert.Equal(segment, Identification(row[1][innerLayer]) - Identification(rows[0][1].Split(',')[innerLayer]));
            }

            Assert.Equal("1", row[10][0]);
            Assert.Equal(tcp ? $"{9 + (segment * SegmentSize)}" : $"{8 + data}", row[tcp ? 11 : 12][0]);
        }

        Assert.Equal((3, 0), (socket.Superpackets, socket.Fallbacks));
        lab.AssertNoFragments();
    }

    [Fact]
    public void Order_within_a_flow_is_kept_whatever_goes_which_way()
    {
        TunAccess.Require();
        using VtepLab lab = new();
        using IPInIPGsoSocket socket = Open(lab, outer6: false);
        using RawTunnelSocket peer = lab.Them.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Peer }));
        List<byte[]> expected = [];
        for (int i = 0; i < 8; i++)
        {
            byte[] plain = PacketBuilder.Tcp(Inner4, Inner4Peer, 1, 2, (uint)i, 0x18, PacketBuilder.Payload(10 + i));
            lab.Add(plain, VtepLab.Peer);
            expected.Add(plain);
            expected.Add(Add(lab, VtepLab.Peer, inner6: false, tcp: true, 2000 + i));
        }

        lab.SendAll(socket);
        lab.Receive(peer, expected.Count);
        Assert.Equal(expected, Enumerable.Range(0, expected.Count).Select(i => lab.Batch.Data(i).ToArray()));
        Assert.Equal((8, 0), (socket.Superpackets, socket.Fallbacks));
    }

    [Fact]
    public void What_no_tap_can_carry_goes_by_the_socket()
    {
        TunAccess.Require();
        using VtepLab lab = new();
        lab.Us.Ip("address", "add", "192.0.2.99/32", "dev", "lo");
        using IPInIPGsoSocket socket = Open(lab, outer6: false);
        using RawTunnelSocket own = lab.Us.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = ValueIPAddress.Parse("192.0.2.99") }));
        using RawTunnelSocket peer = lab.Them.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Peer }));
        // An address of this host.
        Add(lab, own.Local, inner6: false, tcp: true, 3000);
        lab.SendAll(socket);
        lab.Receive(own, 3);

        // More than an IP packet holds, with the outer header; and the most that it holds.
        lab.Batch.Clear();
        Add(lab, VtepLab.Peer, inner6: false, tcp: true, 65_535 - 40 - 19);
        lab.SendAll(socket);
        lab.Receive(peer, 47);
        Assert.Equal((0, 0), (socket.Superpackets, socket.Fallbacks));
        lab.Batch.Clear();
        Add(lab, VtepLab.Peer, inner6: false, tcp: true, 65_535 - 40 - 20);
        lab.SendAll(socket);
        // With the link header it exceeds what the device takes in one piece (gso_max_size): the kernel cuts it.
        lab.Receive(peer, 47);
        Assert.Equal(PacketBuilder.Payload(65_535 - 40 - 20), Enumerable.Range(0, 47).SelectMany(i => lab.Batch.Data(i)[40..].ToArray()));
        Assert.Equal((1, 0), (socket.Superpackets, socket.Fallbacks));

        // Nobody's: the socket knows why.
        lab.Batch.Clear();
        lab.Us.Ip("route", "add", "unreachable", "198.51.100.0/24");
        Add(lab, ValueIPAddress.Parse("198.51.100.1"), inner6: false, tcp: true, 3000);
        Assert.Equal(PortResult.Ok, lab.Send(socket));
        Assert.Equal((PacketState.Dropped, DropReason.SendFailed), (lab.Batch.Meta(0).State, lab.Batch.Meta(0).Drop));
        Assert.Equal((1, 0, true), (socket.Superpackets, socket.Fallbacks, socket.Active));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Segments_that_exceed_the_link_are_too_big_and_those_that_just_fit_go(bool outer6)
    {
        TunAccess.Require();
        using VtepLab lab = new();
        ValueIPAddress theirs = outer6 ? VtepLab.Peer6 : VtepLab.Peer;
        using IPInIPGsoSocket socket = Open(lab, outer6);
        using RawTunnelSocket peer = lab.Them.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = theirs }));
        int fits = 1500 - (outer6 ? 40 : 20) - 40;
        Add(lab, theirs, inner6: false, tcp: true, 30_000, fits + 1);
        byte[] whole = Add(lab, theirs, inner6: false, tcp: true, 30_000, fits);
        Assert.Equal(PortResult.Ok, lab.Send(socket));
        Assert.Equal((PacketState.Dropped, DropReason.TooBig), (lab.Batch.Meta(0).State, lab.Batch.Meta(0).Drop));
        Assert.Equal(PacketState.Sent, lab.Batch.Meta(1).State);
        lab.Receive(peer, 1);
        Assert.Equal(whole, lab.Batch.Data(0).ToArray());
        Assert.Equal((1, 0), (socket.Superpackets, socket.Fallbacks));
    }

    [Fact]
    public void A_refused_superpacket_is_cut_and_eight_in_a_row_end_it()
    {
        TunAccess.Require();
        using VtepLab lab = new();
        ScriptedFrameWriter kernel = new()
        {
            Answers = new Queue<Errno>([Errno.EINVAL, Errno.None, .. Enumerable.Repeat(Errno.EMSGSIZE, 7), Errno.None, .. Enumerable.Repeat(Errno.EIO, 8)]),
        };
        using IPInIPGsoSocket socket = Open(lab, outer6: false, kernel);
        using RawTunnelSocket peer = lab.Them.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Peer }));
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal(i < 18, socket.Active);
            lab.Batch.Clear();
            Add(lab, VtepLab.Peer, inner6: false, tcp: true, 3000);
            lab.SendAll(socket);
            lab.Receive(peer, i is 1 or 9 ? 1 : 3);
        }

        Assert.Equal((16, 2), (socket.Fallbacks, socket.Superpackets));
        Assert.Contains("is down (EIO)", socket.Failure, StringComparison.Ordinal);
        Assert.Empty(kernel.Answers);
    }

    [Fact]
    public void A_full_device_leaves_packets_pending_and_no_memory_is_a_drop()
    {
        TunAccess.Require();
        using VtepLab lab = new();
        ScriptedFrameWriter kernel = new() { Answers = new Queue<Errno>([Errno.None, Errno.EAGAIN, Errno.None, Errno.ENOBUFS]) };
        using IPInIPGsoSocket socket = Open(lab, outer6: false, kernel);
        for (int i = 0; i < 3; i++)
        {
            Add(lab, VtepLab.Peer, inner6: false, tcp: true, 3000);
        }

        Assert.Equal(PortResult.WouldBlock, lab.Send(socket));
        Assert.Equal([PacketState.Sent, PacketState.Pending, PacketState.Pending], Enumerable.Range(0, 3).Select(i => lab.Batch.Meta(i).State));
        Assert.Equal(PortResult.Ok, lab.Send(socket));
        Assert.Equal([PacketState.Sent, PacketState.Sent, PacketState.Dropped], Enumerable.Range(0, 3).Select(i => lab.Batch.Meta(i).State));
        Assert.Equal((DropReason.QueueFull, true), (lab.Batch.Meta(2).Drop, socket.Active));
    }

    [Fact]
    public void A_frame_without_the_mark_goes_nowhere_and_with_it_only_ip_goes()
    {
        TunAccess.Require();
        using VtepLab lab = new();
        using IPInIPGsoSocket socket = Open(lab, outer6: false);
        using UnderlayTap tap = lab.Us.Run(() => UnderlayTap.Open(
            UnderlayTap.DefaultName, "overlay_ipip", EncapsulationFrame.Program(), VnetHeader.Length, UnderlayTap.PlainOffloads));
        int link = lab.Us.Run(() =>
        {
            using RouteNetlink netlink = RouteNetlink.Open();
            return netlink.GetLink(VtepLab.OurDevice).Index;
        });
        using RawTunnelSocket peer = lab.Them.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Peer }));
        byte[] inner = PacketBuilder.Udp(Inner4, Inner4Peer, 1, 2, "in"u8);
        byte[] outer = PacketBuilder.IP(VtepLab.Ours, VtepLab.Peer, IPProtocol.IPv4, inner);
        byte[] mark = new byte[14];
        Assert.True(RedirectFrame.Header(link, EtherType.IPv4).TryWrite(mark, out _));
        byte[] other = [.. mark];
        other[5] ^= 1;
        byte[] seven = [.. outer];
        seven[0] = 0x75;
        Assert.Equal(Errno.None, Write(tap, [.. new byte[VnetHeader.Length], .. other, .. outer]));
        Assert.Equal(Errno.None, Write(tap, [.. new byte[VnetHeader.Length], .. mark, .. seven]));
        Assert.Equal(Errno.None, Write(tap, [.. new byte[VnetHeader.Length], .. mark, 0x45]));
        Assert.Equal(Errno.None, Write(tap, [.. new byte[VnetHeader.Length], .. mark, .. outer]));
        lab.Receive(peer, 1);
        Assert.Equal(inner, lab.Batch.Data(0).ToArray());
        Assert.Equal(PortResult.Empty, peer.Receive(lab.Batch));
    }

    [Fact]
    public void Nothing_else_of_the_host_changes_and_the_device_goes_with_its_owner()
    {
        TunAccess.Require();
        using VtepLab lab = new();
        string before = Settings(lab.Us);
        string links = string.Join(' ', EndToEnd.PeerLab.Devices(lab.Us));
        using (IPInIPGsoSocket socket = Open(lab, outer6: false))
        {
            Assert.Contains(socket.DeviceName, EndToEnd.PeerLab.Devices(lab.Us));
            Add(lab, VtepLab.Peer, inner6: false, tcp: true, 3000);
            lab.SendAll(socket);
            Assert.Equal(before, Settings(lab.Us));
            Assert.DoesNotContain("inet", lab.Us.Ip("-o", "address", "show", socket.DeviceName).Output, StringComparison.Ordinal);
        }

        Assert.Equal(links, string.Join(' ', EndToEnd.PeerLab.Devices(lab.Us)));
        Assert.Equal(before, Settings(lab.Us));
    }

    [Fact]
    public void Without_capabilities_the_socket_stays_the_callers()
    {
        TunAccess.Require();
        using VtepLab lab = new();
        using RawTunnelSocket socket = lab.Us.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Ours }));
        using RawTunnelSocket peer = lab.Them.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Peer }));
        LinuxException? refused = null;
        lab.Us.Run(() => Privileges.RunWithoutAny(() => refused = Assert.Throws<LinuxException>(() => IPInIPGsoSocket.Open(socket))));
        Assert.Contains("CAP_BPF", refused!.Message, StringComparison.Ordinal);
        Add(lab, VtepLab.Peer, inner6: false, tcp: true, 3000);
        lab.SendAll(socket);
        lab.Receive(peer, 3);
        Assert.DoesNotContain(EndToEnd.PeerLab.Devices(lab.Us), name => name.StartsWith("ovl", StringComparison.Ordinal));
    }

    [Fact]
    public void Nothing_is_allocated_in_steady_state()
    {
        TunAccess.Require();
        using VtepLab lab = new();
        using IPInIPGsoSocket socket = Open(lab, outer6: false);
        using RawTunnelSocket peer = lab.Them.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Peer }));
        byte[] packet = Add(lab, VtepLab.Peer, inner6: false, tcp: true, 30_000);
        PacketMeta meta = lab.Batch.Meta(0);
        byte[] plain = PacketBuilder.Udp(Inner4, Inner4Peer, 1, 2, new byte[100]);
        int received = 0;
        Allocations.Zero(() =>
        {
            lab.Batch.Clear();
            for (int i = 0; i < 4; i++)
            {
                lab.Batch.TryAppend(packet, out int index);
                lab.Batch.Meta(index) = meta;
                lab.Batch.TryAppend(plain, out index);
                lab.Batch.Meta(index) = new PacketMeta { Remote = VtepLab.Peer, Ttl = 64 };
            }

            lab.Batch.Select(0);
            socket.Send(lab.Batch);
            lab.Batch.Clear();
            peer.Receive(lab.Batch);
            received += lab.Batch.Count;
        });
        Assert.InRange(received, 1, int.MaxValue);
        Assert.InRange(socket.Superpackets, 1, long.MaxValue);
    }

    private static string Settings(Netns netns) => netns.Run(() => string.Join(' ', new[] { "all", "default", VtepLab.OurDevice }
        .SelectMany(device => new[] { "rp_filter", "accept_local", "forwarding" }.Select(name => $"ipv4/conf/{device}/{name}")
            .Append($"ipv6/conf/{device}/forwarding"))
        .Append("ipv4/ip_forward")
        .Select(name => File.ReadAllText($"/proc/sys/net/{name}").Trim())));

    private static unsafe Errno Write(UnderlayTap tap, byte[] bytes)
    {
        fixed (byte* start = bytes)
        {
            IoVector vector = new() { Base = start, Length = (nuint)bytes.Length };
            return new FrameWriter().Write(tap.Handle, &vector, 1);
        }
    }

    private static string Flag(string value) => value is "True" or "1" ? "1" : "0";

    private static int Identification(string value) => Convert.ToInt32(value, 16);

    private static IPInIPGsoSocket Open(VtepLab lab, bool outer6, FrameWriter? writer = null) => lab.Us.Run(() => IPInIPGsoSocket.Open(
        RawTunnelSocket.Bind(new RawTunnelOptions { Local = outer6 ? VtepLab.Ours6 : VtepLab.Ours }), UnderlayTap.DefaultName, writer ?? new FrameWriter()));

    // Adds a superpacket and returns its bytes.
    private static byte[] Add(VtepLab lab, ValueIPAddress remote, bool inner6, bool tcp, int length, int segmentSize = SegmentSize)
    {
        (ValueIPAddress from, ValueIPAddress to) = inner6 ? (Inner6, Inner6Peer) : (Inner4, Inner4Peer);
        byte[] payload = PacketBuilder.Payload(length);
        byte[] packet = tcp
            ? PacketBuilder.Tcp(from, to, 1, 2, 9, 0x18, payload, partialChecksum: true)
            : PacketBuilder.Udp(from, to, 1, 2, payload, partialChecksum: true);
        ref PacketMeta meta = ref lab.Batch.Meta(lab.Add(packet, remote));
        meta.Segmentation = !tcp ? SegmentationKind.Udp : inner6 ? SegmentationKind.TcpIPv6 : SegmentationKind.TcpIPv4;
        meta.Checksum = ChecksumState.Partial;
        meta.SegmentSize = (ushort)segmentSize;
        meta.HeaderLength = (ushort)(packet.Length - length);
        meta.ChecksumStart = (ushort)(inner6 ? 40 : 20);
        meta.ChecksumOffset = (ushort)(tcp ? 16 : 6);
        (meta.TrafficClass, meta.Ttl, meta.DontFragment, meta.FlowLabel) = (0xB8, 33, true, 0xABCDE);
        return packet;
    }
}
