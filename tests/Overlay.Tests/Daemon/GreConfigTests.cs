using Overlay.Daemon.Configuration;
using Overlay.DataPath;
using Xunit;
using static Overlay.Tests.Daemon.ConfigSamples;

namespace Overlay.Tests.Daemon;

/// <summary>Tunnels on raw sockets: GRE and the encapsulation limit of IP in IP.</summary>
public sealed class GreConfigTests
{
    public static TheoryData<string, string, string[]> Mistaken => new()
    {
        { "key", Gre("gre", "tun", "\"key\": 4294967296"), ["f:3: key is 4294967296; a whole number from 0 to 4294967295 is right"] },
        { "negative key", Gre("gre", "tun", "\"key\": -1"), ["f:3: key is -1; a whole number from 0 to 4294967295 is right"] },
        { "checksum", Gre("gre", "tun", "\"checksum\": \"on\""), ["f:3: checksum is \"on\"; true or false is right"] },
        { "sequence", Gre("gretap", "tap", "\"sequence\": 1"), ["f:3: sequence is 1; true or false is right"] },
        { "keys of GRE on vxlan", Tap("\"key\": 1,\n\"checksum\": true,\n\"sequence\": true"),
            ["f:3: \"key\" is not used by a vxlan tunnel; leave it out", "f:4: \"checksum\" is not used by a vxlan tunnel; leave it out",
             "f:5: \"sequence\" is not used by a vxlan tunnel; leave it out"] },
        { "vni and port on gre", Gre("gre", "tun", "\"vni\": 1,\n\"port\": 1"),
            ["f:3: \"vni\" is not used by a gre tunnel; leave it out", "f:4: \"port\" is not used by a gre tunnel; leave it out"] },
        { "tunnelGso on gre", Gre("gre", "tun", "\"transport\": \"tunnelGso\""), ["f:3: transport is \"tunnelGso\", which is not available for gre in this version; \"raw\" is right"] },
        { "gre on tap", Gre("gre", "tap", "\"key\": 1"), ["f:2: device.type is \"tap\", but gre carries IP and no Ethernet; \"tun\" is right"] },
        { "gretap on tun", Gre("gretap", "tun", "\"key\": 1"), ["f:2: device.type is \"tun\", but gretap carries Ethernet and no IP by itself; \"tap\" is right"] },
        { "routes on gretap", Gre("gretap", "tap", "\"routes\": []"), ["f:3: \"routes\" is not used with a tap device; \"fdb\" and \"flood\" lead to remotes there"] },
        { "innerVlan on gre", Gre("gre", "tun", "\"policy\": { \"innerVlan\": \"keep\" }"), ["f:3: \"innerVlan\" is not used by a gre tunnel; leave it out"] },
        { "UDP policy on gretap", Gre("gretap", "tap", "\"policy\": { \"outerChecksum\": \"on\" }"), ["f:3: \"outerChecksum\" is not used by a gretap tunnel; leave it out"] },
        { "limit", Limit("256"), ["f:3: policy.encapsulationLimit is 256; a whole number from 0 to 255 or \"off\" is right"] },
        { "limit word", Limit("\"none\""), ["f:3: policy.encapsulationLimit is \"none\"; a whole number from 0 to 255 or \"off\" is right"] },
        { "limit over IPv4", Ipip("\"policy\": { \"encapsulationLimit\": 4 }"), ["f:3: \"encapsulationLimit\" is not used over IPv4; leave it out"] },
        { "limit of gre", Gre("gre", "tun", "\"policy\": { \"encapsulationLimit\": 4 }"), ["f:3: \"encapsulationLimit\" is not used by a gre tunnel; leave it out"] },
        { "same key", TwoGre("\"key\": 7", "\"key\": 7"), ["f:3: gre key 7 on 192.0.2.1 belongs to tunnel \"a\" on line 2; another key, another local or other remotes, all known, is right"] },
        { "both without a key", TwoGre("\"checksum\": true", "\"sequence\": true"),
            ["f:3: gre without a key on 192.0.2.1 belongs to tunnel \"a\" on line 2; another key, another local or other remotes, all known, is right"] },
    };

