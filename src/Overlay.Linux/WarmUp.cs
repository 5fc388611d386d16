using System.Diagnostics;
using System.Net;
using System.Runtime;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.ObjectPool;
using Overlay.DataPath;
using Overlay.Linux.Interop;
using Overlay.Tables;

namespace Overlay.Linux;

/// <summary>
/// Lets made-up packets cross a tunnel until the just-in-time compiler has nothing left to do for the data path: the first real packet then finds
/// code that was compiled with a profile of such traffic.
/// </summary>
/// <remarks>
/// <para>
/// Everything is real but the wire: worker, waiter, paths and sockets, in a network namespace of its own that ends with the call, so no book, table,
/// port or capture elsewhere sees anything. In place of the devices stand pairs of sockets, which take and give the same bytes.
/// </para>
/// <para>
/// Why it is worth its time: without a profile the same path costs half as much again for each packet (measured, .NET 10: 73 against 111 ns to encapsulate
/// a small packet, 7.0 against 10.0 µs to join a train of 44), and code that is still to be optimised costs several times as much.
/// </para>
/// </remarks>
public static class WarmUp
{
    private const ushort Port = 4789;
    private const int IPv4InnerMtu = 1_450;
    private static readonly ValueIPAddress One = ValueIPAddress.Parse("127.0.0.1");
    private static readonly ValueIPAddress Two = ValueIPAddress.Parse("127.0.0.2");
    private static readonly MacAddress MacOfOne = MacAddress.Parse("02:00:00:00:00:01");
    private static readonly MacAddress MacOfTwo = MacAddress.Parse("02:00:00:00:00:02");

    // The runtime promotes code in steps, and each brings something new to compile. By default a step waits until nothing new came up for 100 ms.
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(150);

    /// <summary>Warms the data path of a kind of tunnel up. Returns at once where code is compiled ahead of time.</summary>
    /// <param name="kind">The kind.</param>
    /// <param name="bound">The longest it may take.</param>
    /// <exception cref="LinuxException">EPERM without CAP_SYS_ADMIN, which a network namespace needs; nothing was changed then.</exception>
    public static WarmUpResult Run(TunnelKind kind, TimeSpan bound)
    {
        if (!RuntimeFeature.IsDynamicCodeCompiled)
        {
            return new WarmUpResult(TimeSpan.Zero, 0, IsSettled: true);
        }

        using Lab lab = new(kind);
        return lab.Run(bound);
    }

    private static Tunnel MakeTunnel(TunnelKind kind, ValueIPAddress local, ValueIPAddress remote, MacAddress mac, MacAddress remoteMac)
    {
        OverlayTables tables = new();
        TunnelFacts facts = TunnelFacts.Of(kind);
        bool ethernet = facts.CarriesEthernet;
        Vni vni = new(facts.HasVni ? 1u : 0u);
        if (ethernet)
        {
            tables.Apply(OverlayUpdate.AddFlood(vni, remote));
            tables.Apply(OverlayUpdate.SetForwarding(vni, remoteMac, new FdbEntry(remote)));
        }
        else
        {
            tables.Apply(OverlayUpdate.SetRoute(IPNetwork.Parse("198.18.0.0/15"), new RouteEntry(remote)));
        }

        return new Tunnel(
            new TunnelOptions
            {
                Name = "warm-up",
                Kind = kind,
                Vni = vni,
                Local = local,
                Layer = ethernet ? DeviceLayer.Ethernet : DeviceLayer.IP,
                DeviceMac = ethernet ? mac : default,
                Learning = ethernet,
            },
            tables);
    }

    /// <summary>Two tunnel ends on one worker, in a namespace of the worker's thread.</summary>
    private sealed class Lab : IDisposable
    {
        private readonly List<IDisposable> _parts = [];
        // With a spin, as workers have one: its code is to be warm, too.
        private readonly PollWaiter _waiter = new(spinMicroseconds: 50);
        private readonly TunnelWorker _worker;
        private readonly WarmUpTraffic _traffic;
        private readonly TunnelKind _kind;
        private readonly Tunnel _sender;
        private readonly Tunnel _receiver;
        private readonly FileDescriptor _source;
        private readonly FileDescriptor _sink;
        private readonly Thread _thread;
        private readonly byte[] _buffer = new byte[2 * PacketBatch.MaxPacketLength];
        private readonly ManualResetEventSlim _built = new();
        private CancellationTokenSource _run = new();
        private volatile bool _stop;
        private Exception? _failure;

        public Lab(TunnelKind kind)
        {
            _kind = kind;
            ObjectPool<PacketBatch> pool = PacketBatchPool.Create();
            _worker = new TunnelWorker(_waiter, pool);
            DeviceLayer layer = TunnelFacts.Of(kind).CarriesEthernet ? DeviceLayer.Ethernet : DeviceLayer.IP;
            _traffic = new WarmUpTraffic(layer, MacOfOne, MacOfTwo);
            _sender = MakeTunnel(kind, One, Two, MacOfOne, MacOfTwo);
            _receiver = MakeTunnel(kind, Two, One, MacOfTwo, MacOfOne);
            (FileDescriptor first, _source) = MakePair();
            (FileDescriptor second, _sink) = MakePair();
            _parts.AddRange([_source, _sink]);
            // Not the pool's: its namespace would stay with the thread.
            _thread = new Thread(() => Serve(TunDevice.OverSocket(first, layer), TunDevice.OverSocket(second, layer)))
            {
                Name = "overlay-warm-up",
                IsBackground = true,
            };
            _thread.Start();
            _built.Wait();
            if (_failure is not null)
            {
                Dispose();
                throw _failure;
            }
        }

