using Overlay.DataPath;
using Overlay.Encapsulation;

namespace Overlay.Testing.Simulation;

/// <summary>
/// An endpoint's port in memory. What leaves it is a whole outer packet, written by the library's encapsulators; what comes in has passed the
/// receiver's kernel (<see cref="UnderlayReceiver"/>).
/// </summary>
internal sealed class UnderlayPort(SimulatedWorld world, SimulatedHost host, Provenance provenance, SimulationRandom random) : IPacketPort
{
    private const int MaxReceived = 8;

    private readonly Queue<WirePacket> _packets = new();
    private readonly PortCongestion _congestion = new(world, random, host.Options.Congestion);
    private readonly Dictionary<(ValueIPAddress Remote, ushort Port, int Header), UdpEncapsulator> _udp = [];
    private readonly Dictionary<ValueIPAddress, IPInIPEncapsulator> _ipInIP = [];

    public string Name => $"endpoint:{host.Name}";

    public int BatchSize => MaxReceived;

    public PortCapabilities Capabilities => PortCapabilities.None;

    public int Mtu => 1500;

    public int PollHandle => -1;

    public bool HasPackets => _packets.Count > 0;

    public PortCount Count { get; } = new();

    public bool TryEnqueue(WirePacket packet)
    {
        if (_packets.Count >= host.Options.SocketLength)
        {
            return false;
        }

        _packets.Enqueue(packet);
        return true;
    }

    public PortResult Receive(PacketBatch batch)
    {
        provenance.Clear();
        for (int i = random.Between(1, MaxReceived); i > 0 && _packets.TryDequeue(out WirePacket? packet); i--)
        {
            string? refusal = UnderlayReceiver.Open(packet.Bytes, host, out ReadOnlySpan<byte> payload, out PacketMeta meta);
            if (refusal is null && !batch.TryAppend(payload, out _))
            {
                refusal = "no room in the batch";
            }

            if (refusal is not null)
            {
                world.Publish(new PacketLost(packet, $"{refusal} at {host.Name}"));
                continue;
            }

            int index = batch.Count - 1;
            batch.Meta(index) = meta;
            provenance.Add(index, null, packet);
            Count.Received++;
        }

        return batch.Count > 0 ? PortResult.Ok : PortResult.Empty;
    }

    public PortResult Send(PacketBatch batch)
    {
        world.Scheduler.Interleave();
        if (_congestion.IsBlocked)
        {
            return PortResult.WouldBlock;
        }

        foreach (int index in batch.Selection)
        {
            ref PacketMeta meta = ref batch.Meta(index);
            SimulatedFrame frame = provenance.Frame(index)
                ?? throw new InvalidOperationException($"{host.Name} sends a packet to {meta.Remote} that nobody gave it.");
            world.Network.Transmit(host, Write(batch.Data(index), meta), frame);
            meta.State = PacketState.Sent;
            Count.Sent++;
        }

        return PortResult.Ok;
    }

    public void Dispose()
    {
        // Nothing is held.
    }

    private byte[] Write(ReadOnlySpan<byte> inner, in PacketMeta meta)
    {
        OuterHeaderFields fields = new()
        {
            Vni = meta.Vni,
            SourcePort = meta.SourcePort,
            FlowLabel = meta.FlowLabel,
            TrafficClass = meta.TrafficClass,
            Ttl = meta.Ttl,
            DontFragment = meta.DontFragment,
        };
        int overhead;
        byte[] packet;
        if (host.IsOverUdp)
        {
            UdpEncapsulator udp = UdpTo(meta);
            overhead = udp.Overhead;
            packet = new byte[overhead + inner.Length];
            inner.CopyTo(packet.AsSpan(overhead));
            udp.WriteOuter(packet, inner.Length, fields);
        }
        else
        {
            if (!_ipInIP.TryGetValue(meta.Remote, out IPInIPEncapsulator? ip))
            {
                ip = new IPInIPEncapsulator(host.Address, meta.Remote);
                _ipInIP.Add(meta.Remote, ip);
            }

            overhead = ip.Overhead;
            packet = new byte[overhead + inner.Length];
            inner.CopyTo(packet.AsSpan(overhead));
            ip.WriteOuter(packet, inner.Length, fields);
        }

        return packet;
    }

    private UdpEncapsulator UdpTo(in PacketMeta meta)
    {
        var key = (meta.Remote, meta.DestinationPort, meta.Header);
        if (!_udp.TryGetValue(key, out UdpEncapsulator? udp))
        {
            UdpEncapsulatorOptions options = new() { DestinationPort = meta.DestinationPort, OuterChecksum = host.Options.OuterChecksum };
            udp = new UdpEncapsulator(host.Address, meta.Remote, host.Headers[meta.Header], options);
            _udp.Add(key, udp);
        }

        return udp;
    }
}
