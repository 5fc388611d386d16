using System.Buffers.Binary;
using System.Net;
using System.Runtime.CompilerServices;
using BenchmarkDotNet.Attributes;
using Overlay.Encapsulation;
using Overlay.Wire;

namespace Overlay.Benchmarks.Encapsulation;

/// <summary>A batch of VXLAN packets taken apart again: every outer check, the VNI, the remote among the known ones.</summary>
[MemoryDiagnoser]
public class DecapsulationBenchmarks
{
    private const int PacketsPerCall = 768;
    private const int LinkHeaderLength = 14;

    private World _world = null!;
    private PacketDotNetTunnel _packetDotNet = null!;

    [Params(64, 1450)]
    public int FrameLength { get; set; }

    [Params(24, 256)]
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
            if (Decapsulate(_world, i) != FrameLength || Parse(i) != FrameLength)
            {
                throw new InvalidOperationException($"Packet {i} was not taken apart: {Decapsulate(_world, i)} and {Parse(i)} bytes where {FrameLength} were due.");
            }
        }
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = PacketsPerCall)]
    public int Overlay()
    {
        World world = _world;
        int frames = Frames;
        int total = 0;
        for (int round = 0; round < PacketsPerCall / frames; round++)
        {
            for (int i = 0; i < frames; i++)
            {
                total += Decapsulate(world, i);
            }
        }

        return total;
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

    // Into the loop, as the data path works: a batch is one loop.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Decapsulate(World world, int index)
    {
        ReadOnlySpan<byte> packet = world.Packet(index);
        return BinaryPrimitives.ReadUInt16BigEndian(packet[12..]) == (ushort)EtherType.IPv4
            && Decapsulator.TryDecapsulate(packet[LinkHeaderLength..], TunnelKind.Vxlan, 4789, out Decapsulated inner, out _)
            && inner.Vni == world.Vni
            && world.Tables.IsKnownRemote(inner.Remote)
            ? inner.Payload.Length
            : -1;
    }

    private int Parse(int index)
    {
        int length = _packetDotNet.Parse(_world.Packet(index), out IPAddress? remote);
        return remote is not null && _world.Tables.IsKnownRemote(remote) ? length : -1;
    }
}
