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

            Assert.False(socket.GsoActive);
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
        Assert.True(socket.GsoActive);
        Assert.Equal((1, 11), (socket.GsoFallbacks, socket.SentMessages));
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
