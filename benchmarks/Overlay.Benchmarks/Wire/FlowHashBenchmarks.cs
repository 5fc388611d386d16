using BenchmarkDotNet.Attributes;
using Overlay.Wire;

namespace Overlay.Benchmarks.Wire;

/// <summary>The hash of a flow and the source port made of it.</summary>
[MemoryDiagnoser]
public class FlowHashBenchmarks
{
    private const int Frames = 256;
    private World _world = null!;

    [GlobalSetup]
    public void Setup() => _world = new World(64, Frames, outerChecksum: false);

    [Benchmark(OperationsPerInvoke = Frames)]
    public int SourcePort()
    {
        int total = 0;
        for (int i = 0; i < Frames; i++)
        {
            total += FlowHash.ToSourcePort(FlowHash.Compute(_world.Frame(i), 0));
        }

        return total;
    }
}
