using Microsoft.Extensions.ObjectPool;
using Overlay.DataPath;

namespace Overlay.Testing.Simulation;

/// <summary>How a simulation runs.</summary>
public sealed record WorldOptions
{
    /// <summary>What it is called in messages.</summary>
    public string Scenario { get; init; } = "unnamed";

    /// <summary>In which share of the places where a thread could be put aside it is.</summary>
    public double Interleaving { get; init; } = 0.3;

    /// <summary>Whether packets are kept for <see cref="SimulatedNetwork.WriteCapturesAsync"/>.</summary>
    public bool Captures { get; init; }

    /// <summary>How many events a failure shows.</summary>
    public int LastEvents { get; init; } = 40;

    /// <summary>Where batches come from; who runs many worlds gives them one.</summary>
    public ObjectPool<PacketBatch>? Batches { get; init; }

    /// <summary>A pool of batches that fit a simulation: small ones.</summary>
    public static ObjectPool<PacketBatch> CreatePool() =>
        PacketBatchPool.Create(maximumRetained: 32, capacity: 128, slabLength: PacketBatch.MaxPacketLength + PacketBatch.DefaultHeadroom);
}
