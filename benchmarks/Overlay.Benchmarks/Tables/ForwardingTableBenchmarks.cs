using BenchmarkDotNet.Attributes;

namespace Overlay.Benchmarks.Tables;

/// <summary>Look-ups among 10 000 entries, in an order that no predictor knows.</summary>
[MemoryDiagnoser]
public class ForwardingTableBenchmarks
{
    private const int LookUps = 4096;
    private readonly MacAddress[] _known = new MacAddress[LookUps];
    private readonly MacAddress[] _unknown = new MacAddress[LookUps];
    private World _world = null!;

    [GlobalSetup]
    public void Setup()
    {
        _world = new World(64, 24, outerChecksum: false);
        SplitMix64 random = new(World.Seed + 2);
        for (int i = 0; i < LookUps; i++)
        {
            _known[i] = _world.Macs[random.Next() % World.Entries];
            _unknown[i] = MacAddress.FromValue((random.Next() & 0xFCFF_FFFF_FFFF) | 0x0200_0000_0000);
        }
    }

    [Benchmark(OperationsPerInvoke = LookUps)]
    public int Hit() => Find(_known);

    [Benchmark(OperationsPerInvoke = LookUps)]
    public int Miss() => Find(_unknown);

    private int Find(MacAddress[] macs)
    {
        int found = 0;
        foreach (MacAddress mac in macs)
        {
            found += _world.Tables.Forwarding.TryLookup(_world.Vni, mac, out int _) ? 1 : 0;
        }

        return found;
    }
}
