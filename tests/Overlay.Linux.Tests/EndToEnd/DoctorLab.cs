using System.Globalization;
using System.Text.Json;
using Overlay.Testing;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>
/// A pod behind a bridge, a node with a VXLAN device in that bridge, a router, a second node, and there a pod again:
/// <code>
/// pod1 eth0 -- p1 br0 vx0 / u0 -- r1 router r2 -- u0 / vx0 br0 p2 -- eth0 pod2
/// </code>
/// All MTUs are right for <c>vxlan</c> over the family of the underlay and links of 1500; tests then make one wrong.
/// </summary>
internal sealed class DoctorLab : IDisposable
{
    public const string Target4 = "10.42.0.2";
    public const string Target6 = "fd42::2";

    // ipproto in rules, and what is sent from here itself.
    private static readonly string[] Filter = ["iif", "lo", "ipproto"];

    private readonly List<Netns> _all = [];

    /// <param name="ipv6Underlay">Whether the nodes speak IPv6.</param>
    /// <param name="kernelTunnel">Whether node 1 has a kernel VXLAN device; otherwise the test gives it one of overlayd's.</param>
    public DoctorLab(bool ipv6Underlay = false, bool kernelTunnel = true)
    {
        IsIPv6 = ipv6Underlay;
        try
        {
            Pod1 = Create("ovpod");
            Node1 = Create("ovnode");
            // It asks for neighbours from its link-local addresses, so it has some.
            Router = Create("ovrouter", quiet: false);
            Router.Sysctl("net.ipv6.conf.default.accept_dad", "0");
            Node2 = Create("ovnode");
            Pod2 = Create("ovpod");
            (string node1, string router1, string node2, string router2) = ipv6Underlay
                ? ("2001:db8:1::1", "2001:db8:1::254", "2001:db8:2::1", "2001:db8:2::254")
                : ("192.0.2.1", "192.0.2.254", "198.51.100.1", "198.51.100.254");
            (Remote1, Remote2, Gateway) = (node1, node2, router1);
            string length = ipv6Underlay ? "/64" : "/24";
            Netns.Connect(Node1, "u0", node1 + length, Router, "r1", router1 + length);
            Netns.Connect(Node2, "u0", node2 + length, Router, "r2", router2 + length);
            Router.Sysctl("net.ipv4.ip_forward", "1");
            Router.Sysctl("net.ipv6.conf.all.forwarding", "1");
            Node1.Ip("route", "add", "default", "via", router1);
            Node2.Ip("route", "add", "default", "via", router2);
            Join(Pod1, Node1, "p1", 1);
            Join(Pod2, Node2, "p2", 2);
            if (kernelTunnel)
            {
                AddTunnel(Node1, Remote1, Remote2);
            }

            AddTunnel(Node2, Remote2, Remote1);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public bool IsIPv6 { get; }

    public Netns Pod1 { get; }

    public Netns Node1 { get; }

    public Netns Router { get; }

    public Netns Node2 { get; }

    public Netns Pod2 { get; }

    public string Remote1 { get; }

    public string Remote2 { get; }

    public string Gateway { get; }

    /// <summary>The right MTU of tunnels and pods.</summary>
    public int Mtu => IsIPv6 ? 1430 : 1450;

    /// <summary>Gives a device another MTU.</summary>
    public static void SetMtu(Netns netns, string device, int mtu) => netns.Ip("link", "set", device, "mtu", mtu.ToString(CultureInfo.InvariantCulture));

    /// <summary>Makes the far link smaller at both ends.</summary>
    public void ShrinkFarLink(int mtu)
    {
        SetMtu(Router, "r2", mtu);
        SetMtu(Node2, "u0", mtu);
    }

    /// <summary>Keeps the router from sending ICMP: it forwards that of others.</summary>
    public void FilterIcmp()
    {
        Router.Ip(["rule", "add", .. Filter, "icmp", "blackhole"]);
        Router.Ip(["-6", "rule", "add", .. Filter, "ipv6-icmp", "blackhole"]);
    }

    /// <summary>Runs the doctor on node 1.</summary>
    public CommandResult Doctor(params IEnumerable<string> arguments) => Node1.TryExec(TimeSpan.FromSeconds(30), OverlayDaemon.Program, ["doctor", "mtu", .. arguments]);

    /// <summary>Runs the doctor on node 1 where it cannot see other namespaces: no process lives in them, and their names are hidden.</summary>
    public CommandResult DoctorAlone(string to) => Node1.TryExec(
        TimeSpan.FromSeconds(30), "unshare", "-m", "sh", "-c", $"mount -t tmpfs tmpfs /run/netns && exec {OverlayDaemon.Program} doctor mtu --json --to {to}");

    /// <summary>Runs the doctor for the way from pod 1 to pod 2.</summary>
    public (int ExitCode, JsonElement Report) Examine(params IEnumerable<string> arguments)
    {
        string[] list = [.. arguments];
        CommandResult result = Doctor([.. list.Contains("--to") ? Array.Empty<string>() : ["--to", Target4], .. list.Contains("--from") ? Array.Empty<string>() : ["--from", Pod1.Name], "--json", .. list]);
        return result.Error.Length == 0 ? (result.ExitCode, JsonElement.Parse(result.Output)) : throw new InvalidOperationException($"The doctor says:\n{result.Error}{result.Output}");
    }

    public void Dispose() => _all.ForEach(netns => netns.Dispose());

    private Netns Create(string prefix, bool quiet = true)
    {
        Netns netns = Netns.Create(prefix, quiet);
        _all.Add(netns);
        return netns;
    }

    private void Join(Netns pod, Netns node, string port, int number)
    {
        Netns.Connect(pod, "eth0", $"10.42.0.{number}/24", node, port, null, Mtu);
        pod.Ip("address", "add", $"fd42::{number}/64", "dev", "eth0", "nodad");
        node.Ip("link", "add", "br0", "type", "bridge");
        node.Configure("br0", null);
        node.Ip("link", "set", port, "master", "br0");
        // Set to what it has, a bridge would go on to follow its ports.
        SetMtu(node, "br0", 1500);
        SetMtu(node, "br0", Mtu);
    }

    private void AddTunnel(Netns node, string local, string remote)
    {
        node.Ip("link", "add", "vx0", "type", "vxlan", "id", "42", "local", local, "remote", remote, "dstport", "4789");
        SetMtu(node, "vx0", Mtu);
        node.Ip("link", "set", "vx0", "master", "br0");
        node.Configure("vx0", null);
    }
}
