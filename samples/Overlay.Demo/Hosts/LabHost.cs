using System.Globalization;
using Overlay.Linux;
using Overlay.Testing;

namespace Overlay.Demo.Hosts;

/// <summary>One host: a network namespace with one end of the cable, and the tunnel's end in it.</summary>
internal sealed class LabHost : IDisposable
{
    private LabHost(HostPlan plan, Netns netns)
    {
        Plan = plan;
        Netns = netns;
    }

    /// <summary>Its names and addresses.</summary>
    public HostPlan Plan { get; }

    /// <summary>Its namespace.</summary>
    public Netns Netns { get; }

    /// <summary>Its daemon; null where the kernel makes the tunnel.</summary>
    public OverlayDaemon? Daemon { get; private set; }

    /// <summary>The MTU of its tunnel device in bytes, as the kernel says.</summary>
    public int OverlayMtu => Netns.Run(() =>
    {
        using RouteNetlink netlink = RouteNetlink.Open();
        return netlink.GetLink(Plan.OverlayDevice).Mtu;
    });

    /// <summary>The devices that the kernel's own IP-in-IP drivers, where they are loaded, put into every namespace.</summary>
    public IEnumerable<string> KernelTunnelDevices => Netns.Run(() =>
    {
        using RouteNetlink netlink = RouteNetlink.Open();
        return netlink.GetLinks().Select(link => link.Name).Where(name => name is "tunl0" or "sit0" or "ip6tnl0").ToList();
    });

    /// <summary>Makes the namespace.</summary>
    public static LabHost Create(HostPlan plan) => new(plan, Netns.Create(Lab.NamespacePrefix));

    /// <summary>Starts overlayd, which makes the tunnel to another host.</summary>
    public OverlayDaemon StartDaemon(HostPlan other) => Daemon = OverlayDaemon.Start(Netns, Plan.Tunnel(other));

    /// <summary>Lets the kernel make the tunnel to another host.</summary>
    /// <exception cref="UnavailableException">The kernel has no vxlan.</exception>
    public void AddKernelVxlan(HostPlan other)
    {
        CommandResult result = Command.TryRun(
            Command.DefaultTimeout, "ip", "-n", Netns.Name, "link", "add", Plan.OverlayDevice, "address", Plan.Mac, "type", "vxlan",
            "id", HostPlan.Vni.ToString(CultureInfo.InvariantCulture), "local", Plan.Underlay, "remote", other.Underlay, "dstport", "4789",
            "dev", HostPlan.UnderlayDevice);
        if (result.ExitCode != 0)
        {
            bool missing = result.Error.Contains("not supported", StringComparison.Ordinal) ||
                result.Error.Contains("Unknown device type", StringComparison.Ordinal);
            throw missing
                ? new UnavailableException($"this kernel has no vxlan ({result.Error.Trim()})")
                : new InvalidOperationException($"the kernel's vxlan device could not be made: {result.Error.Trim()}");
        }

        foreach (string address in Plan.InnerPrefixes)
        {
            Netns.Configure(Plan.OverlayDevice, address);
        }
    }

    /// <summary>The MAC that this host has resolved an address to, in the spelling of <c>ip neighbour</c>; null without one.</summary>
    public string? NeighborMac(string address)
    {
        string output = Netns.Ip("neighbour", "show", address, "dev", Plan.OverlayDevice).Output;
        string[] words = output.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        int index = Array.IndexOf(words, "lladdr");
        return index >= 0 && index + 1 < words.Length ? words[index + 1] : null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Daemon?.Dispose();
        Netns.Dispose();
    }
}
