using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests;

/// <summary>The demo as a newcomer runs it.</summary>
public sealed class DemoTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(120);
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "Overlay.Demo");

    [Fact]
    public void Every_case_passes_and_stdout_is_nothing_but_JSON()
    {
        Requires.Root();
        TunAccess.Require();
        string captures = Directory.CreateTempSubdirectory("ovdemo-").FullName;
        try
        {
            CommandResult result = Command.TryRun(Bound, Program, "--json", "--pcap", captures);

            // Throws unless it is one JSON text and nothing beside it.
            using var report = JsonDocument.Parse(result.Output);
            Assert.True(result.ExitCode == 0, $"{result.Output}{result.Error}");
            Assert.True(report.RootElement.GetProperty("passed").GetBoolean());
            Assert.Equal("", result.Error);

            JsonElement[] cases = [.. report.RootElement.GetProperty("cases").EnumerateArray()];
            Assert.Equal(
                ["vxlan-kernel", "vxlan-kernel-over-ipv6", "vxlan-overlayd", "4in4", "6in4", "4in6", "6in6"],
                cases.Select(element => element.GetProperty("case").GetString()));
            foreach (JsonElement element in cases.Where(element => element.GetProperty("available").GetBoolean()))
            {
                AssertPassed(element);
                AssertCaptured(captures, element.GetProperty("case").GetString()!);
            }

            JsonElement packet = report.RootElement.GetProperty("packet");
            Assert.True(packet.GetProperty("intact").GetBoolean());
            Assert.Equal(116, packet.GetProperty("hex").GetString()!.Length / 2);
            Assert.Equal(
                ["outer Ethernet", "outer IPv4", "outer UDP", "VXLAN", "inner Ethernet", "inner IPv4", "inner ICMP", "payload"],
                packet.GetProperty("layers").EnumerateArray().Select(layer => layer.GetProperty("name").GetString()));
        }
        finally
        {
            Directory.Delete(captures, recursive: true);
        }
    }

    [Theory]
    [InlineData("demo: unknown argument --fast", "--fast")]
    [InlineData("demo: --pcap takes a directory", "--pcap")]
    public void A_mistake_in_the_arguments_is_exit_code_2(string message, string argument)
    {
        CommandResult result = Command.TryRun(Command.DefaultTimeout, Program, argument);

        Assert.Equal(2, result.ExitCode);
        Assert.StartsWith(message, result.Error, StringComparison.Ordinal);
        Assert.Equal("", result.Output);
    }

    private static void AssertPassed(JsonElement element)
    {
        string name = element.GetProperty("case").GetString()!;
        Assert.True(element.GetProperty("passed").GetBoolean(), element.ToString());
        Assert.Equal(0, element.GetProperty("failures").GetArrayLength());
        Assert.True(element.GetProperty("roundTripMicroseconds").GetDouble() > 0, name);
        Assert.True(element.GetProperty("gbitPerSecondSent").GetDouble() > 0, name);
        Assert.True(element.GetProperty("gbitPerSecondReceived").GetDouble() > 0, name);
        int overhead = (name.StartsWith("vxlan", StringComparison.Ordinal), name.EndsWith('6')) switch
        {
            (true, false) => 50,
            (true, true) => 70,
            (false, false) => 20,
            _ => 40,
        };
        Assert.Equal(1500 - overhead, element.GetProperty("mtu").GetInt32());
        Assert.All(element.GetProperty("books").EnumerateArray(), book => Assert.True(book.GetProperty("balanced").GetBoolean(), book.ToString()));
        Assert.NotEmpty(element.GetProperty("families").EnumerateObject());
        foreach (JsonProperty family in element.GetProperty("families").EnumerateObject())
        {
            JsonElement udp = family.Value.GetProperty("udp");
            Assert.Equal(udp.GetProperty("sent").GetInt32(), udp.GetProperty("received").GetInt32());
            Assert.True(family.Value.GetProperty("tcpBytesSent").GetInt64() > 0);
            Assert.True(family.Value.GetProperty("tcpBytesReceived").GetInt64() > 0);
        }
    }

    private static void AssertCaptured(string directory, string name)
    {
        // More than headers, or nothing was captured.
        Assert.True(new FileInfo(Path.Combine(directory, $"{name}-underlay.pcapng")).Length > 1_000_000);
        Assert.True(new FileInfo(Path.Combine(directory, $"{name}-overlay.pcapng")).Length > 1_000_000);
    }
}
