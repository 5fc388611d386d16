using System.Globalization;
using Overlay.Testing;

namespace Overlay.Forwarding.Subjects;

/// <summary>overlayd of this repository.</summary>
/// <param name="name">The name of this variant.</param>
internal sealed class Overlayd(string name) : ISubject
{
    /// <summary>The <c>workers</c> object of its configuration, as JSON; null for the default.</summary>
    public string? Workers { get; init; }

    /// <summary>The <c>transport</c> of its tunnel; null for the default.</summary>
    public string? Transport { get; init; }

    /// <summary>Whether its tunnel is IP-in-IP on a TUN device, and not VXLAN on a TAP device.</summary>
    public bool IsIPInIP { get; init; }

    /// <summary>Whether it serves a second tunnel, without traffic.</summary>
    public bool HasSecondTunnel { get; init; }

    /// <summary>What is added to the niceness of the process.</summary>
    public int Nice { get; init; }

    /// <summary>Further arguments of <c>overlayd run</c>.</summary>
    public IReadOnlyList<string> Options { get; init; } = [];

    /// <summary>Another program than the Release build beside this one; null for that.</summary>
    public DaemonBuild? Build { get; init; }

    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public string Describe()
    {
        List<string> settings = [];
        Add(Build is not null, Build?.Describe());
        Add(Options.Count > 0, $"run {string.Join(' ', Options)}");
        Add(Nice != 0, $"nice {Text(Nice)}");
        Add(Workers is not null, $"\"workers\": {Workers}");
        Add(IsIPInIP, "\"kind\": \"ipip\" on tun with the MTU of the others");
        Add(Transport is not null, $"\"transport\": \"{Transport}\"");
        Add(HasSecondTunnel, "two tunnels");
        return $"overlayd, {(settings.Count == 0 ? "default settings" : string.Join(", ", settings))}";

        void Add(bool isSet, string? setting)
        {
            if (isSet)
            {
                settings.Add(setting!);
            }
        }
    }

    /// <inheritdoc/>
    public ITunnelEnd SetUp(Host here, Host there)
    {
        DaemonLaunch launch = new()
        {
            Program = Build?.Program,
            Launcher = Nice == 0 ? [] : ["nice", "-n", Text(Nice)],
            Options = Options,
        };
        string tunnels = IsIPInIP ? IPInIP(here, there) : Vxlan(here, there, Host.OverlayDevice, Host.Vni, here.InnerPrefix, here.Mac);
        if (HasSecondTunnel)
        {
            tunnels += ", " + Vxlan(here, there, "ov1", Host.Vni + 1, $"10.245.0.{here.Number}/24", $"02:00:00:00:01:0{here.Number}");
        }

        try
        {
            return new End(OverlayDaemon.Start(here.Netns, tunnels, Workers, launch));
        }
        catch (DaemonEndedException exception) when (exception.ExitCode is 1 or 2 or 3)
        {
            // Its own codes for what it will not or cannot do; anything else is a failure.
            throw new UnavailableException($"overlayd refused: {FirstLine(exception.Log)}");
        }
    }

    // Without the name of a file that is gone by now, which stands before what is wrong in it.
    private static string FirstLine(string log)
    {
        const string file = "overlayd.json:";
        string line = log.Split('\n')[0].Trim();
        int begin = line.IndexOf(file, StringComparison.Ordinal);
        return begin < 0 ? line : $"line {line[(begin + file.Length)..]}";
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    private string TransportMember() => Transport is null ? "" : $"\"transport\": \"{Transport}\",";

    private string Vxlan(Host here, Host there, string device, int vni, string address, string mac) => $$"""
        { "name": "{{device}}", "kind": "vxlan", "vni": {{vni}}, "local": "{{here.Underlay}}", "port": {{Host.Port}}, {{TransportMember()}}
          "device": { "type": "tap", "addresses": [ "{{address}}" ], "mac": "{{mac}}" },
          "flood": [ "{{there.Underlay}}" ] }
        """;

    private string IPInIP(Host here, Host there) => $$"""
        { "name": "{{Host.OverlayDevice}}", "kind": "ipip", "local": "{{here.Underlay}}", {{TransportMember()}}
          "device": { "type": "tun", "addresses": [ "{{here.Inner}}/32" ], "mtu": {{Host.OverlayMtu}} },
          "routes": [ { "prefix": "{{there.Inner}}/32", "remote": "{{there.Underlay}}" } ] }
        """;

    private sealed class End(OverlayDaemon daemon) : ITunnelEnd
    {
        public IReadOnlyList<int> Processes { get; } = [daemon.ProcessId];

        public TimeSpan? StartTime => daemon.StartTime;

        public void Dispose()
        {
            if (!daemon.HasExited)
            {
                daemon.Stop();
            }

            daemon.Dispose();
        }
    }
}
