using Overlay.Forwarding.Measurement;
using Overlay.Testing;
using Xunit;

namespace Overlay.Tests.Benchmarks;

/// <summary>Reports that iperf3 3.12 wrote.</summary>
public sealed class Iperf3JsonTests
{
    private const string Refused = """
        { "start": { "connected": [], "version": "iperf 3.12" }, "intervals": [], "end": { }, "error": "unable to connect to server: Connection refused" }
        """;

    [Fact]
    public void Tcp_counts_what_the_receiver_got()
    {
        TcpResult result = Iperf3Json.ReadTcp(Golden("tcp-client"));

        // The sender had put 804782080 bytes under way.
        Assert.Equal(new TcpResult(798228480, 1.0001), result);
        // "bits_per_second": 6385189321.067893 by another clock of its own, 1.000039 s.
        Assert.Equal(6.385, result.GbitPerSecond, tolerance: 0.001);
    }

    [Fact]
    public void Udp_counts_what_arrived_and_not_the_highest_number()
    {
        UdpResult result = Iperf3Json.ReadUdpServer(Golden("udp-server"));

        // 82792 were numbered, 42360 of them missing: 889504 bytes of 22 each.
        Assert.Equal(new UdpResult(82792 - 42360, 42360, 1.008429), result);
        Assert.Equal(40.094, result.ReceivedKpps, tolerance: 0.001);
        Assert.Equal(51.164363706638319, result.LostPercent, precision: 9);
    }

    [Fact]
    public void Nothing_received_is_no_division_by_zero() => Assert.Equal(0, new UdpResult(0, 0, 1).LostPercent);

    [Fact]
    public void An_error_is_told_in_the_words_of_iperf3()
    {
        Assert.Contains("Connection refused", Assert.Throws<InvalidDataException>(() => Iperf3Json.ReadTcp(Refused)).Message, StringComparison.Ordinal);
        Assert.Contains("Connection refused", Assert.Throws<InvalidDataException>(() => Iperf3Json.ThrowIfError(Refused)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Report_without_an_error_passes() => Iperf3Json.ThrowIfError(Golden("tcp-client"));

    [Theory]
    [InlineData("")]
    [InlineData("iperf3: error - unable to connect")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{ "end": { "sum_received": { "bytes": "many", "seconds": 1 } } }""")]
    [InlineData("""{ "end": { "sum_received": { "bytes": 1, "seconds": 0 } } }""")]
    [InlineData("""{ "start": { "test_start": { "blksize": 0 } }, "end": { "sum_received": { "bytes": 1, "lost_packets": 0, "seconds": 1 } } }""")]
    public void What_is_no_report_is_refused(string json)
    {
        Assert.Throws<InvalidDataException>(() => Iperf3Json.ReadUdpServer(json));
        if (!json.Contains("blksize", StringComparison.Ordinal))
        {
            Assert.Throws<InvalidDataException>(() => Iperf3Json.ReadTcp(json));
        }
    }

    [Fact]
    public void Report_cut_off_anywhere_is_refused()
    {
        string golden = Golden("udp-server").TrimEnd();

        for (int length = 0; length < golden.Length; length += 97)
        {
            Assert.Throws<InvalidDataException>(() => Iperf3Json.ReadUdpServer(golden[..length]));
        }
    }

    private static string Golden(string name) => File.ReadAllText(Vectors.PathOf($"iperf3-3.12-{name}.json"));
}
