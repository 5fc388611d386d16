using System.Text;
using Overlay.Daemon.Configuration;
using Xunit;

namespace Overlay.Tests.Daemon;

/// <summary>Small whole configurations; what a test is about stands on line 3 of them.</summary>
internal static class ConfigSamples
{
    public static string Tap(string line3) => Tunnel("\"kind\": \"vxlan\", \"vni\": 1, \"device\": { \"type\": \"tap\" },", line3);

    public static string Tun(string line3) => Tunnel("\"kind\": \"vxlan\", \"vni\": 1, \"device\": { \"type\": \"tun\" },", line3);

    public static string Ipip(string line3) => Tunnel("\"kind\": \"ipip\", \"device\": { \"type\": \"tun\" },", line3);

    public static string Kind(string kind, string type, string line3) => Tunnel($"\"kind\": \"{kind}\", \"device\": {{ \"type\": \"{type}\" }},", line3);

    public static string Device(string line3) => Tunnel("\"kind\": \"vxlan\", \"vni\": 1, \"device\": { \"type\": \"tap\",", line3 + " },");

    public static string Top(string line3) =>
        "{ \"tunnels\": [\n{ \"name\": \"a\", \"kind\": \"vxlan\", \"vni\": 1, \"local\": \"192.0.2.1\", \"device\": { \"type\": \"tap\" } } ],\n" + line3 + "\n}";

    /// <summary>Two VXLAN tunnels on lines 2 and 3.</summary>
    public static string Two(string first, string second) =>
        "{ \"tunnels\": [\n{ \"device\": { \"type\": \"tap\" }, \"kind\": \"vxlan\", " + first + " },\n{ \"device\": { \"type\": \"tap\" }, \"kind\": \"vxlan\", " + second + " } ] }";

    public static DaemonConfig Parse(string text)
    {
        var errors = new ConfigErrors();
        DaemonConfig? config = ConfigReader.Read(Encoding.UTF8.GetBytes(text), errors);
        Assert.Empty(errors.InOrder());
        return Assert.IsType<DaemonConfig>(config);
    }

    public static string[] Mistakes(string text) => Mistakes(Encoding.UTF8.GetBytes(text));

    public static string[] Mistakes(ReadOnlySpan<byte> text)
    {
        var errors = new ConfigErrors();
        DaemonConfig? config = ConfigReader.Read(text, errors);
        Assert.True(config is null == errors.Count > 0, "A configuration comes out exactly if there is no mistake.");
        return [.. errors.InOrder().Select(e => e.Format("f"))];
    }

    private static string Tunnel(string line2, string line3) =>
        "{ \"tunnels\": [ { \"name\": \"a\", \"local\": \"192.0.2.1\",\n" + line2 + "\n" + line3 + "\n} ] }";
}
