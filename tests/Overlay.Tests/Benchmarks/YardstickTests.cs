using Overlay.Benchmarks;
using Overlay.Benchmarks.Comparison;
using Xunit;

namespace Overlay.Tests.Benchmarks;

/// <summary>The tables of the programs in C, and the command line.</summary>
public sealed class YardstickTests
{
    [Fact]
    public void Rows_are_read_by_column()
    {
        IReadOnlyList<YardstickRow> rows = Yardstick.Parse(
            """
            work    frame  frames  checksum   min ns   med ns
            encap      64      24  computed     4.73     4.79
            sum     65536       1  avx512     599.60   604.00

            """);

        Assert.Equal([new YardstickRow("encap", 64, 24, "computed", 4.73, 4.79), new YardstickRow("sum", 65536, 1, "avx512", 599.6, 604)], rows);
        Assert.Equal([true, false], rows.Select(row => row.Checksum));
    }

    [Fact]
    public void Another_line_is_refused() => Assert.Contains(
        "encap 64", Assert.Throws<InvalidOperationException>(() => Yardstick.Parse("title\nencap 64\n")).Message, StringComparison.Ordinal);

    [Fact]
    public void Between_two_runs_lies_their_mean()
    {
        YardstickRuns runs = new([new("sum", 64, 1, "avx512", 1, 4), new("memcpy", 64, 1, "libc", 1, 2)], [new("sum", 64, 1, "avx512", 1, 5), new("memcpy", 64, 1, "libc", 1, 2)]);

        Assert.Equal(4.5, runs.Median("sum", 64));
        Assert.Equal(2, runs.Median("memcpy", 64));
        Assert.Null(runs.Median("sum", 65));
        Assert.Equal(0.25, runs.Drift);
        Assert.Equal(0, new YardstickRuns([], []).Drift);
    }

    [Fact]
    public void Recording_takes_a_file_and_leaves_the_rest()
    {
        BenchmarkOptions options = BenchmarkOptions.Parse(["--record", "README.md", "--filter", "*"]);

        Assert.Equal("README.md", options.Record);
        Assert.Equal(["--filter", "*"], options.Rest);
        Assert.False(options.NamesJob);
        Assert.True(BenchmarkOptions.Parse(["--filter", "*", "--job", "dry"]).NamesJob);
        Assert.Null(BenchmarkOptions.Parse(["--filter", "*"]).Record);
    }

    [Theory]
    [InlineData("--record")]
    [InlineData("--record", "--filter")]
    public void Recording_into_nothing_is_a_mistake(params string[] args) => Assert.Throws<ArgumentException>(() => BenchmarkOptions.Parse(args));
}
