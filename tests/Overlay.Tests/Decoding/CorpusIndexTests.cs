using System.Text.RegularExpressions;
using Overlay.Capture;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Decoding;

/// <summary>Every capture decodes as the corpus's INDEX.md says.</summary>
public sealed partial class CorpusIndexTests
{
    public static TheoryData<string> Files => [.. CorpusIndex.Rows.Select(row => row.File)];

    [Fact]
    public void The_copy_of_the_index_is_the_index()
    {
        string index = File.ReadAllText(Corpus.PathOf("INDEX.md"));
        Assert.Equal(
            IndexRow().Matches(index).Select(row => (row.Groups[1].Value, row.Groups[2].Value, row.Groups[3].Value)),
            CorpusIndex.Rows.Select(row => (row.File, $"{row.Packets}", row.Stacks)));
        Assert.Equal(Corpus.Files, CorpusIndex.Rows.Select(row => row.File).Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Layers_are_those_of_the_index(string file)
    {
        CorpusIndex.Row row = CorpusIndex.Rows.Single(r => r.File == file);
        string stacks = CorpusIndex.Corrections.GetValueOrDefault(file, row.Stacks);
        Dictionary<string, int> expected = CorpusIndex.Parse(stacks.Replace("+12 kinds", CorpusIndex.OtherKinds, StringComparison.Ordinal));
        IReadOnlyList<CapturedPacket> packets = Corpus.Packets(file);
        Assert.Equal(row.Packets, packets.Count);
        Assert.Equal(row.Packets, expected.Values.Sum());
        Dictionary<string, int> seen = packets.Select(packet => PacketWalk.Stack(PacketWalk.Walk(packet))).CountBy(stack => stack).ToDictionary();
        Assert.Equal(
            expected.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key} x{pair.Value}"),
            seen.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key} x{pair.Value}"));
    }

    [GeneratedRegex(@"^\| (\S+\.pcap) \| (\d+) \| (.+) \|$", RegexOptions.Multiline)]
    private static partial Regex IndexRow();
}
