using Overlay.Benchmarks.Wire;

namespace Overlay.Benchmarks.Comparison;

/// <summary>What parsing and writing each header takes, beside PacketDotNet where it knows the header.</summary>
internal static class HeaderTable
{
    /// <summary>The table; null if nothing of it was measured.</summary>
    public static MarkdownTable? Make(Measurements measurements)
    {
        const string Overlay = nameof(HeaderParseBenchmarks<>.Overlay);
        const string Theirs = nameof(PacketDotNetParseBenchmarks<>.PacketDotNet);
        MarkdownTable table = new(
            "header", ">parse ns", ">PacketDotNet ns", ">PacketDotNet / Overlay", ">write ns", ">PacketDotNet ns", ">PacketDotNet / Overlay", ">allocated by Overlay",
            ">by PacketDotNet");
        IEnumerable<object> headers = measurements.Of(typeof(HeaderParseBenchmarks<>), Overlay)
            .Concat(measurements.Of(typeof(HeaderWriteBenchmarks<>), Overlay))
            .Select(measurement => measurement.Parameters[Measurement.TypeArgument]).Distinct();
        foreach (object header in headers)
        {
            Measurement? parse = Find(typeof(HeaderParseBenchmarks<>), Overlay);
            Measurement? write = Find(typeof(HeaderWriteBenchmarks<>), Overlay);
            Measurement? theirParse = Find(typeof(PacketDotNetParseBenchmarks<>), Theirs);
            Measurement? theirWrite = Find(typeof(PacketDotNetWriteBenchmarks<>), Theirs);
            table.Row(
                $"{header}", MarkdownTable.Spread(parse), MarkdownTable.Time(theirParse?.Median), MarkdownTable.Ratio(theirParse?.Median, parse?.Median),
                MarkdownTable.Spread(write), MarkdownTable.Time(theirWrite?.Median), MarkdownTable.Ratio(theirWrite?.Median, write?.Median),
                $"{MarkdownTable.Bytes(parse)} / {MarkdownTable.Bytes(write)}", $"{MarkdownTable.Bytes(theirParse)} / {MarkdownTable.Bytes(theirWrite)}");

            Measurement? Find(Type type, string method) => measurements.Find(type, method, (Measurement.TypeArgument, header));
        }

        return table.Count > 0 ? table : null;
    }
}
