using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using Overlay.Capture;
using Overlay.DataPath;
using Overlay.Linux.Interop;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests;

[SupportedOSPlatform("linux")]
public sealed class PacketCaptureTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public void Structures_have_the_kernels_sizes()
    {
        Assert.Equal(20, Unsafe.SizeOf<PacketSocketNative.LinkLayerAddress>());
        Assert.Equal(20, Unsafe.SizeOf<PacketSocketNative.AuxiliaryData>());
        Assert.Equal(8, Unsafe.SizeOf<PacketSocketNative.Statistics>());
        Assert.Equal(16, Unsafe.SizeOf<PacketSocketNative.Membership>());
    }

    [Fact]
    public void Both_directions_of_a_veth_are_captured_as_tshark_sees_them()
    {
        Requires.Root();
        Requires.Tool("tshark");
        using var pair = new VethPair();
        using var file = new CaptureFile();
        using (PacketCapture capture = pair.Right.Run(() => PacketCapture.Start("right", file.Create())))
        {
            Assert.Equal((LinkType.Ethernet, "right"), (capture.LinkType, capture.InterfaceName));
            pair.Left.Run(() => SendUdp("192.0.2.1", "192.0.2.2", count: 5));
            // ARP both ways, five datagrams in, and the answer that nobody listens out.
            WaitUntil(() => capture.Captured >= 8);
            capture.Stop();
            capture.Stop();
            Assert.Equal(0, capture.Dropped);
        }

        IReadOnlyList<string[]> fields = Tshark.Fields(
            file.Path, "frame.interface_name", "frame.packet_flags_direction", "frame.protocols", "udp.payload", "ip.src", "frame.time_epoch", "icmp.type");
        string[][] udp = [.. fields.Where(field => field[4] == "192.0.2.1")];
        Assert.Equal(["00", "01", "02", "03", "04"], udp.Select(field => field[3][..2]));
        Assert.All(udp, field => Assert.Equal(("right", "0x00000001"), (field[0], field[1])));
        Assert.Contains(fields, field => field[2].EndsWith(":arp", StringComparison.Ordinal) && field[1] == "0x00000001");
        Assert.Contains(fields, field => field[2].EndsWith(":arp", StringComparison.Ordinal) && field[1] == "0x00000002");
        Assert.Contains(fields, field => field[6] == "3" && field[1] == "0x00000002");
        long now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        Assert.All(fields, field => Assert.InRange(now - (Tshark.Nanoseconds(field[5]) / 1_000_000), 0, 60_000));
        string info = Tshark.Run("capinfos", [file.Path]);
        Assert.Contains("Number of stat entries = 1", info, StringComparison.Ordinal);
        Assert.Contains("Overlay PacketCapture", info, StringComparison.Ordinal);
    }

    [Fact]
    public void A_vlan_tag_that_the_kernel_took_out_is_put_back_and_packets_are_cut()
    {
        Requires.Root();
        Requires.Tool("tshark");
        using var pair = new VethPair();
        using var file = new CaptureFile();
        using (PacketCapture capture = pair.Right.Run(() => PacketCapture.Start("right", file.Create(), new PacketCaptureOptions { SnapLength = 60, Promiscuous = true })))
        {
            byte[] frame = new byte[100];
            // 802.1Q, priority 3, VLAN 7; then an experimental EtherType.
            byte[] header = [2, 0, 0, 0, 0, 0x22, 2, 0, 0, 0, 0, 0x11, 0x81, 0x00, 0x60, 0x07, 0x88, 0xB5];
            header.CopyTo(frame, 0);
            pair.Left.Run(() => SendFrame("left", frame));
            WaitUntil(() => capture.Captured >= 1);
            capture.Stop();
        }

        string[] packet = Tshark.Fields(file.Path, "vlan.id", "vlan.priority", "eth.dst", "vlan.etype", "frame.len", "frame.cap_len").Single(field => field[0].Length > 0);
        Assert.Equal(["7", "3", "02:00:00:00:00:22", "0x88b5", "100", "60"], packet);
    }

    [Fact]
    public void A_tun_is_captured_as_raw_ip_and_loopback_packets_once()
    {
        Requires.Root();
        TunAccess.Require();
        Requires.Tool("tshark");
        using var pair = new VethPair();
        using var tunFile = new CaptureFile();
        using var loopbackFile = new CaptureFile();
        pair.Left.Run(() =>
        {
            using TunDevice tun = TunDevice.Open("capture-tun", new TunDeviceOptions { Layer = DeviceLayer.IP });
            Ip($"-n {pair.LeftName} addr add 203.0.113.1/24 dev capture-tun");
            Ip($"-n {pair.LeftName} link set capture-tun up");
            using PacketCapture tunCapture = PacketCapture.Start("capture-tun", tunFile.Create());
            using PacketCapture loopbackCapture = PacketCapture.Start("lo", loopbackFile.Create());
            Assert.Equal((LinkType.Raw, LinkType.Ethernet), (tunCapture.LinkType, loopbackCapture.LinkType));
            SendUdp("203.0.113.1", "203.0.113.2", count: 3);
            using var receiver = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            receiver.Bind(new IPEndPoint(IPAddress.Loopback, 9));
            SendUdp("127.0.0.1", "127.0.0.1", count: 3);
            WaitUntil(() => tunCapture.Captured >= 3 && loopbackCapture.Captured >= 3);
            tunCapture.Stop();
            loopbackCapture.Stop();
        });

        string[] fields = ["frame.encap_type", "frame.packet_flags_direction", "udp.payload"];
        string[][] tunPackets = [.. Tshark.Fields(tunFile.Path, fields).Where(field => field[2].Length > 0)];
        Assert.Equal(["00", "01", "02"], tunPackets.Select(field => field[2][..2]));
        // 7 is WTAP_ENCAP_RAW_IP.
        Assert.All(tunPackets, field => Assert.Equal(("7", "0x00000002"), (field[0], field[1])));
        string[][] loopbackPackets = [.. Tshark.Fields(loopbackFile.Path, fields).Where(field => field[2].Length > 0)];
        Assert.Equal(["00", "01", "02"], loopbackPackets.Select(field => field[2][..2]));
        Assert.All(loopbackPackets, field => Assert.Equal("0x00000001", field[1]));
    }

    [Fact]
    public void Stopping_takes_less_than_a_tenth_of_a_second()
    {
        Requires.Root();
        using var pair = new VethPair();
        TimeSpan best = TimeSpan.MaxValue;
        // Other tests run beside this one: the best of three is what the capture itself needs.
        for (int i = 0; i < 3; i++)
        {
            using PacketCapture capture = pair.Right.Run(() => PacketCapture.Start("right", new MemoryStream()));
            var watch = Stopwatch.StartNew();
            capture.Stop();
            best = watch.Elapsed < best ? watch.Elapsed : best;
            Assert.True(capture.Completion.IsCompletedSuccessfully);
        }

        Assert.True(best < TimeSpan.FromMilliseconds(100), $"{best}");
    }

    [Fact]
    public void What_the_kernel_drops_while_the_stream_is_slow_is_reported()
    {
        Requires.Root();
        using var pair = new VethPair();
        using var gate = new ManualResetEventSlim();
        using var stream = new GatedStream(gate);
        const int Sent = 3000;
        // The datagrams need a neighbour, lest they queue for ARP, which is dropped in silence.
        Ip($"-n {pair.LeftName} neigh add 192.0.2.99 lladdr 02:00:00:00:00:99 dev left");
        using PacketCapture capture = pair.Right.Run(() => PacketCapture.Start("right", stream, new PacketCaptureOptions { ReceiveBufferLength = 4096, LeaveOpen = true }));
        pair.Left.Run(() => SendUdp("192.0.2.1", "192.0.2.99", Sent));
        WaitUntil(() => capture.Dropped > Sent / 2);
        Assert.False(capture.Completion.IsCompleted);
        gate.Set();
        capture.Stop();

        Assert.InRange(capture.Captured, 1, Sent - capture.Dropped + 100);
        Assert.True(capture.Captured + capture.Dropped >= Sent, $"{capture.Captured} captured, {capture.Dropped} dropped");
        Assert.Equal(capture.Captured, Corpus.Read(stream.ToArray()).Count);
    }

    [Fact]
    public async Task A_removed_interface_ends_the_capture_and_one_that_is_only_down_does_not()
    {
        Requires.Root();
        using var pair = new VethPair();
        using var stream = new MemoryStream();
        using PacketCapture capture = pair.Right.Run(() => PacketCapture.Start("right", stream, new PacketCaptureOptions { LeaveOpen = true }));
        Ip($"-n {pair.RightName} link set right down");
        await Task.Delay(300, TestContext.Current.CancellationToken);
        Assert.False(capture.Completion.IsCompleted);
        Ip($"-n {pair.RightName} link set right up");
        long before = capture.Captured;
        Ip($"-n {pair.LeftName} neigh add 192.0.2.99 lladdr 02:00:00:00:00:99 dev left");
        WaitUntil(() =>
        {
            pair.Left.Run(() => SendUdp("192.0.2.1", "192.0.2.99", 1));
            return capture.Captured > before;
        });

        Ip($"-n {pair.RightName} link del right");
        LinuxException exception = await Assert.ThrowsAsync<LinuxException>(() => capture.Completion.WaitAsync(Patience, TestContext.Current.CancellationToken));
        Assert.Equal(Errno.ENODEV, exception.Errno);
        Assert.Contains("right: no such device, the interface was removed", exception.Message, StringComparison.Ordinal);
        Assert.Throws<LinuxException>(capture.Stop);
        Assert.Equal(capture.Captured, Corpus.Read(stream.ToArray()).Count);
    }

    [Fact]
    public void Mistakes_and_absent_interfaces_are_named()
    {
        using var readOnly = new MemoryStream([], writable: false);
        Assert.Throws<ArgumentException>(() => PacketCapture.Start("a/b", new MemoryStream()));
        Assert.Throws<ArgumentException>(() => PacketCapture.Start("lo", readOnly));
        Assert.Throws<ArgumentOutOfRangeException>(() => PacketCapture.Start("lo", new MemoryStream(), new PacketCaptureOptions { SnapLength = -1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => PacketCapture.Start("lo", new MemoryStream(), new PacketCaptureOptions { ReceiveBufferLength = 0 }));
        Requires.Root();
        LinuxException exception = Assert.Throws<LinuxException>(() => PacketCapture.Start("absent0", new MemoryStream()));
        Assert.Equal((Errno.ENODEV, "absent0"), (exception.Errno, exception.Name));
        Assert.Contains("there is no such interface in this network namespace", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failed_stream_ends_the_capture_with_its_exception()
    {
        Requires.Root();
        using PacketCapture capture = PacketCapture.Start("lo", new FailingStream());
        IOException exception = Assert.Throws<IOException>(() =>
        {
            Assert.True(SpinWait.SpinUntil(() => capture.Completion.IsCompleted, Patience));
            capture.Stop();
        });
        Assert.Equal("No space left on device", exception.Message);
    }

    private static void SendUdp(string from, string to, int count)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
        byte[] payload = new byte[100];
        for (int i = 0; i < count; i++)
        {
            payload[0] = (byte)i;
            socket.SendTo(payload, new IPEndPoint(IPAddress.Parse(to), 9));
        }
    }

    private static unsafe void SendFrame(string interfaceName, byte[] frame)
    {
        using NativeSocket socket = NativeSocket.Open(PacketSocketNative.AF_PACKET, SocketConstants.SOCK_RAW, 0, "test");
        uint index;
        fixed (byte* name = Encoding.UTF8.GetBytes(interfaceName + '\0'))
        {
            index = Libc.if_nametoindex(name);
        }

        PacketSocketNative.LinkLayerAddress address = new() { Family = PacketSocketNative.AF_PACKET, InterfaceIndex = (int)index };
        Assert.Equal(0, SocketCalls.bind(socket.Handle, &address, (uint)sizeof(PacketSocketNative.LinkLayerAddress)));
        fixed (byte* bytes = frame)
        {
            Assert.Equal(frame.Length, Libc.write(socket.Handle, bytes, (nuint)frame.Length));
        }
    }

    private static void WaitUntil(Func<bool> condition) => Assert.True(SpinWait.SpinUntil(
        () =>
        {
            Thread.Sleep(5);
            return condition();
        },
        Patience));

    private static void Ip(string arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(Requires.Tool("ip"), arguments) { RedirectStandardError = true })!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"ip {arguments}: {error}");
    }

    /// <summary>Two namespaces with a veth between: 192.0.2.1 on "left", 192.0.2.2 on "right", without IPv6 and its chatter.</summary>
    private sealed class VethPair : IDisposable
    {
        private readonly string _id = Guid.NewGuid().ToString("N")[..8];

        public VethPair()
        {
            Requires.Tool("ip");
            foreach (string name in new[] { LeftName, RightName })
            {
                Ip($"netns add {name}");
            }

            Left = NetworkNamespace.Open(LeftName);
            Right = NetworkNamespace.Open(RightName);
            foreach (NetworkNamespace side in new[] { Left, Right })
            {
                // /proc/sys/net is that of the thread's namespace.
                side.Run(() =>
                {
                    const string Switch = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
                    if (File.Exists(Switch))
                    {
                        File.WriteAllText(Switch, "1");
                    }
                });
            }

            Ip($"-n {LeftName} link add left type veth peer name right netns {RightName}");
            Ip($"-n {LeftName} addr add 192.0.2.1/24 dev left");
            Ip($"-n {RightName} addr add 192.0.2.2/24 dev right");
            Ip($"-n {LeftName} link set lo up");
            Ip($"-n {LeftName} link set left up");
            Ip($"-n {RightName} link set right up");
        }

        public string LeftName => $"capture-{_id}-l";

        public string RightName => $"capture-{_id}-r";

        public NetworkNamespace Left { get; }

        public NetworkNamespace Right { get; }

        public void Dispose()
        {
            Left.Dispose();
            Right.Dispose();
            Ip($"netns del {LeftName}");
            Ip($"netns del {RightName}");
        }
    }

    private sealed class CaptureFile : IDisposable
    {
        public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"overlay-capture-{Guid.NewGuid():N}.pcapng");

        public FileStream Create() => File.Create(Path);

        public void Dispose() => File.Delete(Path);
    }

    /// <summary>Takes the head of the file; everything behind waits for the gate.</summary>
    private sealed class GatedStream(ManualResetEventSlim gate) : MemoryStream
    {
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (Length > 0)
            {
                gate.Wait(cancellationToken);
            }

            return base.WriteAsync(buffer, cancellationToken);
        }
    }

    private sealed class FailingStream : MemoryStream
    {
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            ValueTask.FromException(new IOException("No space left on device"));
    }
}
