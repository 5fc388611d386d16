using System.Globalization;
using Overlay.Testing;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>
/// Two hosts and a router between them. Host 1 has 192.0.2.1 and 2001:db8:1::1, host 2 has 198.51.100.2 and 2001:db8:2::2; the link from the router to host 2
/// may be smaller than the other.
/// </summary>
internal sealed class RoutedLab : IDisposable
{
    public const string Device = "w0";
    public const string FarDevice = "r1";

    /// <summary>Makes them.</summary>
    /// <param name="farMtu">The MTU of the far link.</param>
    public RoutedLab(int farMtu = 1_500)
    {
        Near = Netns.Create("ovroute");
        try
        {
            Router = Netns.Create("ovroute");
            Far = Netns.Create("ovroute");
            Netns.Connect(Near, Device, "192.0.2.1/24", Router, "r0", "192.0.2.254/24");
            Netns.Connect(Router, FarDevice, "198.51.100.254/24", Far, Device, "198.51.100.2/24");
            Near.Configure(Device, "2001:db8:1::1/64");
            Router.Configure("r0", "2001:db8:1::fe/64");
            Router.Configure(FarDevice, "2001:db8:2::fe/64");
            // Where nothing is made up, a router has no address to ask for neighbours from.
            Router.Configure("r0", "fe80::1/64");
            Router.Configure(FarDevice, "fe80::2/64");
            Far.Configure(Device, "2001:db8:2::2/64");
            Router.Sysctl("net.ipv4.ip_forward", "1");
            Router.Sysctl("net.ipv6.conf.all.forwarding", "1");
            Near.Ip("route", "add", "default", "via", "192.0.2.254");
            Near.Ip("-6", "route", "add", "default", "via", "2001:db8:1::fe");
            Far.Ip("route", "add", "default", "via", "198.51.100.254");
            Far.Ip("-6", "route", "add", "default", "via", "2001:db8:2::fe");
            SetFarMtu(farMtu);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Host 1.</summary>
    public Netns Near { get; }

    /// <summary>Between.</summary>
    public Netns Router { get; } = null!;

    /// <summary>Host 2.</summary>
    public Netns Far { get; } = null!;

    /// <summary>The address of a host.</summary>
    public static string Outer(bool far, bool ipv6) => (far, ipv6) switch
    {
        (false, false) => "192.0.2.1",
        (false, true) => "2001:db8:1::1",
        (true, false) => "198.51.100.2",
        _ => "2001:db8:2::2",
    };

    /// <summary>Changes the MTU of the far link, at both its ends.</summary>
    public void SetFarMtu(int mtu)
    {
        string text = mtu.ToString(CultureInfo.InvariantCulture);
        Router.Ip("link", "set", FarDevice, "mtu", text);
        Far.Ip("link", "set", Device, "mtu", text);
    }

    public void Dispose()
    {
        Near.Dispose();
        Router?.Dispose();
        Far?.Dispose();
    }
}
