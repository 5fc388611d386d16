using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests;

public sealed class EchoProberTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(150);

    [Theory]
    [InlineData("192.0.2.1", "192.0.2.254", "198.51.100.254", "198.51.100.1", "/24", 28)]
    [InlineData("2001:db8:1::1", "2001:db8:1::254", "2001:db8:2::254", "2001:db8:2::1", "/64", 48)]
    public void A_probe_has_the_length_it_is_told_and_the_router_says_what_fits(string source, string near, string far, string target, string length, int minimum)
    {
        using Netns one = Netns.Create();
        // Not quiet: a router asks for neighbours from its link-local address.
        using Netns router = Netns.Create(quiet: false);
        using Netns two = Netns.Create();
        Netns.Connect(one, "e0", source + length, router, "r1", near + length);
        Netns.Connect(router, "r2", far + length, two, "e0", target + length, mtu: 1400);
        router.Sysctl("net.ipv4.ip_forward", "1");
        router.Sysctl("net.ipv6.conf.all.forwarding", "1");
        one.Ip("route", "add", "default", "via", near);
        two.Ip("route", "add", "default", "via", far);
        using EchoProber prober = one.Run(() => EchoProber.Open(ValueIPAddress.Parse(target), ValueIPAddress.Parse(source)));
        Assert.Equal(minimum, prober.MinimumLength);
        // Neighbours are asked for once a second, and there are two links.
        Assert.Contains(EchoOutcome.Answered, Enumerable.Range(0, 5).Select(_ => prober.Probe(100, Patience).Outcome));
        foreach (int fits in new[] { minimum, minimum + 1, 576, 1399, 1400 })
        {
            EchoResult answer = prober.Probe(fits, Patience);
            Assert.Equal((fits, EchoOutcome.Answered, 0, null), (fits, answer.Outcome, answer.Mtu, answer.Reporter));
            Assert.True(answer.RoundTrip > TimeSpan.Zero);
        }

        foreach (int tooBig in new[] { 1401, 1500 })
        {
            EchoResult refused = prober.Probe(tooBig, Patience);
            Assert.Equal((tooBig, EchoOutcome.TooBig, 1400, ValueIPAddress.Parse(near)), (tooBig, refused.Outcome, refused.Mtu, refused.Reporter!.Value));
        }

        // The own link, by itself; and a refusal is no hindrance for what follows.
        Assert.Equal(EchoOutcome.TooBigHere, prober.Probe(1501, Patience).Outcome);
        Assert.Equal(EchoOutcome.Answered, prober.Probe(1400, Patience).Outcome);
        two.Ip("link", "set", "e0", "down");
        EchoOutcome dead = prober.Probe(1400, Short).Outcome;
        Assert.True(dead is EchoOutcome.Lost or EchoOutcome.Unreachable, dead.ToString());
        router.Ip("route", "add", "unreachable", target);
        Assert.Equal(EchoOutcome.Unreachable, prober.Probe(1400, Patience).Outcome);
        Assert.Throws<ArgumentOutOfRangeException>(() => prober.Probe(minimum - 1, Short));
        Assert.Throws<ArgumentOutOfRangeException>(() => prober.Probe(65_536, Short));
    }

    [Fact]
    public void What_cannot_be_opened_says_why()
    {
        using Netns netns = Netns.Create();
        Assert.Throws<ArgumentException>(() => EchoProber.Open(ValueIPAddress.Parse("192.0.2.1"), ValueIPAddress.Parse("2001:db8::1")));
        LinuxException foreign = Assert.Throws<LinuxException>(() => netns.Run(() => EchoProber.Open(ValueIPAddress.Parse("192.0.2.1"), ValueIPAddress.Parse("192.0.2.2"))));
        Assert.Equal(Errno.EADDRNOTAVAIL, foreign.Errno);
        using EchoProber lost = netns.Run(() => EchoProber.Open(ValueIPAddress.Parse("192.0.2.1")));
        Assert.Equal(EchoOutcome.Unreachable, lost.Probe(100, Short).Outcome);
    }

    /// <summary>Several probers, to one target and to several, do not take each other's answers.</summary>
    [Fact]
    public void Probers_keep_apart()
    {
        using Netns netns = Netns.Create();
        ValueIPAddress target = ValueIPAddress.Parse("127.0.0.1");
        EchoProber[] probers = [.. Enumerable.Range(0, 8).Select(_ => netns.Run(() => EchoProber.Open(target)))];
        Parallel.For(0, probers.Length, i =>
        {
            for (int length = 100; length < 200; length++)
            {
                Assert.Equal(EchoOutcome.Answered, probers[i].Probe(length + i, Patience).Outcome);
            }
        });
        Array.ForEach(probers, prober => prober.Dispose());
    }
}
