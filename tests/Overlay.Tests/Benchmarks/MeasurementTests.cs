using Overlay.Forwarding.Cases;
using Overlay.Forwarding.Measurement;
using Xunit;

namespace Overlay.Tests.Benchmarks;

/// <summary>What ping and /proc say, and who comes when.</summary>
public sealed class MeasurementTests
{
    private const string Ping = """
        PING 127.0.0.1 (127.0.0.1) 56(84) bytes of data.

        --- 127.0.0.1 ping statistics ---
        50 packets transmitted, 49 received, 2% packet loss, time 179ms
        rtt min/avg/max/mdev = 0.005/0.016/0.041/0.008 ms
        """;

    private const string SystemStat = """
        cpu  1000 20 300 99999 500 7 40 12345 5 6
        cpu0 500 10 150 50000 250 3 20 6000 2 3
        """;

    [Fact]
    public void Ping_summary_is_read()
    {
        PingSummary? summary = PingSummary.TryParse(Ping);

        Assert.Equal(new PingSummary(50, 49, 16), summary);
        Assert.Equal(2, summary!.LostPercent);
    }

    [Fact]
    public void Ping_of_another_kind_and_with_a_pipe_is_read()
    {
        Assert.Equal(new PingSummary(500, 500, 1234.5), PingSummary.TryParse(
            "500 packets transmitted, 500 received, +3 duplicates, 0% packet loss, time 998ms\nrtt min/avg/max/mdev = 1.0/1.2345/2.000/0.1 ms, pipe 2, ipg/ewma 2.0/0.1 ms"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("ping: connect: Network is unreachable")]
    [InlineData("3 packets transmitted, 0 received, 100% packet loss, time 2040ms\n\n")]
    public void Ping_without_a_reply_has_no_summary(string output) => Assert.Null(PingSummary.TryParse(output));

    [Theory]
    [InlineData("iperf3")]
    [InlineData(".NET (a) b) 9 9 9")]
    public void Time_of_a_process_is_found_behind_whatever_name(string name)
    {
        string stat = $"4711 ({name}) S 1 4711 4711 0 -1 4194304 100 200 3 4 150 50 30 20 20 0 7 0 12345 1000 200";

        Assert.Equal(2.0, ProcStat.OfProcess(stat), precision: 9);
        Assert.Equal(0.5, ProcStat.OfChildren(stat), precision: 9);
    }

    [Fact]
    public void Busy_time_leaves_out_idle_and_stolen_time() => Assert.Equal(13.67, ProcStat.OfSystem(SystemStat), precision: 9);

    [Theory]
    [InlineData("")]
    [InlineData("4711 (x) S 1")]
    [InlineData("intr 1 2 3\n")]
    [InlineData("cpu 1 2\n")]
    public void Cut_off_accounts_are_refused(string stat)
    {
        Assert.Throws<InvalidDataException>(() => ProcStat.OfProcess(stat));
        Assert.Throws<InvalidDataException>(() => ProcStat.OfSystem(stat));
    }

    [Fact]
    public void Own_account_of_the_kernel_is_read()
    {
        Assert.InRange(ProcStat.OfProcess(File.ReadAllText("/proc/self/stat")), 0.001, Environment.TickCount64 / 1000.0 * Environment.ProcessorCount);
        Assert.True(ProcStat.OfSystem(File.ReadAllText("/proc/stat")) > 0);
    }

    [Fact]
    public void Memory_of_a_process_is_read()
    {
        Assert.Equal(61.5, ProcStatus.ResidentMebibytes("Name:\toverlayd\nVmHWM:\t   99999 kB\nVmRSS:\t   62976 kB\nRssAnon:\t 1 kB\n"));
        Assert.InRange(ProcStatus.ResidentMebibytes(File.ReadAllText("/proc/self/status")), 10, 100_000);
        // A kernel thread has no such line.
        Assert.Throws<InvalidDataException>(() => ProcStatus.ResidentMebibytes("Name:\tkthreadd\nThreads:\t1\n"));
    }

    [Fact]
    public void Time_of_what_was_run_goes_to_the_traffic()
    {
        // An empty loop of a shell takes far more than a tick of 10 ms.
        (Testing.CommandResult result, CpuUse use) = CpuUse.Of(
            [Environment.ProcessId], () => Testing.Command.Run("sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done; echo $i"));

        Assert.Equal("200000\n", result.Output);
        Assert.InRange(use.Traffic, 0.02, 20);
        // The two accounts are kept in different ways: by the tick, and by the clock.
        Assert.True(use.System >= use.Traffic / 2, $"all {use.System} s, of it {use.Traffic} s");
        Assert.True(use.Forwarders >= 0);
    }

    [Theory]
    [InlineData("0-3", 1)]
    [InlineData("2,5-7", 5)]
    [InlineData("4-5,9", 5)]
    [InlineData("3", 3)]
    public void Things_are_put_together_on_the_second_cpu_there_is(string allowed, int expected)
    {
        var cpus = CpuSet.Parse($"Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t{allowed}\nMems_allowed:\t1\n");

        Assert.Equal(expected, cpus.Together);
        Assert.Equal(["taskset", "-c", $"{expected}"], cpus.Launcher(Placement.AllTogether));
        Assert.Empty(cpus.Launcher(Placement.ForwardersTogether));
        Assert.Empty(cpus.Launcher(Placement.Free));
    }

    [Fact]
    public void Everybody_has_every_place_once_in_as_many_rounds()
    {
        string[] items = ["k", "o", "c"];

        Assert.Equal(["k", "o", "c"], Rotation.Of(items, 0));
        Assert.Equal(["o", "c", "k"], Rotation.Of(items, 1));
        Assert.Equal(["c", "k", "o"], Rotation.Of(items, 2));
        Assert.Equal(["k", "o", "c"], Rotation.Of(items, 3));
        Assert.Empty(Rotation.Of(Array.Empty<string>(), 1));
    }
}