    [Theory]
    [MemberData(nameof(Mistaken))]
    public void A_mistake_is_said_with_its_line(string name, string text, string[] expected)
    {
        Assert.NotEmpty(name);
        Assert.Equal(expected, Mistakes(text));
    }

    [Theory]
    [InlineData("gre", "tun", "", 24)]
    [InlineData("gre", "tun", "\"key\": 4294967295", 28)]
    [InlineData("gre", "tun", "\"key\": 0, \"checksum\": true, \"sequence\": true", 36)]
    [InlineData("gretap", "tap", "\"checksum\": true", 42)]
    [InlineData("gretap", "tap", "\"policy\": { \"innerVlan\": \"strip\" }", 38)]
    public void Each_field_has_its_bytes(string kind, string device, string line3, int overhead)
    {
        TunnelConfig tunnel = Assert.Single(Parse(Gre(kind, device, line3)).Tunnels);
        Assert.Equal((kind, overhead), (tunnel.Facts.Name, tunnel.Overhead));
        GreOptions options = tunnel.ToOptions(default).Gre;
        Assert.Equal(line3.Contains("checksum", StringComparison.Ordinal), options.Checksum);
        Assert.Equal(line3.Contains("sequence", StringComparison.Ordinal), options.SequenceNumbers);
        Assert.Equal(line3.Contains("key", StringComparison.Ordinal), options.Key is not null);
    }

    [Theory]
    [InlineData("4", 4, 48)]
    [InlineData("0", 0, 48)]
    [InlineData("\"off\"", null, 40)]
    public void The_limit_has_its_bytes(string value, int? limit, int overhead)
    {
        TunnelConfig tunnel = Assert.Single(Parse(Limit(value)).Tunnels);
        Assert.Equal(((byte?)limit, overhead), (tunnel.Policy.EncapsulationLimit, tunnel.Overhead));
    }

    [Fact]
    public void Tunnels_with_different_keys_share_an_endpoint()
    {
        DaemonConfig config = Parse(TwoGre("\"key\": 7", "\"checksum\": true"));
        Assert.Equal([7u, null], config.Tunnels.Select(tunnel => tunnel.Gre.Key));
        Assert.Equal(config.Tunnels[0].Endpoint, config.Tunnels[1].Endpoint);
    }

    [Fact]
    public void Tunnels_with_one_key_share_an_endpoint_if_their_remotes_differ()
    {
        const string Known = "\"routes\": [ { \"prefix\": \"10.1.0.0/16\", \"remote\": \"192.0.2.2\" } ]";
        const string Others = "\"routes\": [ { \"prefix\": \"10.2.0.0/16\", \"remote\": \"192.0.2.3\" } ]";
        Assert.Equal(2, Parse(TwoGre(Known, Others)).Tunnels.Count);
        Assert.Single(Mistakes(TwoGre(Known, Known)));
        Assert.Single(Mistakes(TwoGre(Known, Others + ", \"policy\": { \"remotes\": \"any\" }")));
    }

    private static string Gre(string kind, string device, string line3) => Sample("192.0.2.1", $"\"kind\": \"{kind}\", \"device\": {{ \"type\": \"{device}\" }}{(line3.Length > 0 ? "," : "")}", line3);

    private static string Limit(string value) =>
        Sample("2001:db8::1", "\"kind\": \"ipip\", \"device\": { \"type\": \"tun\" },", $"\"policy\": {{ \"encapsulationLimit\": {value} }}");

    private static string Sample(string local, string line2, string line3) =>
        "{ \"tunnels\": [ { \"name\": \"a\", \"local\": \"" + local + "\",\n" + line2 + "\n" + line3 + "\n} ] }";

    private static string TwoGre(string first, string second)
    {
        const string Same = "\"kind\": \"gre\", \"local\": \"192.0.2.1\", \"device\": { \"type\": \"tun\" }, ";
        return "{ \"tunnels\": [\n{ \"name\": \"a\", " + Same + first + " },\n{ \"name\": \"b\", " + Same + second + " } ] }";
    }
}
