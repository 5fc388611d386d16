using System.Buffers.Binary;
using System.Net;
using BenchmarkDotNet.Attributes;
using Overlay.Encapsulation;
using Overlay.Tables;
using Overlay.Wire;

namespace Overlay.Benchmarks.Encapsulation;

/// <summary>A batch of VXLAN packets taken apart again: every outer check, the VNI, the remote among the known ones.</summary>
[MemoryDiagnoser]
public class DecapsulationBenchmarks
{
    // The least common multiple of the batch sizes: whole batches only.
    private const int PacketsPerCall = 1536;
    private const int LinkHeaderLength = 14;

    private World _world = null!;
    private PacketDotNetTunnel _packetDotNet = null!;

    [Params(64, 1450)]
    public int FrameLength { get; set; }

    [Params(24, 512)]
    public int Frames { get; set; }

    [Params(false, true)]
    public bool Checksum { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _world = new World(FrameLength, Frames, Checksum);
        _packetDotNet = new PacketDotNetTunnel(_world, Checksum);
        for (int i = 0; i < Frames; i++)
        {
            ReadOnlySpan<byte> frame = _world.Frame(i);
            _ = _world.Tables.Forwarding.TryLookup(_world.Vni, new MacAddress(frame[..MacAddress.Length]), out int remote);
            _world.Encapsulators[remote].WriteOuter(_world.Packet(i), FrameLength, new OuterHeaderFields
            {
                Vni = _world.Vni,
                SourcePort = FlowHash.ToSourcePort(FlowHash.Compute(frame, 0)),
                DontFragment = true,
            });
            if (Parse(i) != FrameLength)
            {
                throw new InvalidOperationException($"Packet {i} was not taken apart by PacketDotNet: {Parse(i)} bytes where {FrameLength} were due.");
            }
        }

        int taken = Decapsulate(_world, Frames);
        if (taken != Frames * FrameLength)
        {
            throw new InvalidOperationException($"The batch was not taken apart: {taken} bytes where {Frames * FrameLength} were due.");
        }
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = PacketsPerCall)]
    public int Overlay()
    {
        return Decapsulate(_world, PacketsPerCall);
    }

    [Benchmark(Description = "PacketDotNet", OperationsPerInvoke = PacketsPerCall)]
    public int PacketDotNetParse()
    {
        int total = 0;
        for (int round = 0; round < PacketsPerCall / Frames; round++)
        {
            for (int i = 0; i < Frames; i++)
            {
                total += Parse(i);
            }
        }

        return total;
    }

    private int Parse(int index)
    {
        int length = _packetDotNet.Parse(_world.Packet(index), out IPAddress? remote);
        return remote is not null && _world.Tables.IsKnownRemote(remote) ? length : -1;
    }

    /// <summary>The batch again and again until so many packets went through. What does not change in a batch is asked for once, as the data path does.</summary>
    private static int Decapsulate(World world, int packets)
    {
        ReadOnlySpan<byte> buffer = world.Buffer;
        OverlayTables tables = world.Tables;
        Vni vni = world.Vni;
        int overhead = world.Overhead;
        int length = overhead + world.FrameLength;
        int frames = world.Frames;
        int total = 0;

        // One loop: within two the JIT does not inline the way that nearly every packet takes, which doubles the figure.
        for (int i = 0, index = 0; i < packets; i++)
        {
            ReadOnlySpan<byte> packet = buffer.Slice((index * World.Stride) + World.Headroom - overhead, length);
            if (packet.Length < LinkHeaderLength
                || BinaryPrimitives.ReadUInt16BigEndian(packet[12..]) != (ushort)EtherType.IPv4
                || !Decapsulator.TryDecapsulate(packet[LinkHeaderLength..], TunnelKind.Vxlan, 4789, out Decapsulated inner, out _)
                || inner.Vni != vni
                || !tables.IsKnownRemote(inner.Remote))
            {
                return -1;
            }

            total += inner.Payload.Length;
            index = index + 1 == frames ? 0 : index + 1;
        }

        return total;
    }
}
