using Overlay.DataPath;
using Overlay.Linux.Interop;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests;

/// <summary>The offloads of a device: each switch, and what becomes of packets when the kernel refuses what it agreed to take.</summary>
public sealed unsafe class TunOffloadTests
{
    private const string Own = "10.9.0.1";
    private const ushort Port = 5005;
    private const int SegmentSize = 100;
    private static readonly ValueIPAddress OwnAddress = ValueIPAddress.Parse(Own);
    private static readonly ValueIPAddress OtherAddress = ValueIPAddress.Parse("10.9.0.2");
    private static readonly TunDeviceOptions Plain = new() { Layer = DeviceLayer.IP };

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 5)]
    public void Packets_are_joined_only_where_that_is_asked_for(bool coalesce, int writes)
    {
        using Lab lab = new(Plain with { Coalesce = coalesce }, new Kernel());
        lab.AddDatagrams(5);
        lab.SendAll();
        lab.AssertReceived(5);
        Assert.Equal(writes, lab.Device.Writes);
        Assert.Equal(coalesce ? writes : 0, lab.Kernel.Superpackets);
        Assert.Equal(coalesce ? OffloadState.Active : OffloadState.NotAsked, lab.Device.Coalescing);
    }

    [Fact]
    public void Without_superpackets_nothing_is_joined_and_the_state_says_why()
    {
        using Lab lab = new(Plain with { Tso = false, Uso = false }, new Kernel());
        lab.AddDatagrams(5);
        lab.SendAll();
        lab.AssertReceived(5);
        Assert.Equal((5, 0), (lab.Device.Writes, lab.Kernel.Superpackets));
        Assert.Equal((OffloadState.NotAsked, OffloadState.NotAsked), (lab.Device.Tso, lab.Device.Uso));
        Assert.Equal(new OffloadState(false, "the device takes no superpackets"), lab.Device.Coalescing);
    }

    [Theory]
    [InlineData(0u, "kernel refused (EINVAL)", "kernel refused (EINVAL)", PortCapabilities.None)]
    [InlineData(Tun.TUN_F_CSUM, "kernel refused (EINVAL)", "kernel refused (EINVAL)", PortCapabilities.PartialChecksums)]
    [InlineData(Tun.TUN_F_CSUM | Tun.TUN_F_TSO4 | Tun.TUN_F_TSO6, null, "kernel refused (EINVAL)",
        PortCapabilities.PartialChecksums | PortCapabilities.TcpSuperpackets)]
    public void What_the_kernel_does_not_know_is_done_without(uint known, string? tso, string? uso, PortCapabilities capabilities)
    {
        using Lab lab = new(Plain, new Kernel { Known = known });
        Assert.Equal(capabilities, lab.Device.Capabilities);
        Assert.Equal((tso, uso), (lab.Device.Tso.Reason, lab.Device.Uso.Reason));
        Assert.Equal((tso is null, uso is null), (lab.Device.Tso.IsActive, lab.Device.Uso.IsActive));
        lab.AddDatagrams(3);
        lab.SendAll();
        lab.AssertReceived(3);
    }

    [Theory]
    [InlineData(7, 0, 3, false)]
    [InlineData(7, 1, 5, true)]
    public void A_kernel_that_cuts_UDP_wrongly_gets_no_UDP_superpackets(int major, int minor, int patch, bool active)
    {
        using Lab lab = new(Plain, new Kernel { Kernels = new KernelRelease(major, minor, patch) });
        Assert.Equal(active ? OffloadState.Active : new OffloadState(false, "kernel 7.0.3 breaks UDP segments"), lab.Device.Uso);
        Assert.True(lab.Device.Tso.IsActive);
        lab.AddDatagrams(4);
        lab.SendAll();
        lab.AssertReceived(4);
        Assert.Equal(active ? 1 : 0, lab.Kernel.Superpackets);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_refused_superpacket_goes_in_pieces_and_after_eight_the_kind_is_given_up(bool merged)
    {
        using Lab lab = new(Plain, new Kernel { Answer = superpacket => superpacket ? Errno.EINVAL : Errno.None });
        for (int round = 1; round <= 10; round++)
        {
            lab.Add(3, merged);
            lab.SendAll();
            lab.AssertReceived(3);
            Assert.Equal(Math.Min(round, 8), lab.Device.UsoFallbacks);
            Assert.Equal(round < 8, lab.Device.Uso.IsActive);
        }

        Assert.Equal(8, lab.Kernel.Superpackets);
        Assert.Equal("fell back after EINVAL", lab.Device.Uso.Reason);
        Assert.Equal(PortCapabilities.PartialChecksums | PortCapabilities.TcpSuperpackets, lab.Device.Capabilities);
        Assert.Equal((OffloadState.Active, 0), (lab.Device.Tso, lab.Device.TsoFallbacks));
    }

    [Fact]
    public void One_that_is_taken_starts_the_count_anew_and_a_shortage_of_memory_does_not_count()
    {
        int number = 0;
        using Lab lab = new(Plain, new Kernel
        {
            Answer = superpacket => !superpacket || ++number % 8 == 0 ? Errno.None : number < 32 ? Errno.EINVAL : Errno.ENOMEM,
        });
        for (int round = 0; round < 47; round++)
        {
            lab.AddDatagrams(2);
            lab.SendAll();
            lab.AssertReceived(2);
        }

        Assert.Equal(OffloadState.Active, lab.Device.Uso);
        Assert.Equal(42, lab.Device.UsoFallbacks);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_is_refused_in_pieces_too_is_dropped_and_gives_nothing_up(bool merged)
    {
        using Lab lab = new(Plain, new Kernel { Answer = _ => Errno.EINVAL });
        for (int round = 0; round < 10; round++)
        {
            lab.Add(3, merged);
            Assert.Equal(PortResult.Ok, lab.Send());
            Assert.All(Enumerable.Range(0, lab.Batch.Count), i =>
                Assert.Equal((PacketState.Dropped, DropReason.SendFailed, 0), (lab.Batch.Meta(i).State, lab.Batch.Meta(i).Drop, lab.Batch.Meta(i).RefusedSegments)));
            lab.Batch.Clear();
        }

        Assert.Equal((OffloadState.Active, 0), (lab.Device.Uso, lab.Device.UsoFallbacks));
    }

    [Theory]
    [InlineData(0, PacketState.Pending, 0)]
    [InlineData(1, PacketState.Sent, 2)]
    public void A_superpacket_of_which_pieces_were_taken_is_not_sent_twice(int room, PacketState state, int refused)
    {
        using Lab lab = new(Plain, new Kernel { Answer = superpacket => superpacket ? Errno.EINVAL : room-- > 0 ? Errno.None : Errno.EAGAIN });
        lab.Add(3, merged: false);
        Assert.Equal(PortResult.WouldBlock, lab.Send());
        Assert.Equal((state, refused), (lab.Batch.Meta(0).State, lab.Batch.Meta(0).RefusedSegments));
    }

    /// <summary>A device in a namespace, a socket behind it, and the kernel between.</summary>
    private sealed class Lab : IDisposable
    {
        private readonly Netns _netns;
        private readonly TestSocket _socket;

        public Lab(TunDeviceOptions options, Kernel kernel)
        {
            TunAccess.Require();
            Kernel = kernel;
            _netns = Netns.Create();
            Device = _netns.Run(() => TunDevice.Open("dev0", options, kernel));
            _netns.Configure("dev0", Own + "/24");
            _socket = new TestSocket(_netns, Own, Port);
        }

        public Kernel Kernel { get; }

        public TunDevice Device { get; }

        public PacketBatch Batch { get; } = new();

        /// <summary>Datagrams of one flow, as packets that will be joined or as one superpacket.</summary>
        public void Add(int count, bool merged)
        {
            if (merged)
            {
                AddDatagrams(count);
                return;
            }

            ref PacketMeta meta = ref Append(PacketBuilder.Udp(OtherAddress, OwnAddress, 9, Port, Payload(count), dontFragment: true, partialChecksum: true));
            meta.Segmentation = SegmentationKind.Udp;
            meta.Checksum = ChecksumState.Partial;
            (meta.ChecksumStart, meta.ChecksumOffset, meta.HeaderLength, meta.SegmentSize) = (20, 6, 28, SegmentSize);
        }

        public void AddDatagrams(int count)
        {
            for (int i = 0; i < count; i++)
            {
                Append(PacketBuilder.Udp(OtherAddress, OwnAddress, 9, Port, Payload(count).AsSpan(i * SegmentSize, SegmentSize), dontFragment: true));
            }
        }

        public PortResult Send()
        {
            Batch.Select(0);
            return Device.Send(Batch);
        }

        public void SendAll()
        {
            Assert.Equal(PortResult.Ok, Send());
            Assert.All(Enumerable.Range(0, Batch.Count), i => Assert.Equal((PacketState.Sent, 0), (Batch.Meta(i).State, Batch.Meta(i).RefusedSegments)));
            Batch.Clear();
        }

        /// <summary>The kernel checked the checksums, and gave the application what was sent.</summary>
        public void AssertReceived(int count)
        {
            for (int i = 0; i < count; i++)
            {
                Assert.Equal(Payload(count)[(i * SegmentSize)..((i + 1) * SegmentSize)], _socket.Receive());
            }
        }

        public void Dispose()
        {
            _socket.Dispose();
            Device.Dispose();
            _netns.Dispose();
        }

        private static byte[] Payload(int count) => PacketBuilder.Payload(count * SegmentSize);

        private ref PacketMeta Append(byte[] packet)
        {
            Assert.True(Batch.TryAppend(packet, out int index));
            Batch.Meta(index).Output = 0;
            return ref Batch.Meta(index);
        }
    }

    /// <summary>The real kernel, but for what it is said not to know.</summary>
    private sealed class Kernel : DeviceCalls
    {
        public Func<bool, Errno> Answer { get; init; } = _ => Errno.None;

        public uint Known { get; init; } = uint.MaxValue;

        public KernelRelease Kernels { get; init; } = new(6, 18, 0);

        public int Superpackets { get; private set; }

        public override KernelRelease Release => Kernels;

        public override Errno SetOffloads(int device, uint offloads) =>
            (offloads & ~Known) != 0 ? Errno.EINVAL : base.SetOffloads(device, offloads);

        public override Errno Write(int device, IoVector* vectors, int count)
        {
            bool superpacket = count == 2 && ((VnetHeader*)vectors[0].Base)->GsoType != VnetHeader.GsoNone;
            Superpackets += superpacket ? 1 : 0;
            Errno answer = Answer(superpacket);
            return answer != Errno.None ? answer : base.Write(device, vectors, count);
        }
    }
}
