using Overlay.Benchmarks.DataPath;
using Overlay.Benchmarks.Tables;
using Overlay.Benchmarks.Wire;

namespace Overlay.Benchmarks.Comparison;

/// <summary>The parts of the way of a frame to the underlay, and the whole.</summary>
internal static class PathTable
{
    /// <summary>The most nanoseconds that the hash of a flow may take.</summary>
    public const double MostHash = 3;

    /// <summary>The most nanoseconds that a frame may take through egress.</summary>
    public const double MostEgress = 15;

    /// <summary>The table; null if nothing of it was measured.</summary>
    public static MarkdownTable? Make(Measurements measurements)
    {
        MarkdownTable table = new("work", ">frame", ">Overlay ns", ">allocated");
        Add(typeof(FlowHashBenchmarks), nameof(FlowHashBenchmarks.Hash), "flow hash");
        Add(typeof(FlowHashBenchmarks), nameof(FlowHashBenchmarks.SourcePort), "flow hash and source port");
        Add(typeof(ForwardingTableBenchmarks), nameof(ForwardingTableBenchmarks.Hit), "look-up among 10 000 entries, found");
        Add(typeof(ForwardingTableBenchmarks), nameof(ForwardingTableBenchmarks.Miss), "look-up among 10 000 entries, not found");
        Add(typeof(TunnelEgressBenchmarks), nameof(TunnelEgressBenchmarks.Decide), "egress of a batch of 64: look-up, hash, policy, books");
        Add(typeof(TunnelEgressBenchmarks), nameof(TunnelEgressBenchmarks.DecideAndWrite), "the same and the VXLAN header");
        return table.Count > 0 ? table : null;

        void Add(Type type, string method, string work)
        {
            foreach (Measurement measurement in measurements.Of(type, method))
            {
                string length = measurement.Parameters.TryGetValue(nameof(TunnelEgressBenchmarks.FrameLength), out object? value) ? $"{value}" : "";
                table.Row(work, length, MarkdownTable.Spread(measurement), MarkdownTable.Bytes(measurement));
            }
        }
    }

    /// <summary>The hash, and a frame of each length through egress.</summary>
    public static IEnumerable<Target> Targets(Measurements measurements) =>
    [
        .. measurements.Of(typeof(FlowHashBenchmarks), nameof(FlowHashBenchmarks.Hash)).Select(hash => new Target("flow hash", hash.Median, MostHash, "ns")),
        .. measurements.Of(typeof(TunnelEgressBenchmarks), nameof(TunnelEgressBenchmarks.DecideAndWrite)).Select(egress => new Target(
            $"a frame of {egress.Parameters[nameof(TunnelEgressBenchmarks.FrameLength)]} bytes through egress", egress.Median, MostEgress, "ns")),
    ];
}
