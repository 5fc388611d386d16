using Overlay.Forwarding;
using Xunit;

namespace Overlay.Tests.Benchmarks;

/// <summary>The command line of <c>bench forward</c>.</summary>
public sealed class ForwardingOptionsTests
{
    [Fact]
    public void Nothing_said_means_seven_rounds_of_everything()
    {
        ForwardingOptions options = Parse();

        Assert.Equal(7, options.Rounds);
        Assert.Equal(2, options.Seconds);
        Assert.True(ForwardingOptions.Chosen(options.Cases, "tcp"));
        Assert.True(ForwardingOptions.Chosen(options.Subjects, "c"));
    }

    [Fact]
    public void Everything_can_be_said()
    {
        ForwardingOptions options = Parse("--rounds", "11", "--seconds", "4", "--only", "tcp,ping*", "--only", "udp64", "--subject", "c", "--json", "x.json");

        Assert.Equal(11, options.Rounds);
        Assert.Equal(4, options.Seconds);
        Assert.Equal(["tcp", "ping*", "udp64"], options.Cases);
        Assert.Equal(["c"], options.Subjects);
        Assert.Equal(Path.GetFullPath("x.json"), options.JsonFile);
        Assert.True(ForwardingOptions.Chosen(options.Cases, "ping-forwarders-one-cpu"));
        Assert.False(ForwardingOptions.Chosen(options.Cases, "tcp4"));
    }

    [Fact]
    public void Later_words_win_over_quick()
    {
        Assert.Equal((1, 1), (Parse("--quick").Rounds, Parse("--quick").Seconds));
        Assert.Equal((3, 1), (Parse("--quick", "--rounds", "3").Rounds, Parse("--quick", "--rounds", "3").Seconds));
    }

    [Theory]
    [InlineData("unknown argument --fast", "--fast")]
    [InlineData("--rounds takes a value", "--rounds")]
    [InlineData("--rounds is 0; a whole number from 1 to 1000 is right", "--rounds", "0")]
    [InlineData("--seconds is 1.5; a whole number from 1 to 60 is right", "--seconds", "1.5", "--quick")]
    public void Mistakes_are_told(string expected, params string[] arguments)
    {
        Assert.False(ForwardingOptions.TryParse(arguments, out _, out string mistake));
        Assert.Equal(expected, mistake);
    }

    [Fact]
    public void Name_that_nothing_has_is_a_mistake()
    {
        Assert.Null(Parse("--only", "tc*").FindMistake(["tcp"], ["c"]));
        Assert.Equal("there is no case udp; there are tcp ping", Parse("--only", "tcp,udp").FindMistake(["tcp", "ping"], ["c"]));
        Assert.Equal("there is no subject d; there are c", Parse("--subject", "d").FindMistake(["tcp"], ["c"]));
    }

    private static ForwardingOptions Parse(params string[] arguments)
    {
        Assert.True(ForwardingOptions.TryParse(arguments, out ForwardingOptions options, out string mistake), mistake);
        return options;
    }
}
