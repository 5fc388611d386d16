using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Runtime.Versioning;
using Overlay.DataPath;
using Overlay.Linux;
using Overlay.Testing.Simulation;

namespace Overlay.Testing.Relay;

/// <summary>
/// A cable between two network namespaces that loses, delays, narrows and spoils what passes it, each way for itself, as its
/// <see cref="Impairments"/> say at that moment: netem, small firewalls and routers in the middle, for kernels without them.
/// </summary>
/// <remarks>
/// <para>
/// Its ends are TAP devices, one in each namespace, and may have addresses or be ports of a bridge. They have no offloads: what they carry are plain
/// packets with finished checksums, whose lengths are those of a wire. A thread of its own takes packets from one end to the other, some 200 000 per
/// second. Frames that are not IP (ARP) pass unharmed, but for rate and delay.
/// </para>
/// <para>
/// The same seed and the same packets in the same order make the same losses. What is "exact" in time is so within a millisecond on an idle machine.
/// </para>
/// <para>docs/impairment-relay.md has examples.</para>
/// </remarks>
[SupportedOSPlatform("linux")]
public sealed class ImpairmentRelay : IDisposable
{
    // The relay shall lose nothing of its own accord: more than a TCP window of small packets.
    private const int DeviceQueue = 10_000;

    private readonly Lock _gate = new();
    private readonly PollWaiter _waiter = new();
    private readonly TunDevice _first;
    private readonly TunDevice _second;
    private readonly PacketBatch _incoming = new(headroom: 0);
    private readonly Thread _thread;
    private volatile bool _stop;
    private ExceptionDispatchInfo? _failure;

    private ImpairmentRelay(TunDevice first, TunDevice second, ulong seed, RelayAddresses router)
    {
        _first = first;
        _second = second;
        SimulationRandom random = new(seed);
        Forth = new RelayDirection(_gate, second, router, random.Fork());
        Back = new RelayDirection(_gate, first, router, random.Fork());
        Forth.Join(Back);
        Back.Join(Forth);
        _thread = new Thread(Run) { IsBackground = true, Name = $"relay {first.Name}" };
        _thread.Start();
    }

    /// <summary>From the first namespace to the second.</summary>
    public RelayDirection Forth { get; }

    /// <summary>From the second namespace to the first.</summary>
    public RelayDirection Back { get; }

    /// <summary>Sets what is done in both directions.</summary>
    public Impairments Both
    {
        set
        {
            Forth.Impairments = value;
            Back.Impairments = value;
        }
    }

    /// <summary>Joins two namespaces; both ends are up when it returns. Skips or fails the test without access to the TUN driver.</summary>
    /// <param name="first">One namespace.</param>
    /// <param name="firstDevice">The name of its end.</param>
    /// <param name="firstAddress">Address and prefix length of its end, such as <c>192.0.2.1/24</c>; null for none.</param>
    /// <param name="second">The other namespace.</param>
    /// <param name="secondDevice">The name of its end.</param>
    /// <param name="secondAddress">Address and prefix length of its end; null for none.</param>
    /// <param name="mtu">The MTU of both devices; that of the way between them is <see cref="Impairments.Mtu"/>.</param>
    /// <param name="seed">Of what happens by chance.</param>
    /// <param name="router">Where ICMP errors come from; null for <see cref="RelayAddresses.Default"/>.</param>
    public static ImpairmentRelay Connect(
        Netns first, string firstDevice, string? firstAddress, Netns second, string secondDevice, string? secondAddress, int mtu = 1500, ulong seed = 1,
        RelayAddresses? router = null)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        TunAccess.Require();
        TunDevice? near = null, far = null;
        try
        {
            near = Open(first, firstDevice, firstAddress, mtu);
            far = Open(second, secondDevice, secondAddress, mtu);
            return new ImpairmentRelay(near, far, seed, router ?? RelayAddresses.Default);
        }
        catch
        {
            near?.Dispose();
            far?.Dispose();
            throw;
        }
    }

    /// <summary>Ends it, and with it both devices. What is inside is lost.</summary>
    /// <remarks>What made it end before, if anything did, is thrown.</remarks>
    public void Dispose()
    {
        if (_stop)
        {
            return;
        }

        _stop = true;
        _waiter.Wake();
        _thread.Join();
        _waiter.Dispose();
        _first.Dispose();
        _second.Dispose();
        _failure?.Throw();
    }

    private static TunDevice Open(Netns netns, string name, string? address, int mtu)
    {
        TunDevice device = netns.Run(() => TunDevice.Open(
            name, new TunDeviceOptions { VnetHeader = false, Tso = false, Uso = false, Coalesce = false, TxQueueLength = DeviceQueue }));
        try
        {
            netns.Ip("link", "set", name, "mtu", mtu.ToString(System.Globalization.CultureInfo.InvariantCulture));
            netns.Configure(name, address);
            return device;
        }
        catch
        {
            device.Dispose();
            throw;
        }
    }

    private void Run()
    {
        try
        {
            IPacketPort[] ports = [_first, _second];
            while (!_stop)
            {
                _waiter.Wait(ports, null, Timeout());
                lock (_gate)
                {
                    bool firstGone = Carry(_first, Forth), secondGone = Carry(_second, Back);
                    Forth.Release();
                    Back.Release();
                    if (firstGone || secondGone)
                    {
                        // The namespace went first, which is one way to end a test.
                        return;
                    }
                }
            }
        }
#pragma warning disable CA1031 // Nothing is swallowed: Dispose throws it.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _failure = ExceptionDispatchInfo.Capture(exception);
        }
    }

    private bool Carry(TunDevice device, RelayDirection direction)
    {
        _incoming.Clear();
        PortResult result = device.Receive(_incoming);
        for (int i = 0; i < _incoming.Count; i++)
        {
            direction.Receive(_incoming.Data(i));
        }

        return result == PortResult.Gone;
    }

    // The waiter counts in milliseconds: the last one is spent looking.
    private int Timeout()
    {
        long now = Stopwatch.GetTimestamp();
        double next = Math.Min(Milliseconds(Forth.NextDue), Milliseconds(Back.NextDue));
        return double.IsPositiveInfinity(next) ? -1 : (int)Math.Clamp(next, 0, int.MaxValue);

        double Milliseconds(long? due) => due is { } at ? (at - now) * 1000.0 / Stopwatch.Frequency : double.PositiveInfinity;
    }
}
