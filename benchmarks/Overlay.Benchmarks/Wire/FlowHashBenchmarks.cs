using BenchmarkDotNet.Attributes;
using Overlay.Wire;

namespace Overlay.Benchmarks.Wire;

/// <summary>The hash of a flow, and the source port made of it.</summary>
[MemoryDiagnoser]
public class FlowHashBenchmarks
{
    private const int Frames = 24;
    private const int HashesPerCall = 768;
    private World _world = null!;

    [GlobalSetup]
    public void Setup() => _world = new World(64, Frames, outerChecksum: false);

    [Benchmark(OperationsPerInvoke = HashesPerCall)]
    public uint Hash()
    {
        uint total = 0;
        for (int round = 0; round < HashesPerCall / Frames; round++)
        {
            for (ReadOnlySpan<byte> rest = _world.Buffer; rest.Length >= World.Stride; rest = rest[World.Stride..])
            {
                total += FlowHash.Compute(rest.Slice(World.Headroom, 64), 0);
            }
        }

        return total;
    }

    [Benchmark(OperationsPerInvoke = HashesPerCall)]
    public int SourcePort()
    {
        int total = 0;
        for (int round = 0; round < HashesPerCall / Frames; round++)
        {
            for (ReadOnlySpan<byte> rest = _world.Buffer; rest.Length >= World.Stride; rest = rest[World.Stride..])
            {
                total += FlowHash.ToSourcePort(FlowHash.Compute(rest.Slice(World.Headroom, 64), 0));
            }
        }

        return total;
    }
}
