using System.Text.RegularExpressions;
using Overlay.Capture;
using Overlay.Testing;
using Xunit;

namespace Overlay.Tests.Capture;

public sealed partial class CorpusTests
{
    [Fact]
    public void Every_capture_of_the_index_has_the_packets_that_the_index_says()
    {
        string index = File.ReadAllText(Corpus.PathOf("INDEX.md"));
        int files = 0;
        foreach (Match row in IndexRow().Matches(index))
        {
            IReadOnlyList<CapturedPacket> packets = Corpus.Packets(row.Groups[1].Value);
            Assert.True(packets.Count == int.Parse(row.Groups[2].ValueSpan, null), $"{row.Groups[1].Value}: {packets.Count} packets, not {row.Groups[2].Value}");
            Assert.All(packets, packet => Assert.Equal(packet.OriginalLength, packet.Data.Length));
            files++;
        }

        Assert.True(files >= 38, $"{files} files in the index");
        Assert.Equal(LinkType.Raw, Corpus.Packets("tcpdump/LINKTYPE_RAW_ipv4.pcap")[0].LinkType);
        Assert.Equal(LinkType.Ethernet, Corpus.Packets("tcpdump/vxlan.pcap")[0].LinkType);
    }

    [GeneratedRegex(@"^\| (\S+\.pcap) \| (\d+) \|", RegexOptions.Multiline)]
    private static partial Regex IndexRow();
}
