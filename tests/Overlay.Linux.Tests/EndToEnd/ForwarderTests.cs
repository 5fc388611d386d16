using System.Globalization;
using System.Text.RegularExpressions;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>The sample to learn from does what it says, and is short enough to be read.</summary>
public sealed class ForwarderTests
{
    private const int MostLines = 150;
    private const long Bytes = 20_000_000;
    private const string Usage = "usage: overlay-forwarder vxlan|ipip";

    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    public void Vxlan_reaches_a_kernel_that_is_programmed_as_flannel_does(string signal)
    {
        using PeerLab lab = new();
        FlannelPeer.Add(lab, vni: 7, port: 4789);
        lab.Us.Ip("address", "add", "fd45:1::1/128", "dev", "lo");
        using ForwarderProcess forwarder = new(
            lab.Us, "vxlan", "192.0.2.1", "tun7", "10.245.1.1/32", "--vni", "7", "--mac", PeerLab.OurMac,
            $"10.245.2.0/24=192.0.2.2,{PeerLab.PeerMac}", $"fd45:2::/64=192.0.2.2,{PeerLab.PeerMac}");
        AssertCarries(lab, "10.245.2.1", "10.245.1.1");
        AssertCarries(lab, "fd45:2::1", "fd45:1::1");
        AssertEndsCleanly(lab, forwarder, signal);
    }

    [Fact]
    public void Ip_in_ip_reaches_another_forwarder()
    {
        using PeerLab lab = new();
        lab.Us.Ip("address", "add", "fd00:7:1::1/128", "dev", "lo");
        lab.Them.Ip("address", "add", "fd00:7:2::1/128", "dev", "lo");
        using ForwarderProcess ours = new(lab.Us, "ipip", "192.0.2.1", "tun7", "10.7.1.1/32", "10.7.2.0/24=192.0.2.2", "fd00:7:2::/64=192.0.2.2");
        using ForwarderProcess theirs = new(lab.Them, "ipip", "192.0.2.2", "tun7", "10.7.2.1/32", "10.7.1.0/24=192.0.2.1", "fd00:7:1::/64=192.0.2.1");
        AssertCarries(lab, "10.7.2.1", "10.7.1.1");
        AssertCarries(lab, "fd00:7:2::1", "fd00:7:1::1");
        AssertEndsCleanly(lab, ours, "TERM");
    }

