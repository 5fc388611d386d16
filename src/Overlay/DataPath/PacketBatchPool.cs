using Microsoft.Extensions.ObjectPool;

namespace Overlay.DataPath;

/// <summary>
/// The shared tier of batches: workers take theirs from here once and give them back when they end. Batches are pooled, packets never are.
/// </summary>
public static class PacketBatchPool
{
    /// <summary>Makes a pool.</summary>
    /// <param name="maximumRetained">How many unused batches are kept; each holds a slab of half a megabyte by default.</param>
    /// <param name="capacity">Descriptors of a batch.</param>
    /// <param name="slabLength">Bytes of a batch's slab.</param>
    /// <param name="headroom">Bytes kept free in front of each packet.</param>
    public static ObjectPool<PacketBatch> Create(
        int maximumRetained = 16,
        int capacity = PacketBatch.DefaultCapacity,
        int slabLength = PacketBatch.DefaultSlabLength,
        int headroom = PacketBatch.DefaultHeadroom) =>
        new DefaultObjectPool<PacketBatch>(new Policy(capacity, slabLength, headroom), maximumRetained);

    private sealed class Policy(int capacity, int slabLength, int headroom) : PooledObjectPolicy<PacketBatch>
    {
        public override PacketBatch Create() => new(capacity, slabLength, headroom);

        public override bool Return(PacketBatch obj)
        {
            obj.Clear();
            return true;
        }
    }
}
