namespace Overlay.Tests.Decoding;

/// <summary>Where another decoder says something else than this library, and why. A test fails on one that is not listed, and on a listed one that is gone.</summary>
/// <param name="File">The capture.</param>
/// <param name="Packets">Numbers of packets from 1: <c>1-10, 12</c>.</param>
/// <param name="Field">Layer and number of that layer, and field: <c>udp 1 udp.checksum</c>; <c>layers</c> for the layers themselves; a last <c>*</c> stands for any rest.</param>
/// <param name="Ours">What this library says; <c>absent</c> if nothing. Null stands for any value, where it differs from packet to packet.</param>
/// <param name="Theirs">What the other says; likewise.</param>
/// <param name="Why">Who is right, and how it comes.</param>
internal sealed record Disagreement(string File, string Packets, string Field, string? Ours, string? Theirs, string Why)
{
    /// <summary>One observation, to be found in a list of these.</summary>
    internal sealed record Seen(int Packet, string Field, string Ours, string Theirs)
    {
        public override string ToString() => $"packet {Packet}, {Field}: ours {Shorten(Ours)}, theirs {Shorten(Theirs)}";

        private static string Shorten(string text) => text.Length > 100 ? text[..100] + "…" : text;
    }

    /// <summary>Whether this row is about the observation.</summary>
    public bool Covers(Seen seen) =>
        (Field.EndsWith('*') ? seen.Field.StartsWith(Field.AsSpan(0, Field.Length - 1), StringComparison.Ordinal) : Field == seen.Field) &&
        (Ours is null || Ours == seen.Ours) && (Theirs is null || Theirs == seen.Theirs) && Numbers.Contains(seen.Packet);

    /// <summary>The packets it is about.</summary>
    public IReadOnlySet<int> Numbers { get; } = Packets
        .Split(',', StringSplitOptions.TrimEntries)
        .Select(part => part.Split('-'))
        .SelectMany(ends => Enumerable.Range(int.Parse(ends[0], null), int.Parse(ends[^1], null) - int.Parse(ends[0], null) + 1))
        .ToHashSet();

    /// <summary>What is seen and not listed, and what is listed and not seen; empty if table and capture agree.</summary>
    public static IReadOnlyList<string> Differences(string file, IReadOnlyList<Disagreement> table, IReadOnlyList<Seen> observations)
    {
        Disagreement[] rows = [.. table.Where(row => row.File == file)];
        List<string> differences = [.. observations.Where(seen => !rows.Any(row => row.Covers(seen))).Select(seen => $"not listed: {seen}")];
        foreach (Disagreement row in rows)
        {
            differences.AddRange(row.Numbers
                .Where(number => !observations.Any(seen => seen.Packet == number && row.Covers(seen)))
                .Select(number => $"listed and gone: packet {number}, {row.Field} ({row.Why})"));
        }

        return differences;
    }
}
