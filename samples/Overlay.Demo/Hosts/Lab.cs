using System.Net.Sockets;
using Overlay.Demo.Cases;
using Overlay.Testing;

namespace Overlay.Demo.Hosts;

/// <summary>Two hosts on one cable and the tunnel between them: overlayd here, the peer there.</summary>
internal sealed class Lab : IDisposable
{
    /// <summary>How the names of the namespaces begin.</summary>
    public const string NamespacePrefix = "ovdemo";

    private Lab(LabHost here, LabHost there)
    {
        Here = here;
        There = there;
    }

    /// <summary>The host whose tunnel overlayd makes.</summary>
    public LabHost Here { get; }

    /// <summary>The peer.</summary>
    public LabHost There { get; }

    /// <summary>Both, for what is done to each.</summary>
    public IReadOnlyList<LabHost> Hosts => [Here, There];

    /// <summary>Makes everything; when this returns the tunnel is up.</summary>
    /// <exception cref="UnavailableException">This machine cannot run the case.</exception>
    public static Lab Create(TunnelCase tunnelCase)
    {
        if (!Machine.HasIPv6 && (tunnelCase.Underlay == AddressFamily.InterNetworkV6 || !tunnelCase.Inner.Contains(AddressFamily.InterNetwork)))
        {
            throw new UnavailableException("this kernel has no IPv6");
        }

        LabHost here = LabHost.Create(new HostPlan(tunnelCase, 1));
        LabHost? there = null;
        try
        {
            there = LabHost.Create(new HostPlan(tunnelCase, 2));
            Lab lab = new(here, there);
            lab.SetUp(tunnelCase.Peer);
            return lab;
        }
        catch
        {
            there?.Dispose();
            here.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        There.Dispose();
        Here.Dispose();
    }

    private void SetUp(PeerKind peer)
    {
        Netns.Connect(Here.Netns, HostPlan.UnderlayDevice, Here.Plan.UnderlayPrefix, There.Netns, HostPlan.UnderlayDevice, There.Plan.UnderlayPrefix);
        if (peer == PeerKind.Kernel)
        {
            There.AddKernelVxlan(Here.Plan);
        }
        else
        {
            There.StartDaemon(Here.Plan);
        }

        Here.StartDaemon(There.Plan);
    }
}
