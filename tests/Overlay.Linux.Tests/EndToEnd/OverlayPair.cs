using System.Globalization;
using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>
/// Two hosts on one link and a VXLAN tunnel between them, each end by whatever the test names: the kernel's device, or overlayd with one of its
/// transports. Host n has 192.0.2.n and 2001:db8::n outside, 10.42.0.n and fd42::n inside, and the device <c>vx42</c> in either case.
/// </summary>
internal sealed class OverlayPair : IDisposable
{
    /// <summary>The kernel's vxlan device.</summary>
    public const string Kernel = "kernel";

    /// <summary>overlayd with UDP sockets.</summary>
    public const string Udp = "udp";

    /// <summary>overlayd with tunnel segmentation by the kernel.</summary>
    public const string TunnelGso = "tunnelGso";

    public const string Device = "vx42";

    private readonly OverlayDaemon?[] _daemons = new OverlayDaemon?[2];
    private readonly bool _ipv6Underlay;

    /// <summary>Makes both hosts and both ends.</summary>
    /// <param name="first">The end of host 1: <see cref="Kernel"/>, or a value of the configuration's <c>transport</c>.</param>
    /// <param name="second">The end of host 2.</param>
    /// <param name="ipv6Underlay">The family outside.</param>
    /// <param name="linkOff">Offloads that the link between them has not, by the names of <c>ethtool -K</c>.</param>
    /// <param name="more">Further members of the tunnels of overlayd, as JSON.</param>
    public OverlayPair(string first, string second, bool ipv6Underlay = false, string[]? linkOff = null, string more = "")
    {
        TunAccess.Require();
        _ipv6Underlay = ipv6Underlay;
        Hosts = [Netns.Create("ovpair"), Netns.Create("ovpair")];
        try
        {
            Netns.Connect(Hosts[0], LinkDevice(0), "192.0.2.1/24", Hosts[1], LinkDevice(1), "192.0.2.2/24");
            for (int host = 0; host < 2; host++)
            {
                Hosts[host].Configure(LinkDevice(host), $"2001:db8::{host + 1}/64");
                if (linkOff is not null)
                {
                    Hosts[host].EthtoolOff(LinkDevice(host), linkOff);
                }
            }

            AddEnd(0, first, more);
            AddEnd(1, second, more);
            // Addresses are resolved, and what overlayd learns is learned: from here on only what a test sends is on the way.
            foreach (bool ipv6 in (bool[])[false, true])
            {
                PingOneByOne(from: 0, count: 1, ipv6);
                PingOneByOne(from: 1, count: 1, ipv6);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Both hosts, from 0.</summary>
    public Netns[] Hosts { get; }

    /// <summary>The daemons, null where the kernel is the end.</summary>
    public ReadOnlySpan<OverlayDaemon?> Daemons => _daemons;

    /// <summary>A host's end of the link.</summary>
    public static string LinkDevice(int host) => $"u{host}";

    /// <summary>A host's address inside the tunnel.</summary>
    public static string Inner(int host, bool ipv6 = false) => ipv6 ? $"fd42::{host + 1}" : $"10.42.0.{host + 1}";

    /// <summary>A host's address on the link.</summary>
    public string Outer(int host) => _ipv6Underlay ? $"2001:db8::{host + 1}" : $"192.0.2.{host + 1}";

    /// <summary>How many packets and superpackets the stack of a host has handed to the tunnel's device: the kernel's own count.</summary>
    public long HandedOver(int host) => PeerLab.Statistic(Hosts[host], Device, "tx", "packets");

    /// <summary>Each ping from a host to the other comes back.</summary>
    /// <remarks>
    /// One at a time: after the last of several ping waits no longer than two round trips or the interval, and calls lost what a busy machine has not
    /// answered by then; for a single one it waits as long as it is told.
    /// </remarks>
    public void PingOneByOne(int from, int count, bool ipv6 = false, int size = 56)
    {
        for (int i = 0; i < count; i++)
        {
            Ping ping = Ping.Run(Hosts[from], Inner(1 - from, ipv6), 1, "-W", "5", "-s", size.ToString(CultureInfo.InvariantCulture));
            Assert.True(ping.Lost == 0, $"Ping {i}: {ping.Output}");
        }
    }

    /// <summary>All that came to a daemon left it, and no outer packet was a fragment.</summary>
    public void AssertNothingWasLost()
    {
        foreach (OverlayDaemon daemon in _daemons.OfType<OverlayDaemon>())
        {
            JsonElement status = Books.Settled(daemon);
            Books.AssertBalanced(status);
            foreach (string direction in (string[])["egress", "ingress"])
            {
                Assert.True(OverlayDaemon.Drops(status, Device, direction) == 0, $"{direction} of {status}");
            }
        }

        foreach (Netns host in Hosts)
        {
            foreach (string counter in (string[])["Ip.FragCreates", "Ip.ReasmReqds", "Ip6FragCreates", "Ip6ReasmReqds", "Udp.InCsumErrors", "Tcp.InCsumErrors", "Udp6InCsumErrors"])
            {
                Assert.True(Books.Kernel(host, counter) == 0, $"{counter} of {host.Name} is {Books.Kernel(host, counter)}");
            }
        }
    }

    public void Dispose()
    {
        foreach (OverlayDaemon? daemon in _daemons)
        {
            daemon?.Dispose();
        }

        foreach (Netns host in Hosts)
        {
            host.Dispose();
        }
    }

    private void AddEnd(int host, string transport, string more)
    {
        string mac = string.Create(CultureInfo.InvariantCulture, $"02:00:00:00:00:0{host + 1}");
        (string local, string remote) = (Outer(host), Outer(1 - host));
        if (transport == Kernel)
        {
            // With an outer checksum, as overlayd sends by default: without one nothing outside is verified. Over IPv6 the kernel sends one anyhow.
            string[] checksum = _ipv6Underlay ? [] : ["udpcsum"];
            Hosts[host].Ip(
                [
                    "link", "add", Device, "address", mac, "type", "vxlan", "id", "42", "local", local, "remote", remote, "dstport", "4789",
                    "dev", LinkDevice(host), .. checksum,
                ]);
            Hosts[host].Configure(Device, $"{Inner(host)}/24");
            Hosts[host].Configure(Device, $"{Inner(host, ipv6: true)}/64");
            return;
        }

        _daemons[host] = OverlayDaemon.Start(Hosts[host], $$"""
            { "name": "{{Device}}", "kind": "vxlan", "vni": 42, "local": "{{local}}", "transport": "{{transport}}",
              "device": { "type": "tap", "name": "{{Device}}", "mac": "{{mac}}", "addresses": [ "{{Inner(host)}}/24", "{{Inner(host, ipv6: true)}}/64" ] },
              "flood": [ "{{remote}}" ], {{more}} }
            """);
        JsonElement endpoint = _daemons[host]!.Query().GetProperty("tunnels")[0].GetProperty("endpoint");
        if (endpoint.GetProperty("transport").GetString() != transport)
        {
            Requires.Missing($"needs the transport {transport}: {endpoint.GetProperty("transportReason")}");
        }
    }
}