        public WarmUpResult Run(TimeSpan bound)
        {
            long begin = Stopwatch.GetTimestamp();
            long news = begin;
            long compiled = JitInfo.GetCompiledMethodCount();
            while (Stopwatch.GetElapsedTime(begin) < bound && Stopwatch.GetElapsedTime(news) < Quiet && _failure is null)
            {
                RunRound();
                long now = JitInfo.GetCompiledMethodCount();
                if (now != compiled)
                {
                    compiled = now;
                    news = Stopwatch.GetTimestamp();
                }
            }

            return new WarmUpResult(Stopwatch.GetElapsedTime(begin), _receiver.Ingress.TxPackets, Stopwatch.GetElapsedTime(news) >= Quiet);
        }

        public void Dispose()
        {
            _stop = true;
            Interlocked.MemoryBarrier();
            Volatile.Read(ref _run).Cancel();
            _thread.Join();
            _parts.ForEach(part => part.Dispose());
            _waiter.Dispose();
            _built.Dispose();
        }

        // A few packets in, until they are out at the other end; then the worker starts anew, so that its loop is promoted like all else.
        private void RunRound()
        {
            foreach (byte[] packet in _traffic.Round)
            {
                Write(packet);
            }

            while (ReadOne(2))
            {
            }

            while (_receiver.Learned.TryDequeue(out LearnedAddress learned))
            {
                _ = _receiver.Tables.Learn(learned, knownOnly: true, PollWaiter.Clock);
            }

            Volatile.Read(ref _run).Cancel();
        }

        private unsafe void Write(byte[] packet)
        {
            fixed (byte* start = packet)
            {
                // The worker reads meanwhile; and what is lost is no loss.
                for (int i = 0; i < 100 && Libc.write(_source.Value, start, (nuint)packet.Length) < 0 && Libc.LastError == Errno.EAGAIN; i++)
                {
                    _ = ReadOne(1);
                }
            }
        }

        private unsafe bool ReadOne(int milliseconds)
        {
            PollDescriptor descriptor = new() { Handle = _sink.Value, Events = Libc.POLLIN };
            fixed (byte* start = _buffer)
            {
                return Libc.poll(&descriptor, 1, milliseconds) > 0 && Libc.read(_sink.Value, start, (nuint)_buffer.Length) > 0;
            }
        }

        private void Serve(TunDevice first, TunDevice second)
        {
            _parts.AddRange([first, second]);
            try
            {
                EnterNamespace();
                AddTunnel(first, _sender);
                AddTunnel(second, _receiver);
                _built.Set();
                while (true)
                {
                    CancellationTokenSource run = new();
                    _ = Interlocked.Exchange(ref _run, run);
                    if (_stop)
                    {
                        // Seen here, or the source was seen there.
                        break;
                    }

                    _worker.Run(run.Token);
                }
            }
            catch (Exception exception)
            {
                // The thread boundary: the caller gets it.
                _failure = exception;
                _built.Set();
            }
        }

        private static unsafe void EnterNamespace()
        {
            if (Libc.unshare(Libc.CLONE_NEWNET) != 0)
            {
                throw LinuxException.Last("unshare", "a network namespace for the warm-up", "needs CAP_SYS_ADMIN");
            }

            using RouteNetlink netlink = RouteNetlink.Open();
            netlink.SetLink(netlink.GetLink("lo").Index, new LinkSettings { Up = true });
        }

        private void AddTunnel(TunDevice device, Tunnel tunnel)
        {
            IPacketPort port = TunnelFacts.Of(_kind).IsOverUdp
                ? UdpTunnelSocket.Bind(new UdpTunnelOptions { Local = tunnel.Options.Local, Port = Port, Headers = [tunnel.Options.CreateHeader()], InnerMtu = IPv4InnerMtu })
                : RawTunnelSocket.Bind(new RawTunnelOptions { Kind = _kind, Local = tunnel.Options.Local, InnerMtu = IPv4InnerMtu });
            _parts.Add(port);
            int inside = _worker.AddPort(device);
            int outside = _worker.AddPort(port);
            TunnelIngress ingress = new(_kind);
            ingress.Attach(tunnel, inside);
            _worker.SetPath(inside, new TunnelEgress(tunnel, inside, outside));
            _worker.SetPath(outside, ingress);
        }

        private static unsafe (FileDescriptor Device, FileDescriptor Other) MakePair()
        {
            int* handles = stackalloc int[2];
            int type = SocketConstants.SOCK_SEQPACKET | SocketConstants.SOCK_NONBLOCK | SocketConstants.SOCK_CLOEXEC;
            if (SocketCalls.socketpair(SocketConstants.AF_UNIX, type, 0, handles) != 0)
            {
                throw LinuxException.Last("socketpair", "the warm-up");
            }

            return (new FileDescriptor(handles[0]), new FileDescriptor(handles[1]));
        }
    }
}
