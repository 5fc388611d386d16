using System.Net;
using System.Net.Sockets;
using Overlay.Demo.Cases;
using Overlay.Demo.Hosts;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests;

/// <summary>The demo does not pass over a packet that was dropped: it knows why, or the case fails.</summary>
public sealed class DemoAuditTests
{
    private static readonly TunnelCase SixInFour = TunnelCase.All.Single(tunnelCase => tunnelCase.Name == "6in4");

    [Fact]
    public void Multicast_of_the_kernel_has_an_explanation_and_a_destination_without_route_has_none()
    {
        TunAccess.Require();
        using Lab lab = Lab.Create(SixInFour);
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        string device = lab.Here.Plan.OverlayDevice;
        long scope = lab.Here.Netns.Run(() =>
        {
            using RouteNetlink netlink = RouteNetlink.Open();
            return netlink.GetLink(device).Index;
        });

        Send(lab, new IPAddress(IPAddress.Parse("ff02::1").GetAddressBytes(), scope), count: 2);
        Audit audit = Until(lab, drops: 2, cancellation);
        Assert.Equal(2, audit.Drops["no-route"]);
        Assert.Contains("multicast", audit.Explanations["no-route"], StringComparison.Ordinal);
        Assert.Empty(audit.Unexplained);

        lab.Here.Netns.Ip("-6", "route", "add", "fd99::/64", "dev", device);
        Send(lab, IPAddress.Parse("fd99::1"), count: 1);
        audit = Until(lab, drops: 3, cancellation);
        Assert.Equal(3, audit.Drops["no-route"]);
        Assert.Equal(["no-route"], audit.Unexplained);
        Assert.All(audit.Books, book => Assert.True(book.Balanced, book.ToString()));
    }

    private static void Send(Lab lab, IPAddress destination, int count)
    {
        using Socket socket = lab.Here.Netns.Run(() => new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp));
        for (int i = 0; i < count; i++)
        {
            socket.SendTo([1, 2, 3], new IPEndPoint(destination, 7));
        }
    }

    // The daemon reads them when it gets to it.
    private static Audit Until(Lab lab, long drops, CancellationToken cancellation)
    {
        long end = Environment.TickCount64 + 10_000;
        Audit audit;
        do
        {
            audit = Audit.Take(lab, cancellation);
        }
        while (audit.Drops.Values.Sum() < drops && Environment.TickCount64 < end);
        return audit;
    }
}
