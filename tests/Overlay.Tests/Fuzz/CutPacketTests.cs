using Overlay.Fuzz;
using Overlay.Testing;
using Xunit;

namespace Overlay.Tests.Fuzz;

/// <summary>
/// Every packet of every capture, golden frame and built frame, each layer of it cut at every length and put before a page that ends the process when
/// touched, goes through every parser; whole, it also goes there from right behind such a page.
/// </summary>
public sealed class CutPacketTests
{
    private static readonly Lazy<SeedPool> Pool = new(SeedPool.Load);

    // What makes lists of packets, or reads twice: their seeds are the shortest ones.
    private static readonly string[] Slow = ["capture", "coalescer", "segmentation", "configuration"];

    public static TheoryData<string> Targets => [.. Catalog.Default.Select(index => Catalog.All[index].Name)];

    [Theory]
    [MemberData(nameof(Targets))]
    public void No_cut_packet_is_read_beyond_its_end(string name)
    {
        FuzzTarget target = Catalog.All[Catalog.Find(name)![0]];
        IEnumerable<byte[]> seeds = Slow.Contains(name) ? Pool.Value.For(target).Take(40) : target.Layers.SelectMany(Pool.Value.All);
        using GuardedMemory memory = new(64 * 1024);
        int cuts = 0;
        foreach (byte[] seed in seeds)
        {
            for (int length = 0; length <= seed.Length; length++)
            {
                target.Run(memory.PutLast(seed.AsSpan(0, length)));
                cuts++;
            }

            target.Run(memory.PutFirst(seed));
        }

        Assert.True(cuts > (Corpus.Directory is null ? 20 : 100), $"Only {cuts} inputs: the seeds of the target are gone.");
    }
}
