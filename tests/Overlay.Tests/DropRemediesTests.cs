using Xunit;

namespace Overlay.Tests;

public sealed class DropRemediesTests
{
    /// <summary>Reasons come at the end of the enumeration: whoever adds one says what would let such a packet pass.</summary>
    [Fact]
    public void Every_reason_says_what_would_let_the_packet_pass()
    {
        HashSet<string> sentences = [];
        foreach (DropReason reason in Enum.GetValues<DropReason>())
        {
            string remedy = DropRemedies.Of(reason);
            Assert.True(remedy.Length > 20 && remedy.EndsWith('.') && char.IsUpper(remedy[0]), $"{reason}: '{remedy}'");
            Assert.True(sentences.Add(remedy), $"{reason} says what another reason says.");
            Assert.NotEqual(DropReasons.Describe(reason), remedy);
        }

        Assert.Equal(DropReasons.Count, sentences.Count);
        Assert.Throws<ArgumentOutOfRangeException>(() => DropRemedies.Of((DropReason)200));
    }
}
