using BenchmarkDotNet.Attributes;
using Overlay.Encapsulation;
using Overlay.Tables;
using Overlay.Wire;

namespace Overlay.Benchmarks.Encapsulation;

/// <summary>A batch of frames into VXLAN over IPv4: look-up, flow hash, 50 bytes of outer headers. Row by row what the yardstick does.</summary>
[MemoryDiagnoser]
public class EncapsulationBenchmarks
{
    // The least common multiple of the batch sizes: whole batches only.
    private const int PacketsPerCall = 1536;

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

        // Both must have done the same work, or there is nothing to compare.
        Encapsulate(_world, Frames);
        for (int i = 0; i < Frames; i++)
        {
            byte[] theirs = Build(i);
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
        return Encapsulate(_world, PacketsPerCall);
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

    private byte[] Build(int index)
    {
        ReadOnlySpan<byte> frame = _world.Frame(index);
        _ = _world.Tables.Forwarding.TryLookup(_world.Vni, new MacAddress(frame[..MacAddress.Length]), out int remote);
        return _packetDotNet.Build(frame, remote, FlowHash.ToSourcePort(FlowHash.Compute(frame, 0)));
    }

    /// <summary>The batch again and again until so many packets went through. What does not change in a batch is asked for once, as the data path does.</summary>
    private static int Encapsulate(World world, int packets)
    {
        Span<byte> buffer = world.Buffer;
        ForwardingTable table = world.Tables.Forwarding;
        VxlanEncapsulator[] encapsulators = world.Encapsulators;
        Vni vni = world.Vni;
        int overhead = world.Overhead;
        int length = overhead + world.FrameLength;
        int total = 0;
        for (int round = packets / world.Frames; round > 0; round--)
        {
            // Walked, not indexed: a multiplication and a check for each packet are no part of the work, and the loop in C has none.
            for (Span<byte> rest = buffer; rest.Length >= World.Stride; rest = rest[World.Stride..])
            {
                Span<byte> packet = rest.Slice(World.Headroom - overhead, length);
                ReadOnlySpan<byte> frame = packet[overhead..];
                if (!table.TryLookup(vni, EthernetFrame.ReadDestination(frame), out int remote))
                {
                    return -1;
                }

                encapsulators[remote].WriteOuter(packet, frame.Length, vni, FlowHash.ToSourcePort(FlowHash.Compute(frame, 0)));
                total += packet.Length;
            }
        }

        return total;
    }
}
