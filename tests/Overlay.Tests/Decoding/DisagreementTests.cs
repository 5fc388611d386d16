using Xunit;

namespace Overlay.Tests.Decoding;

/// <summary>The list of known disagreements is one that can fail both ways.</summary>
public sealed class DisagreementTests
{
    private const string File = "a.pcap";

    private static readonly Disagreement[] Table = [new(File, "1-2, 4", "udp 1 udp.length", "8", null, "why"), new("b.pcap", "1", "ip 2 *", null, "9", "why")];

    [Fact]
    public void What_is_listed_and_seen_is_no_difference() =>
        Assert.Empty(Disagreement.Differences(File, Table, [Seen(1), Seen(2), Seen(4)]));

    [Fact]
    public void What_is_seen_and_not_listed_is_a_difference()
    {
        Assert.Single(Disagreement.Differences(File, Table, [Seen(1), Seen(2), Seen(3), Seen(4)]), text => text.StartsWith("not listed: packet 3", StringComparison.Ordinal));
        // Another value, another field.
        Assert.Single(Disagreement.Differences(File, Table, [Seen(1), Seen(2), Seen(4), Seen(4) with { Ours = "9" }]));
        Assert.Single(Disagreement.Differences(File, Table, [Seen(1), Seen(2), Seen(4), Seen(4) with { Field = "udp 2 udp.length" }]));
    }

    [Fact]
    public void What_is_listed_and_gone_is_a_difference() => Assert.Single(
        Disagreement.Differences(File, Table, [Seen(1), Seen(4)]), text => text.StartsWith("listed and gone: packet 2", StringComparison.Ordinal));

    [Fact]
    public void A_star_stands_for_every_field_of_a_layer()
    {
        Assert.Empty(Disagreement.Differences("b.pcap", Table, [new(1, "ip 2 ip.ttl", "1", "9"), new(1, "ip 2 ip.id", "2", "9")]));
        Assert.Equal(2, Disagreement.Differences("b.pcap", Table, [new(1, "ip 1 ip.ttl", "1", "9")]).Count);
    }

    private static Disagreement.Seen Seen(int packet) => new(packet, "udp 1 udp.length", "8", "9");
}
