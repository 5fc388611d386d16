using Overlay.Daemon.Configuration;
using Overlay.DataPath;
using Xunit;
using static Overlay.Tests.Daemon.ConfigSamples;

namespace Overlay.Tests.Daemon;

/// <summary>What the configuration may say of path MTUs and of what exceeds them.</summary>
public sealed class PathMtuConfigTests
{
    public static TheoryData<string, string, string[]> Wrong => new()
    {
        { "mtu", Tap("\"pathMtu\": { \"mtu\": 67 }"), ["f:3: pathMtu.mtu is 67; a whole number from 68 to 65535 is right"] },
        { "icmp", Tap("\"pathMtu\": { \"icmp\": true }"), ["f:3: pathMtu.icmp is true; \"follow\" or \"ignore\" is right"] },
        { "age", Tap("\"pathMtu\": { \"ageSeconds\": 0 }"), ["f:3: pathMtu.ageSeconds is 0; a whole number from 1 to 86400 or \"never\" is right"] },
        { "minimum", Tap("\"pathMtu\": { \"minimum\": 20 }"), ["f:3: pathMtu.minimum is 20; a whole number from 68 to 65535 is right"] },
        { "probe", Tap("\"pathMtu\": { \"probe\": true }"), ["f:3: pathMtu.probe is true; \"off\" or \"on\" is right"] },
        { "probe word", Tap("\"pathMtu\": { \"probe\": \"auto\" }"), ["f:3: pathMtu.probe is \"auto\"; \"off\" or \"on\" is right"] },
        { "raise", Tap("\"pathMtu\": { \"raiseSeconds\": 0 }"), ["f:3: pathMtu.raiseSeconds is 0; a whole number from 1 to 86400 is right"] },
        { "raise too late", Tap("\"pathMtu\": { \"raiseSeconds\": 86401 }"), ["f:3: pathMtu.raiseSeconds is 86401; a whole number from 1 to 86400 is right"] },
        { "raise never", Tap("\"pathMtu\": { \"raiseSeconds\": \"never\" }"), ["f:3: pathMtu.raiseSeconds is \"never\"; a whole number from 1 to 86400 is right"] },
        { "an unknown key", Tap("\"pathMtu\": { \"age\": 20 }"), ["f:3: unknown key \"age\" in pathMtu; its keys are ageSeconds, mtu, icmp, probe, raiseSeconds, minimum"] },
        { "no object", Tap("\"pathMtu\": 1400"), ["f:3: pathMtu is 1400; an object is right"] },
        { "fragment", Tap("\"policy\": { \"fragment\": \"both\" }"), ["f:3: policy.fragment is \"both\"; \"drop\", \"inner\" or \"outer\" is right"] },
        { "packetTooBig", Tap("\"policy\": { \"packetTooBig\": false }"), ["f:3: policy.packetTooBig is false; \"tell\" or \"silent\" is right"] },
        { "mssClamp", Tap("\"policy\": { \"mssClamp\": 0 }"), ["f:3: policy.mssClamp is 0; a whole number from 1 to 65535 is right"] },
        { "mssClamp word", Tap("\"policy\": { \"mssClamp\": \"on\" }"), ["f:3: policy.mssClamp is \"on\"; \"off\", \"path\" or a whole number from 1 to 65535 is right"] },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void A_mistake_is_named_with_its_line(string what, string text, string[] mistakes)
    {
        string[] found = Mistakes(text);
        Assert.True(mistakes.SequenceEqual(found), $"{what}: {string.Join(" | ", found)}");
    }

    [Fact]
    public void Over_IPv6_there_is_no_minimum_and_no_path_below_1280()
    {
        string Text(string pathMtu) =>
            $$"""{ "tunnels": [ { "name": "a", "kind": "ipip", "local": "2001:db8::1", "device": { "type": "tun" }, "pathMtu": { {{pathMtu}} } } ] }""";
        Assert.Equal(["f:1: \"minimum\" is not used over IPv6, where every path takes 1280 bytes; leave it out"], Mistakes(Text("\"minimum\": 1280")));
        Assert.Equal(["f:1: pathMtu.mtu is 1279; a whole number from 1280 to 65535 is right"], Mistakes(Text("\"mtu\": 1279")));
        Assert.Equal(1_280, Parse(Text("\"mtu\": 1280")).Tunnels[0].PathMtu.Mtu);
    }

    [Theory]
    [InlineData("", false, 600)]
    [InlineData("\"probe\": \"off\"", false, 600)]
    [InlineData("\"probe\": \"on\"", true, 600)]
    [InlineData("\"probe\": \"on\", \"raiseSeconds\": 1", true, 1)]
    [InlineData("\"raiseSeconds\": 86400", false, 86_400)]
    public void Probing_is_off_unless_said_and_looks_for_more_every_ten_minutes(string keys, bool probe, int raise)
    {
        PathMtuConfig config = Parse(Tap($"\"pathMtu\": {{ {keys} }}")).Tunnels[0].PathMtu;
        Assert.Equal((probe, raise), (config.Probe, config.RaiseSeconds));
    }

    [Fact]
    public void All_of_it_comes_out_as_it_stands_there()
    {
        TunnelConfig tunnel = Parse(Tap(
            "\"pathMtu\": { \"mtu\": 1400, \"icmp\": \"ignore\", \"ageSeconds\": \"never\", \"minimum\": 1200 }, " +
            "\"policy\": { \"fragment\": \"inner\", \"packetTooBig\": \"silent\", \"mssClamp\": 1200 }")).Tunnels[0];
        Assert.Equal((1_400, false), (tunnel.PathMtu.Mtu, tunnel.PathMtu.Icmp));
        Assert.Equal(new PathMtuOptions { LifetimeMilliseconds = long.MaxValue, MinimumIPv4 = 1_200 }, tunnel.PathMtu.Options);
        Assert.Equal((FragmentPolicy.Inner, false, MssClamp.To(1_200)), (tunnel.Policy.Fragment, tunnel.Policy.TellTooBig, tunnel.Policy.MssClamp));
        Assert.Equal(300_000, Parse(Tap("\"pathMtu\": { \"ageSeconds\": 300 }")).Tunnels[0].PathMtu.Options.LifetimeMilliseconds);
        Assert.Equal(MssClamp.Path, Parse(Tap("\"policy\": { \"mssClamp\": \"path\" }")).Tunnels[0].Policy.MssClamp);
        tunnel = Parse(Tap("\"policy\": { \"ttl\": 64 }")).Tunnels[0];
        Assert.Equal(new PathMtuConfig(), tunnel.PathMtu);
        Assert.Equal((default(FragmentPolicy?), true, MssClamp.Off), (tunnel.Policy.Fragment, tunnel.Policy.TellTooBig, tunnel.Policy.MssClamp));
    }
}
