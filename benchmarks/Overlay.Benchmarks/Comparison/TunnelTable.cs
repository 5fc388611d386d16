using Overlay.Benchmarks.Encapsulation;

namespace Overlay.Benchmarks.Comparison;

/// <summary>What each kind of tunnel takes, over both families.</summary>
internal static class TunnelTable
{
    /// <summary>The table; null if nothing of it was measured.</summary>
    public static MarkdownTable? Make(Measurements measurements)
    {
        MarkdownTable table = new("tunnel", ">into it over IPv4 ns", ">out of it", ">into it over IPv6 ns", ">out of it");
        HashSet<string> measured = [.. measurements.Of(typeof(TunnelBenchmarks), nameof(TunnelBenchmarks.Encapsulate))
            .Concat(measurements.Of(typeof(TunnelBenchmarks), nameof(TunnelBenchmarks.Decapsulate)))
            .Select(measurement => ((TunnelCase)measurement.Parameters[nameof(TunnelBenchmarks.Tunnel)]).Name)];
        foreach (string name in TunnelCase.All.Select(tunnel => tunnel.Name).Distinct().Where(measured.Contains))
        {
            table.Row(
                name, Cell(nameof(TunnelBenchmarks.Encapsulate), true), Cell(nameof(TunnelBenchmarks.Decapsulate), true),
                Cell(nameof(TunnelBenchmarks.Encapsulate), false), Cell(nameof(TunnelBenchmarks.Decapsulate), false));

            string Cell(string method, bool isOuterIPv4) => MarkdownTable.Spread(measurements.Of(typeof(TunnelBenchmarks), method).FirstOrDefault(measurement =>
                measurement.Parameters[nameof(TunnelBenchmarks.Tunnel)] is TunnelCase tunnel && tunnel.Name == name && tunnel.IsOuterIPv4 == isOuterIPv4));
        }

        return table.Count > 0 ? table : null;
    }
}
