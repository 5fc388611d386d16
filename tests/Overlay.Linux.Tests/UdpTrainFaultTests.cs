using Overlay.DataPath;
using Overlay.Linux.Interop;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests;

/// <summary>Answers that the kernel here cannot be made to give, put in its place; what it would have taken goes to the real one.</summary>
public sealed unsafe class UdpTrainFaultTests
{
    [Fact]
    public void EIO_switches_trains_off_for_good_and_loses_nothing()
    {
        using VtepLab lab = new();
        Kernel kernel = new() { Answer = (segment, _) => segment != 0 ? Errno.EIO : Errno.None };
        using UdpTunnelSocket socket = Bind(lab, kernel);
        using TestSocket peer = new(lab.Them, "192.0.2.2", 4789);
        for (int round = 0; round < 2; round++)
        {
            AddMany(lab, 10);
            lab.SendAll(socket);
            for (int i = 0; i < 10; i++)
            {
                peer.Receive();
            }

            Assert.False(socket.Gso.IsActive);
            Assert.Equal(1, socket.GsoFallbacks);
        }

        Assert.Equal(20, socket.SentMessages);
    }

    [Fact]
    public void EINVAL_falls_back_for_one_train_only()
    {
        using VtepLab lab = new();
        int refusals = 1;
        Kernel kernel = new() { Answer = (segment, _) => segment != 0 && refusals-- > 0 ? Errno.EINVAL : Errno.None };
        using UdpTunnelSocket socket = Bind(lab, kernel);
        AddMany(lab, 10);
        lab.SendAll(socket);
        AddMany(lab, 10);
        lab.SendAll(socket);
        Assert.True(socket.Gso.IsActive);
        Assert.Equal((1, 11), (socket.GsoFallbacks, socket.SentMessages));
    }

    [Theory]
    [InlineData(10)]
    [InlineData(100)]
    public void EINVAL_for_eight_trains_in_a_row_that_pass_one_by_one_switches_trains_off(int datagrams)
    {
        using VtepLab lab = new();
        Kernel kernel = new() { Answer = (segment, _) => segment != 0 ? Errno.EINVAL : Errno.None };
        using UdpTunnelSocket socket = Bind(lab, kernel);
        for (int round = 1; round <= 10; round++)
        {
            AddMany(lab, datagrams);
            lab.SendAll(socket);
            Assert.Equal(round < 8, socket.Gso.IsActive);
        }

        Assert.Equal((8, 10 * datagrams), (socket.GsoFallbacks, socket.SentMessages));
        Assert.Equal(new OffloadState(false, "fell back after EINVAL"), socket.Gso);
    }

