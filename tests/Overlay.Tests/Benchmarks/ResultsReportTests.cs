using Overlay.Benchmarks.Comparison;
using Overlay.Benchmarks.DataPath;
using Overlay.Benchmarks.Encapsulation;
using Overlay.Benchmarks.Wire;
using Xunit;

namespace Overlay.Tests.Benchmarks;

/// <summary>What becomes of figures: ratios, targets and tables.</summary>
public sealed class ResultsReportTests
{
    private static readonly MachineFacts Machine = new()
    {
        Time = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc),
        Commit = "0123456789ab",
        Runtime = ".NET 10",
        Kernel = "6.18",
        Processor = "a processor",
        Cpus = 2,
        VectorBits = 512,
        LoadBefore = "0.01 0.02 0.03",
    };

    [Theory]
    [InlineData(new[] { 3.0 }, 3)]
    [InlineData(new[] { 9.0, 1.0, 5.0 }, 5)]
    [InlineData(new[] { 9.0, 1.0, 5.0, 6.0 }, 5.5)]
    public void Median_is_the_middle_in_any_order(double[] iterations, double expected) => Assert.Equal(expected, Sum(64, iterations).Median);

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 0)]
    [InlineData(2, 50)]
    [InlineData(7, 98.4375)]
    public void Smallest_and_largest_hold_the_median_unless_all_are_on_one_side(int samples, double percent) =>
        Assert.Equal(percent, ResultsReport.Confidence(samples));

    [Fact]
    public void The_facts_of_the_machine_come_first()
    {
        string report = Report([Sum(64, 4, 3, 5, 4, 4, 4, 4)], new YardstickRuns([], []));

        Assert.StartsWith("- 2026-01-02 03:04 UTC, commit 0123456789ab, .NET 10\n- Linux 6.18, a processor, 2 CPUs, vectors of 512 bits, load 0.01 0.02 0.03 before and 1 2 3 after\n", report, StringComparison.Ordinal);
        Assert.Contains("of 7 iterations, which hold the true median with 98.4 % probability\n", report, StringComparison.Ordinal);
        Assert.DoesNotContain("**", report, StringComparison.Ordinal);
    }

    [Fact]
    public void Few_iterations_are_no_measurement() => Assert.Contains(
        "not a measurement", Report([Sum(64, 4, 4, 4, 4)], new YardstickRuns([], [])), StringComparison.Ordinal);

    [Theory]
    [InlineData(10, 10.9, false)]
    [InlineData(10, 11.1, true)]
    [InlineData(10, 8.9, true)]
    public void A_yardstick_that_drifts_is_said(double before, double after, bool said) =>
        Assert.Equal(said, Report([Sum(64, 4)], new YardstickRuns([Row("sum", 64, before)], [Row("sum", 64, after)])).Contains("was not quiet", StringComparison.Ordinal));

    [Fact]
    public void Encapsulation_is_held_against_the_mean_of_both_runs_of_plain_C()
    {
        Measurement[] all =
        [
            Encapsulation(64, 24, false, 6),
            Encapsulation(1450, 24, false, 5.5),
            Encapsulation(1450, 24, true, 99),
            new(typeof(EncapsulationBenchmarks), nameof(EncapsulationBenchmarks.PacketDotNetBuild), Parameters(64, 24, false), [600], 2000),
        ];
        YardstickRow[] before = [new("encap", 64, 24, "zero", 3, 4), new("encap", 1450, 24, "zero", 4, 5), new("decap", 64, 24, "zero", 3, 3)];
        YardstickRow[] after = [new("encap", 64, 24, "zero", 5, 6), new("encap", 1450, 24, "zero", 4, 5), new("decap", 64, 24, "zero", 3, 3)];
        YardstickRuns yardsticks = new(before, after);

        string table = ComparisonTable.Make(new Measurements(all), yardsticks)!.ToString();
        Target target = Assert.Single(ComparisonTable.Targets(new Measurements(all), yardsticks));

        Assert.Contains("| encap | 64 | 24 | zero | 6.00 | 4.00 | 6.00 | 1.20× | 600.00 | 100.00× | 0 B | 2000 B |\n", table, StringComparison.Ordinal);
        Assert.Contains("| encap | 1450 | 24 | zero | 5.50 | 5.00 | 5.00 | 1.10× | – | – | 0 B | – |\n", table, StringComparison.Ordinal);
        Assert.DoesNotContain("decap", table, StringComparison.Ordinal);
        Assert.Equal(1.2, target.Value, precision: 12);
        Assert.True(target.IsMet);
    }

    [Fact]
    public void The_checksum_is_held_against_vectors_in_C_and_the_copy_against_copies()
    {
        Measurement[] all =
        [
            Sum(1408, 20, 18, 22),
            new(typeof(InternetChecksumBenchmarks), nameof(InternetChecksumBenchmarks.CopySum), Length(1408), [30], 0),
            new(typeof(InternetChecksumBenchmarks), nameof(InternetChecksumBenchmarks.Copy), Length(1408), [20], 0),
        ];
        YardstickRow[] rows = [Row("sum", 1408, 16), Row("sum-adc", 1408, 60), Row("memcpy", 1408, 25), Row("copy-sum", 1408, 24)];
        YardstickRuns yardsticks = new(rows, rows);

        string table = ChecksumTable.Make(new Measurements(all), yardsticks)!.ToString();
        Target[] targets = [.. ChecksumTable.Targets(new Measurements(all), yardsticks)];

        Assert.Contains("| sum | 1408 | 20.00 (18.00–22.00) | 70.4 | 16.00 | avx512 | 1.25× | 60.00 |\n", table, StringComparison.Ordinal);
        Assert.Contains("| copy and sum | 1408 | 30.00 | 46.9 | 24.00 | avx512 | 1.25× |  |\n", table, StringComparison.Ordinal);
        Assert.Equal([80, 1.5, 1.2], targets.Select(target => Math.Round(target.Value, 12)));
        Assert.Equal([true, false, true], targets.Select(target => target.IsMet));
    }

    [Theory]
    [InlineData(3, 15, true, true)]
    [InlineData(3.01, 15.01, false, false)]
    public void Hash_and_egress_have_limits_in_nanoseconds(double hash, double egress, bool hashIsMet, bool egressIsMet)
    {
        Measurements measurements = new(
        [
            new(typeof(FlowHashBenchmarks), nameof(FlowHashBenchmarks.Hash), new Dictionary<string, object>(), [hash], 0),
            new(typeof(TunnelEgressBenchmarks), nameof(TunnelEgressBenchmarks.DecideAndWrite), new Dictionary<string, object> { ["FrameLength"] = 64 }, [egress], 0),
        ]);

        Assert.Equal([hashIsMet, egressIsMet], PathTable.Targets(measurements).Select(target => target.IsMet));
    }

    [Fact]
    public void Headers_stand_beside_PacketDotNet_where_it_knows_them()
    {
        Measurements measurements = new(
        [
            Header(typeof(HeaderParseBenchmarks<>), "Overlay", "UDP", 2), Header(typeof(HeaderWriteBenchmarks<>), "Overlay", "UDP", 1),
            Header(typeof(PacketDotNetParseBenchmarks<>), "PacketDotNet", "UDP", 50, 96), Header(typeof(PacketDotNetWriteBenchmarks<>), "PacketDotNet", "UDP", 40, 128),
            Header(typeof(HeaderParseBenchmarks<>), "Overlay", "NSH", 3),
        ]);

        string table = HeaderTable.Make(measurements)!.ToString();

        Assert.EndsWith(
            "| UDP | 2.00 | 50.00 | 25.00× | 1.00 | 40.00 | 40.00× | 0 B / 0 B | 96 B / 128 B |\n| NSH | 3.00 | – | – | – | – | – | 0 B / – | – / – |\n",
            table, StringComparison.Ordinal);
    }

    [Fact]
    public void Tunnels_have_a_row_for_both_families()
    {
        TunnelCase[] gre = [.. TunnelCase.All.Where(tunnel => tunnel is { Kind: TunnelKind.Gre, Variant: "" })];
        Measurements measurements = new([.. gre.SelectMany(tunnel => new[] { Tunnel("Encapsulate", tunnel, 4), Tunnel("Decapsulate", tunnel, 5) })]);

        Assert.EndsWith("|\n| gre | 4.00 | 5.00 | 4.00 | 5.00 |\n", TunnelTable.Make(measurements)!.ToString(), StringComparison.Ordinal);

        static Measurement Tunnel(string method, TunnelCase tunnel, double nanoseconds) =>
            new(typeof(TunnelBenchmarks), method, new Dictionary<string, object> { ["Tunnel"] = tunnel }, [nanoseconds], 0);
    }

    [Fact]
    public void What_was_not_measured_has_no_table()
    {
        Measurements nothing = new([]);
        YardstickRuns none = new([], []);

        Assert.Null(ComparisonTable.Make(nothing, none));
        Assert.Null(ChecksumTable.Make(nothing, none));
        Assert.Null(HeaderTable.Make(nothing));
        Assert.Null(TunnelTable.Make(nothing));
        Assert.Null(PathTable.Make(nothing));
        Assert.Null(Target.Table([]));
    }

    [Fact]
    public void A_target_says_whether_it_was_reached() => Assert.Equal(
        """
        | target | to reach | measured | reached |
        |---|--:|--:|---|
        | a | ≤ 1.2 × | 1.21 × | **no** |
        | b | ≥ 60 % | 60 % | yes |

        """,
        Target.Table([new Target("a", 1.21, 1.2, "×"), new Target("b", 60, 60, "%", AtLeast: true)])!.ToString());

    [Fact]
    public void The_processor_is_named_as_the_kernel_names_it()
    {
        Assert.Equal("AMD EPYC", MachineFacts.ModelName(["vendor_id\t: AuthenticAMD", "model name\t: AMD EPYC", "model name\t: AMD EPYC"]));
        Assert.NotEmpty(MachineFacts.ModelName(["CPU implementer\t: 0x41"]));
    }

    private static string Report(Measurement[] measurements, YardstickRuns yardsticks) =>
        ResultsReport.Make(Machine, "1 2 3", new Measurements(measurements), yardsticks);

    private static Measurement Sum(int length, params double[] nanoseconds) =>
        new(typeof(InternetChecksumBenchmarks), nameof(InternetChecksumBenchmarks.Sum), Length(length), nanoseconds, 0);

    private static Measurement Encapsulation(int length, int frames, bool checksum, double nanoseconds) =>
        new(typeof(EncapsulationBenchmarks), nameof(EncapsulationBenchmarks.Overlay), Parameters(length, frames, checksum), [nanoseconds], 0);

    private static Measurement Header(Type type, string method, string header, double nanoseconds, long bytes = 0) =>
        new(type, method, new Dictionary<string, object> { [Measurement.TypeArgument] = header }, [nanoseconds], bytes);

    private static Dictionary<string, object> Length(int length) => new() { ["Length"] = length };

    private static Dictionary<string, object> Parameters(int length, int frames, bool checksum) =>
        new() { ["FrameLength"] = length, ["Frames"] = frames, ["Checksum"] = checksum };

    private static YardstickRow Row(string work, int length, double median) => new(work, length, 1, "avx512", median, median);
}
