using Overlay.Testing;
using Xunit;

namespace Overlay.Tests.Packaging;

/// <summary>How build.sh counts: what did not end as it should must never pass for green.</summary>
public sealed class BuildScriptTests : IDisposable
{
    private const string Rest = "time=\"0.1\" total=\"9\" not-run=\"1\"";
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("overlay-tally-");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task Sums_over_projects_and_succeeds_when_nothing_failed()
    {
        (int exitCode, string[] lines) = await TallyAsync((Report(passed: 7, failed: 0, errors: 0, skipped: 2), 0), (Report(passed: 100, failed: 0, errors: 0, skipped: 0), 0));

        Assert.Equal(["107 passed, 0 failed, 2 skipped"], lines);
        Assert.Equal(0, exitCode);
    }

    [Fact]
    public async Task Failed_tests_and_errors_outside_of_tests_count()
    {
        (int exitCode, string[] lines) = await TallyAsync((Report(passed: 7, failed: 2, errors: 1, skipped: 0), 1));

        Assert.Equal(["7 passed, 3 failed, 0 skipped"], lines);
        Assert.Equal(1, exitCode);
    }

    [Fact]
    public async Task Crash_without_a_report_is_said_and_counts_as_a_failure()
    {
        (int exitCode, string[] lines) = await TallyAsync((Report(passed: 7, failed: 0, errors: 0, skipped: 0), 0), (null, 134));

        Assert.Equal("7 passed, 1 failed, 0 skipped", lines[^1]);
        Assert.Contains("crashed", lines[0], StringComparison.Ordinal);
        Assert.Contains("134", lines[0], StringComparison.Ordinal);
        Assert.Equal(1, exitCode);
    }

    [Fact]
    public async Task End_with_zero_but_without_a_report_is_a_failure_too()
    {
        (int exitCode, string[] lines) = await TallyAsync((null, 0));

        Assert.Equal("0 passed, 1 failed, 0 skipped", lines[^1]);
        Assert.Equal(1, exitCode);
    }

    [Fact]
    public async Task Report_cut_off_in_the_middle_is_a_failure()
    {
        string report = Report(passed: 7, failed: 0, errors: 0, skipped: 0);

        (int exitCode, string[] lines) = await TallyAsync((report[..^20], 0));

        Assert.Equal("0 passed, 1 failed, 0 skipped", lines[^1]);
        Assert.Equal(1, exitCode);
    }

    [Fact]
    public async Task Exit_code_without_a_failed_test_is_a_failure()
    {
        (int exitCode, string[] lines) = await TallyAsync((Report(passed: 7, failed: 0, errors: 0, skipped: 0), 3));

        Assert.Equal("7 passed, 1 failed, 0 skipped", lines[^1]);
        Assert.Equal(1, exitCode);
    }

    [Fact]
    public async Task Project_without_a_single_test_is_a_failure()
    {
        (int exitCode, string[] lines) = await TallyAsync((Report(passed: 0, failed: 0, errors: 0, skipped: 0), 0));

        Assert.Equal("0 passed, 1 failed, 0 skipped", lines[^1]);
        Assert.Equal(1, exitCode);
    }

    [Fact]
    public async Task Skipped_tests_are_listed_with_their_reasons()
    {
        const string tests = """
            <collection failed="9"><test id="1" name="A.Passes" result="Pass" time="0" type="A" /><test id="2" name="A.B(text: &quot;x&quot;)" result="Skip" type="A"><reason>needs &lt;root&gt;
            and tshark</reason></test><test id="3" name="A.Fails" result="Fail" type="A"><failure><message>no <![CDATA[reason]]></message></failure></test></collection>
            """;
        string path = Path.Combine(_directory.FullName, "report.xml");
        await File.WriteAllTextAsync(path, Report(1, 1, 0, 1, tests), TestContext.Current.CancellationToken);

        (int exitCode, string output) = await ShellAsync("skips \"$1\"", path);

        Assert.Equal("  A.B(text: \"x\"): needs <root> and tshark\n", output);
        Assert.Equal(0, exitCode);
    }

    [Theory]
    [InlineData(0, "1 passed, 0 failed, 0 skipped")]
    [InlineData(1, "0 passed, 1 failed, 0 skipped")]
    [InlineData(134, "0 passed, 1 failed, 0 skipped")]
    public async Task Run_of_the_fuzzer_counts_as_one_test(int code, string sum)
    {
        (int exitCode, string output) = await ShellAsync("tally_fuzzing \"$1\"; verdict", $"{code}");

        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(sum, lines[^1]);
        Assert.Equal(code == 0 ? 0 : 1, exitCode);
        Assert.Equal(code == 0 ? 1 : 2, lines.Length);
    }

    [Fact]
    public async Task Fuzzing_for_no_number_of_seconds_is_refused()
    {
        (int exitCode, string output) = await ShellAsync("test_all --fuzz soon");

        Assert.Equal(1, exitCode);
        Assert.Equal("build.sh: --fuzz takes a number of seconds\n", output);
    }

    [Fact]
    public async Task Unknown_command_is_a_usage_error()
    {
        (int exitCode, string output) = await CommandLine.RunAsync(
            Repository.Root, "bash", ["build.sh", "no-such-command"], TestContext.Current.CancellationToken);

        Assert.Equal(2, exitCode);
        Assert.Contains("usage: ./build.sh", output, StringComparison.Ordinal);
    }

    private static string Report(int passed, int failed, int errors, int skipped, string tests = "") =>
        $"""<assemblies schema-version="3"><assembly environment="64-bit" errors="{errors}" failed="{failed}" passed="{passed}" skipped="{skipped}" {Rest}>{tests}</assembly></assemblies>""";

    private async Task<(int ExitCode, string[] Lines)> TallyAsync(params (string? Report, int ExitCode)[] projects)
    {
        List<string> arguments = [];
        foreach ((string? report, int code) in projects)
        {
            string path = Path.Combine(_directory.FullName, $"{arguments.Count}.xml");
            if (report is not null)
            {
                await File.WriteAllTextAsync(path, report, TestContext.Current.CancellationToken);
            }

            arguments.AddRange(["Some.Tests", path, $"{code}"]);
        }

        (int exitCode, string output) = await ShellAsync("while [ $# -gt 0 ]; do tally \"$1\" \"$2\" \"$3\"; shift 3; done; verdict", [.. arguments]);
        return (exitCode, output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    private static Task<(int ExitCode, string Output)> ShellAsync(string script, params string[] arguments) =>
        CommandLine.RunAsync(Repository.Root, Requires.Tool("bash"), ["-c", $". ./build.sh; {script}", "test", .. arguments], TestContext.Current.CancellationToken);
}