    [Theory]
    [InlineData("")]
    [InlineData("gre 192.0.2.1 tun7 10.7.1.1/32 10.7.2.0/24=192.0.2.2")]
    [InlineData("ipip 192.0.2.1 tun7 10.7.1.1/32")]
    [InlineData("ipip 192.0.2.1 tun7 10.7.1.1 10.7.2.0/24=192.0.2.2")]
    [InlineData("ipip 192.0.2.1 tun7 10.7.1.1/many 10.7.2.0/24=192.0.2.2")]
    [InlineData("ipip 192.0.2.1 tun7 10.7.1.1/99999999999 10.7.2.0/24=192.0.2.2")]
    [InlineData("ipip 192.0.2.1 tun7 10.7.1.1/33 10.7.2.0/24=192.0.2.2")]
    [InlineData("ipip 192.0.2 tun7 10.7.1.1/32 10.7.2.0/24=192.0.2.2")]
    [InlineData("ipip 192.0.2.1 tun7 10.7.1.1/32 10.7.2.0/24=192.0.2.2,02:00:00:00:00:02")]
    [InlineData("ipip 192.0.2.1 tun7 10.7.1.1/32 10.7.2.0/24")]
    [InlineData("ipip 192.0.2.1 tun7 10.7.1.1/32 10.7.2.0/33=192.0.2.2")]
    [InlineData("ipip 192.0.2.1 a-name-that-is-too-long 10.7.1.1/32 10.7.2.0/24=192.0.2.2")]
    [InlineData("ipip 192.0.2.1 tun7 10.7.1.1/32 10.7.2.0/24=2001:db8::2")]
    [InlineData("vxlan 192.0.2.1 tun7 10.7.1.1/32 --vni 16777216 10.7.2.0/24=192.0.2.2,02:00:00:00:00:02")]
    [InlineData("vxlan 192.0.2.1 tun7 10.7.1.1/32 10.7.2.0/24=192.0.2.2,02:00:00:00:00:02 --vni")]
    public void A_wrong_command_line_ends_with_the_usage(string line)
    {
        using PeerLab lab = new();
        CommandResult result = lab.Us.TryExec(TimeSpan.FromSeconds(20), ForwarderProcess.Program, line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.True(result.ExitCode == 2, $"exit {result.ExitCode}: {result.Error}");
        Assert.Contains(Usage, result.Error, StringComparison.Ordinal);
        lab.AssertNothingLeft();
    }

    [Fact]
    public void What_the_kernel_refuses_is_named()
    {
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        CommandResult result = lab.Them.TryExec(
            TimeSpan.FromSeconds(20), ForwarderProcess.Program,
            "vxlan", "192.0.2.2", "tun7", "10.7.1.1/32", "--vni", "7", "--mac", PeerLab.OurMac, $"10.7.2.0/24=192.0.2.1,{PeerLab.PeerMac}");
        Assert.True(result.ExitCode == 3, $"exit {result.ExitCode}: {result.Error}");
        Assert.Contains("UDP 192.0.2.2:4789", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void It_is_short()
    {
        string source = Path.Combine(Path.GetDirectoryName(Vectors.PathOf("kernel-vxlan.json"))!, "..", "..", "samples", "Overlay.Forwarder");
        string[] files = [.. Directory.EnumerateFiles(source, "*.cs").Order(StringComparer.Ordinal)];
        string file = Assert.Single(files);
        string[] lines = File.ReadAllLines(file);
        Assert.InRange(lines.Length, 1, MostLines);
        Assert.All(lines, line => Assert.InRange(line.Length, 0, 170));
    }

    private static void AssertCarries(PeerLab lab, string theirs, string ours)
    {
        Ping ping = Ping.Run(lab.Us, theirs, 200, "-i", "0.002", "-W", "10", "-I", ours);
        Assert.True(ping.Lost == 0, ping.Output);
        TcpTransferResult there = TcpTransfer.Run(lab.Us, lab.Them, theirs, Bytes, seed: 1, source: ours);
        Assert.True(there.IsIntact, there.ToString());
        TcpTransferResult back = TcpTransfer.Run(lab.Them, lab.Us, ours, Bytes, seed: 2, source: theirs);
        Assert.True(back.IsIntact, back.ToString());
    }

    private static void AssertEndsCleanly(PeerLab lab, ForwarderProcess forwarder, string signal)
    {
        (int exitCode, string output, string error, TimeSpan time) = forwarder.Stop(signal);
        Assert.True(exitCode == 0, $"exit {exitCode}: {error}");
        Assert.Equal("", error);
        Assert.InRange(time, TimeSpan.Zero, TimeSpan.FromSeconds(2));
        // "sent N, received N, dropped N"; what was acknowledged was received.
        Match sums = Regex.Match(output, @"^sent (\d+), received (\d+), dropped (\d+)\n$");
        Assert.True(sums.Success, output);
        Assert.InRange(long.Parse(sums.Groups[1].ValueSpan, CultureInfo.InvariantCulture), 2 * Bytes / 1500, long.MaxValue);
        Assert.InRange(long.Parse(sums.Groups[2].ValueSpan, CultureInfo.InvariantCulture), 2 * Bytes / 1500, long.MaxValue);
        Assert.Equal("0", sums.Groups[3].Value);
        Assert.Equal(["lo", "u0"], PeerLab.Devices(lab.Us));
        Assert.DoesNotContain("tun7", lab.Us.Ip("route", "show", "table", "all").Output, StringComparison.Ordinal);
    }
}
