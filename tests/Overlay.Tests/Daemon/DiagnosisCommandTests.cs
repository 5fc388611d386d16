using Xunit;

namespace Overlay.Tests.Daemon;

/// <summary>The command lines of <c>explain</c> and <c>trace</c>: what is wrong without asking a daemon.</summary>
public sealed class DiagnosisCommandTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("Option '--tunnel' is required.", "explain", "--direction", "egress", "--packet", "00")]
    [InlineData("explain takes either --packet or --pcap.", "explain", "--tunnel", "a", "--direction", "egress")]
    [InlineData("explain takes either --packet or --pcap.", "explain", "--tunnel", "a", "--direction", "egress", "--packet", "00", "--pcap", "x")]
    [InlineData("--limit is at least 1.", "explain", "--tunnel", "a", "--direction", "egress", "--pcap", "x", "--limit", "0")]
    [InlineData("Argument 'sideways' not recognized. Must be one of:", "explain", "--tunnel", "a", "--direction", "sideways", "--packet", "00")]
    [InlineData("--packet: 'g' is no hexadecimal digit; pairs of them are right, with or without spaces and colons", "explain", "--tunnel", "a", "--direction", "egress", "--packet", "0g")]
    [InlineData("--packet: 3 hexadecimal digits are no whole bytes; an even number is right", "explain", "--tunnel", "a", "--direction", "egress", "--packet", "000")]
    [InlineData("Option '--write' is required.", "trace", "--tunnel", "a")]
    [InlineData("Argument 'sideways' not recognized. Must be one of:", "trace", "--tunnel", "a", "--direction", "sideways", "--write", "-")]
    public async Task A_bad_command_line_is_exit_2(string message, params string[] arguments)
    {
        ProcessResult result = await ProcessResult.OverlaydAsync(arguments);
        Assert.Equal((2, ""), (result.ExitCode, result.Output));
        Assert.StartsWith($"overlayd: {message}", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_capture_that_is_none_is_named()
    {
        string file = _directory["bad.pcap"];
        await File.WriteAllTextAsync(file, "no capture at all", TestContext.Current.CancellationToken);
        ProcessResult result = await ProcessResult.OverlaydAsync("explain", "--tunnel", "a", "--direction", "egress", "--pcap", file);
        Assert.Equal(2, result.ExitCode);
        Assert.StartsWith($"overlayd: {file}: Byte 0: ", result.Error, StringComparison.Ordinal);
        result = await ProcessResult.OverlaydAsync("explain", "--tunnel", "a", "--direction", "egress", "--pcap", _directory["none"]);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains(_directory["none"], result.Error, StringComparison.Ordinal);
    }

    /// <summary>A file of that name is not touched while nobody has answered.</summary>
    [Fact]
    public async Task Nobody_to_ask_is_exit_3()
    {
        string socket = _directory["none.sock"];
        string file = _directory["kept"];
        await File.WriteAllTextAsync(file, "kept", TestContext.Current.CancellationToken);
        ProcessResult explain = await ProcessResult.OverlaydAsync("explain", "--tunnel", "a", "--direction", "egress", "--packet", "00:01 02", "--socket", socket);
        ProcessResult trace = await ProcessResult.OverlaydAsync("trace", "--tunnel", "a", "--write", file, "--socket", socket);
        string error = $"overlayd: no overlayd answers on {socket}: there is no such socket\n";
        Assert.Equal((3, error, 3, error), (explain.ExitCode, explain.Error, trace.ExitCode, trace.Error));
        Assert.Equal("kept", await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
    }
}
