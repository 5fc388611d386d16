using BenchmarkDotNet.Attributes;
using Overlay.Wire;

namespace Overlay.Benchmarks.Wire;

/// <summary>The Internet checksum over a header, a full packet and a superpacket.</summary>
[MemoryDiagnoser]
public class InternetChecksumBenchmarks
{
    private byte[] _data = [];

    [Params(20, 64, 1450, 65_000)]
    public int Length { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _data = new byte[Length];
        SplitMix64 random = new(World.Seed);
        for (int i = 0; i < Length; i++)
        {
            _data[i] = (byte)random.Next();
        }
    }

    [Benchmark]
    public ushort Compute() => InternetChecksum.Compute(_data);
}
