using System.Runtime.CompilerServices;
using BenchmarkDotNet.Attributes;
using Overlay.Encapsulation;
using Overlay.Wire;

namespace Overlay.Benchmarks.Encapsulation;

/// <summary>A batch of frames into VXLAN over IPv4: look-up, flow hash, 50 bytes of outer headers. Row by row what the yardstick does.</summary>
[MemoryDiagnoser]
public class EncapsulationBenchmarks
{
    // The least common multiple of the batch sizes: whole batches only.
    private const int PacketsPerCall = 768;

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

        // Both must have done the same work, or there is nothing to compare.
        for (int i = 0; i < Frames; i++)
        {
            byte[] theirs = Build(i);
            Encapsulate(_world, i);
            if (!_world.Packet(i).SequenceEqual(theirs))
            {
                throw new InvalidOperationException(
                    $"Frame {i} differs:\n{Convert.ToHexString(_world.Packet(i))}\n{Convert.ToHexString(theirs)}");
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
                total += Encapsulate(world, i);
            }
        }

        return total;
    }

    [Benchmark(Description = "PacketDotNet", OperationsPerInvoke = PacketsPerCall)]
    public int PacketDotNetBuild()
    {
        int total = 0;
        for (int round = 0; round < PacketsPerCall / Frames; round++)
        {
            for (int i = 0; i < Frames; i++)
            {
                total += Build(i).Length;
            }
        }

        return total;
    }

    // Into the loop, as the data path works: a batch is one loop.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Encapsulate(World world, int index)
    {
        Span<byte> packet = world.Packet(index);
        ReadOnlySpan<byte> frame = packet[world.Overhead..];
        if (!world.Tables.Forwarding.TryLookup(world.Vni, new MacAddress(frame[..MacAddress.Length]), out int remote))
        {
            return -1;
        }

        world.Encapsulators[remote].WriteOuter(packet, frame.Length, world.Vni, FlowHash.ToSourcePort(FlowHash.Compute(frame, 0)));
        return packet.Length;
    }

    private byte[] Build(int index)
    {
        ReadOnlySpan<byte> frame = _world.Frame(index);
        _ = _world.Tables.Forwarding.TryLookup(_world.Vni, new MacAddress(frame[..MacAddress.Length]), out int remote);
        return _packetDotNet.Build(frame, remote, FlowHash.ToSourcePort(FlowHash.Compute(frame, 0)));
    }
}