    [Fact]
    public void EINVAL_that_a_blackhole_route_gives_to_everything_switches_nothing_off()
    {
        using VtepLab lab = new();
        Kernel kernel = new() { Answer = (_, _) => Errno.EINVAL };
        using UdpTunnelSocket socket = Bind(lab, kernel);
        for (int round = 0; round < 10; round++)
        {
            AddMany(lab, 10);
            Assert.Equal(PortResult.Ok, lab.Send(socket));
            Assert.All(Enumerable.Range(0, 10), i => Assert.Equal(DropReason.SendFailed, lab.Batch.Meta(i).Drop));
            lab.Batch.Clear();
        }

        Assert.Equal(OffloadState.Active, socket.Gso);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void Without_gso_no_message_carries_a_segment_size(bool gso, bool outerChecksum)
    {
        using VtepLab lab = new();
        bool trains = false;
        Kernel kernel = new() { Answer = (segment, _) => Note(segment != 0) };
        using UdpTunnelSocket socket = lab.Us.Run(() => UdpTunnelSocket.Bind(
            new UdpTunnelOptions { Local = VtepLab.Ours, Gso = gso, OuterChecksum = outerChecksum }, kernel));
        AddMany(lab, 10);
        lab.SendAll(socket);
        bool expected = gso && outerChecksum;

        Assert.Equal((expected, expected ? 1 : 10), (trains, socket.SentMessages));
        Assert.Equal(expected ? null : gso ? "no outer checksum" : "configured off", socket.Gso.Reason);

        Errno Note(bool train)
        {
            trains |= train;
            return Errno.None;
        }
    }

    [Fact]
    public void A_kernel_without_trains_is_asked_for_none()
    {
        using VtepLab lab = new();
        Kernel kernel = new() { Answer = (segment, _) => segment != 0 ? Errno.EINVAL : Errno.None, Unknown = SocketConstants.UDP_SEGMENT };
        using UdpTunnelSocket socket = Bind(lab, kernel);
        AddMany(lab, 10);
        lab.SendAll(socket);
        Assert.Equal((0, 10), (socket.GsoFallbacks, socket.SentMessages));
        Assert.Equal(new OffloadState(false, "kernel refused (ENOPROTOOPT)"), socket.Gso);
        Assert.True(socket.Gro.IsActive);
    }

    [Theory]
    [InlineData(true, SocketConstants.UDP_GRO, "kernel refused (ENOPROTOOPT)")]
    [InlineData(false, 0, "configured off")]
    public void Without_gro_datagrams_come_one_by_one(bool gro, int unknown, string reason)
    {
        using VtepLab lab = new();
        Kernel kernel = new() { Answer = (_, _) => Errno.None, Unknown = unknown };
        using UdpTunnelSocket socket = lab.Us.Run(() => UdpTunnelSocket.Bind(new UdpTunnelOptions { Local = VtepLab.Ours, Gro = gro }, kernel));
        using TestSocket peer = new(lab.Them, "192.0.2.2", 4789);
        peer.SetSegmentSize(VtepLab.Vxlan(VtepLab.Vni, VtepLab.Frame(100)).Length);
        byte[] datagram = VtepLab.Vxlan(VtepLab.Vni, VtepLab.Frame(100));
        peer.SendTo([.. datagram, .. datagram, .. datagram], "192.0.2.1", 4789);
        lab.Receive(socket, 3);
        Assert.All(Enumerable.Range(0, 3), i => Assert.Equal(datagram, lab.Batch.Data(i).ToArray()));
        Assert.Equal(new OffloadState(false, reason), socket.Gro);
        Assert.Equal(gro, kernel.Asked.Contains(SocketConstants.UDP_GRO));
    }

    [Theory]
    [InlineData(7, 1, 4, 10)]
    [InlineData(7, 1, 5, 1)]
    public void A_kernel_that_breaks_equal_datagrams_gets_them_one_by_one(int major, int minor, int patch, int messages)
    {
        using VtepLab lab = new();
        List<(int Segment, int Length)> seen = [];
        Kernel kernel = new()
        {
            Kernels = new KernelRelease(major, minor, patch),
            Answer = (segment, length) =>
            {
                seen.Add((segment, length));
                return Errno.None;
            },
        };
        using UdpTunnelSocket socket = Bind(lab, kernel);
        using TestSocket peer = new(lab.Them, "192.0.2.2", 4789);
        AddMany(lab, 10);
        lab.SendAll(socket);
        Assert.Equal(messages, seen.Count);
        Assert.DoesNotContain(seen, m => messages > 1 && m.Segment != 0);

        // A shorter last datagram makes a train harmless; two trains of one group, in their order, between them the equal ones.
        seen.Clear();
        int[] payloads = [100, 100, 100, 50, 200, 200, 200, 300, 300, 299];
        foreach (int payload in payloads)
        {
            lab.Add(VtepLab.Frame(payload));
        }

        lab.SendAll(socket);
        int whole = 8 + 14 + 28;
        (int, int)[] equal = messages > 1 ? [.. Enumerable.Repeat((0, whole + 200), 3)] : [(whole + 200, 3 * (whole + 200))];
        Assert.Equal([(whole + 100, (4 * whole) + 350), .. equal, (whole + 300, (3 * whole) + 899)], seen);
        for (int i = 0; i < 10; i++)
        {
            peer.Receive();
        }

        Assert.Equal(payloads.Select(p => p + whole), Enumerable.Range(0, 10).Select(_ => peer.Receive().Length));
        Assert.True(socket.Gso.IsActive);
        Assert.Equal(messages > 1 ? "kernel 7.1.4 breaks trains of equal datagrams, which go one by one" : null, socket.Gso.Reason);
    }

    [Fact]
    public void A_kernel_that_takes_64_segments_gets_no_longer_trains_after_the_first()
    {
        using VtepLab lab = new();
        Kernel kernel = new() { Answer = (segment, length) => segment != 0 && length > 64 * segment ? Errno.EINVAL : Errno.None };
        using UdpTunnelSocket socket = Bind(lab, kernel);
        using UdpTunnelSocket peer = lab.Them.Run(() => UdpTunnelSocket.Bind(new UdpTunnelOptions { Local = VtepLab.Peer }));
        AddMany(lab, 128);
        lab.SendAll(socket);
        Assert.Equal((1, 2), (socket.GsoFallbacks, socket.SentMessages));
        lab.Receive(peer, 128);
        lab.Batch.Clear();
        AddMany(lab, 128);
        lab.SendAll(socket);
        Assert.Equal((1, 4), (socket.GsoFallbacks, socket.SentMessages));
        lab.Receive(peer, 128);
    }

    [Fact]
    public void A_full_send_buffer_leaves_packets_pending_in_order()
    {
        using VtepLab lab = new();
        int room = 2;
        Kernel kernel = new() { Answer = (_, _) => room-- > 0 ? Errno.None : Errno.EAGAIN };
        using UdpTunnelSocket socket = Bind(lab, kernel);
        using TestSocket peer = new(lab.Them, "192.0.2.2", 4789);
        for (int i = 0; i < 5; i++)
        {
            lab.Add(VtepLab.Frame(100 + i));
        }

        Assert.Equal(PortResult.WouldBlock, lab.Send(socket));
        Assert.Equal(
            [PacketState.Sent, PacketState.Sent, PacketState.Pending, PacketState.Pending, PacketState.Pending],
            Enumerable.Range(0, 5).Select(i => lab.Batch.Meta(i).State));
        room = 10;
        Assert.Equal(PortResult.Ok, lab.Send(socket));
        Assert.All(Enumerable.Range(0, 5), i => Assert.Equal((PacketState.Sent, DropReason.None), (lab.Batch.Meta(i).State, lab.Batch.Meta(i).Drop)));
        Assert.Equal(5, socket.SentMessages);
    }

    [Theory]
    [InlineData(0, PacketState.Pending, 0)]
    [InlineData(1, PacketState.Sent, 2)]
    [InlineData(2, PacketState.Sent, 0)]
    public void A_superpacket_of_which_a_part_was_sent_is_not_sent_twice(int room, PacketState state, int refused)
    {
        using VtepLab lab = new();
        // 47 segments, of which 45 fill a train.
        Kernel kernel = new() { Answer = (_, _) => room-- > 0 ? Errno.None : Errno.EAGAIN };
        using UdpTunnelSocket socket = Bind(lab, kernel);
        using TestSocket peer = new(lab.Them, "192.0.2.2", 4789);
        byte[] packet = PacketBuilder.Udp(VtepLab.InnerOurs, VtepLab.InnerPeer, 1, 2, new byte[65_000], partialChecksum: true);
        int index = lab.Add(PacketBuilder.Ethernet(VtepLab.PeerMac, VtepLab.OurMac, EtherType.IPv4, packet));
        ref PacketMeta meta = ref lab.Batch.Meta(index);
        (meta.Segmentation, meta.Checksum, meta.SegmentSize, meta.HeaderLength) = (SegmentationKind.Udp, ChecksumState.Partial, 1400, 42);
        (meta.NetworkStart, meta.ChecksumStart, meta.ChecksumOffset) = (14, 34, 6);
        lab.Send(socket);
        Assert.Equal(state, meta.State);
        Assert.Equal(refused, meta.RefusedSegments);
    }

    [Fact]
    public void ENOBUFS_is_a_drop_of_the_queue_below()
    {
        using VtepLab lab = new();
        Kernel kernel = new() { Answer = (segment, _) => segment != 0 ? Errno.ENOBUFS : Errno.None };
        using UdpTunnelSocket socket = Bind(lab, kernel);
        AddMany(lab, 3);
        lab.Add(VtepLab.Frame(200));
        Assert.Equal(PortResult.Ok, lab.Send(socket));
        Assert.Equal(
            [DropReason.QueueFull, DropReason.QueueFull, DropReason.QueueFull, DropReason.None],
            Enumerable.Range(0, 4).Select(i => lab.Batch.Meta(i).Drop));
    }

    [Fact]
    public void The_second_refusal_without_an_ICMP_error_is_a_drop()
    {
        using VtepLab lab = new();
        Kernel kernel = new() { Answer = (_, _) => Errno.ECONNREFUSED };
        using UdpTunnelSocket socket = Bind(lab, kernel);
        lab.Add(VtepLab.Frame(100));
        Assert.Equal(PortResult.Ok, lab.Send(socket));
        Assert.Equal((PacketState.Dropped, DropReason.SendFailed), (lab.Batch.Meta(0).State, lab.Batch.Meta(0).Drop));
        Assert.Equal((1, 2), (socket.Repeats, kernel.Calls));
    }

    [Fact]
    public void A_signal_in_between_costs_nothing()
    {
        using VtepLab lab = new();
        int signals = 3;
        Kernel kernel = new() { Answer = (_, _) => signals-- > 0 ? Errno.EINTR : Errno.None };
        using UdpTunnelSocket socket = Bind(lab, kernel);
        AddMany(lab, 3);
        lab.SendAll(socket);
    }

    private static UdpTunnelSocket Bind(VtepLab lab, Kernel kernel) =>
        lab.Us.Run(() => UdpTunnelSocket.Bind(new UdpTunnelOptions { Local = VtepLab.Ours }, kernel));

    private static void AddMany(VtepLab lab, int count)
    {
        byte[] frame = VtepLab.Frame(100);
        for (int i = 0; i < count; i++)
        {
            lab.Add(frame);
        }
    }

    /// <summary>Asks for each message, by its segment size (0 for none) and length, what to answer.</summary>
    private sealed class Kernel : DatagramSender
    {
        public required Func<int, int, Errno> Answer { get; init; }

        public int Calls { get; private set; }

        /// <summary>The option of UDP that it does not know.</summary>
        public int Unknown { get; init; }

        /// <summary>The options of UDP that were set.</summary>
        public List<int> Asked { get; } = [];

        public KernelRelease Kernels { get; init; } = new(6, 18, 0);

        public override KernelRelease Release => Kernels;

        public override Errno TrySet(NativeSocket socket, int option, int value)
        {
            Asked.Add(option);
            return option == Unknown ? Errno.ENOPROTOOPT : base.TrySet(socket, option, value);
        }

        public override int Send(int socket, MultiMessageHeader* messages, int count, out Errno errno)
        {
            Calls++;
            for (int i = 0; i < count; i++)
            {
                MessageHeader header = messages[i].Header;
                ControlMessageReader reader = new(new ReadOnlySpan<byte>(header.Control, (int)header.ControlLength));
                int segment = 0;
                while (reader.Next())
                {
                    segment = reader.Type == SocketConstants.UDP_SEGMENT ? BitConverter.ToUInt16(reader.Data) : segment;
                }

                errno = Answer(segment, (int)header.Vectors->Length);
                if (errno == Errno.None)
                {
                    base.Send(socket, messages + i, 1, out errno);
                }

                if (errno != Errno.None)
                {
                    return i;
                }
            }

            errno = Errno.None;
            return count;
        }
    }
}
