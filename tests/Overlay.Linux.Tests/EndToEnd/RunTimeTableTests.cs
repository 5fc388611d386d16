using System.Globalization;
using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>Tables of a running overlayd, shown and changed by commands, beside what the packets do.</summary>
[Collection(FloodCollection.Name)]
public sealed class RunTimeTableTests
{
    private const int Port = 2000;
    private const string NoLearning = "\"learning\": { \"enabled\": false }";

    [Fact]
    public void Frames_go_where_an_added_entry_says_and_are_flooded_again_without_it()
    {
        using BridgedHosts hosts = new(3);
        hosts.AddKernelVxlan(2);
        hosts.AddKernelVxlan(3);
        using OverlayDaemon daemon = OverlayDaemon.Start(hosts[1], TunnelJson.Tap(mac: BridgedHosts.Mac(1), flood: ["192.0.2.2", "192.0.2.3"], more: NoLearning));
        hosts[1].Ip("neigh", "replace", "10.42.0.2", "lladdr", BridgedHosts.Mac(2).ToString(), "dev", "vx42", "nud", "permanent");
        using UdpApplication one = new(hosts[1], "0.0.0.0", Port);
        using UdpApplication two = new(hosts[2], "0.0.0.0", Port);
        long third = 0;
        Exchange(copies: 10);

        string mac = BridgedHosts.Mac(2).ToString();
        Assert.Equal($"vx42: {mac} goes to 192.0.2.2 (external)\n", daemon.Ask("fdb", "add", "--tunnel", "vx42", "--mac", mac, "--remote", "192.0.2.2"));
        Assert.Equal(
            $"[\n  {{\"tunnel\":\"vx42\",\"vni\":42,\"mac\":\"{mac}\",\"remote\":\"192.0.2.2\",\"port\":4789,\"origin\":\"external\"}}\n]\n",
            daemon.Ask("show", "fdb", "--json"));
        Exchange(copies: 0);

        // To the wrong one: the right one hears nothing, since its entry says so, and not a flood.
        daemon.Ask("fdb", "add", "--tunnel", "vx42", "--mac", mac, "--remote", "192.0.2.3");
        one.Send([9], "10.42.0.2", Port);
        AwaitThird(third += 1);
        daemon.Ask("fdb", "add", "--tunnel", "vx42", "--mac", mac, "--remote", "192.0.2.2");
        Exchange(copies: 0);

        Assert.Equal($"vx42: {mac} removed; before: 192.0.2.2 (external)\n", daemon.Ask("fdb", "del", "--tunnel", "vx42", "--mac", mac));
        Assert.Equal("[]\n", daemon.Ask("show", "fdb", "--json"));
        Exchange(copies: 10);

        AssertRefused(daemon, ["flood", "del", "--tunnel", "vx42", "--remote", "192.0.2.9"], "tunnel vx42 does not flood to 192.0.2.9");
        Books.AssertBalanced(Books.Settled(daemon));

        void Exchange(int copies)
        {
            for (int i = 0; i < 10; i++)
            {
                one.Send([(byte)i], "10.42.0.2", Port);
            }

            Assert.Equal(Enumerable.Range(0, 10).Select(i => (byte)i), two.Take(10).Select(datagram => datagram[0]));
            third += copies;
            AwaitThird(third);
        }

        void AwaitThird(long packets) => Wait.Until(
            () => Kernel.ReceivedPackets(hosts[3], "vx42") == packets, () => $"{Kernel.ReceivedPackets(hosts[3], "vx42")} packets at the third host, not {packets}");
    }

    [Fact]
    public void Frames_go_out_with_the_VNI_and_to_the_port_of_their_entry_configured_or_added()
    {
        using BridgedHosts hosts = new(3);
        foreach ((int host, string vni, string port) in ((int, string, string)[])[(2, "43", "4789"), (3, "44", "4790")])
        {
            hosts[host].Ip(
                "link", "add", "vxother", "address", BridgedHosts.Mac(host).ToString(), "type", "vxlan", "id", vni, "local", $"192.0.2.{host}",
                "remote", "192.0.2.1", "dstport", port);
            hosts[host].Configure("vxother", $"10.42.0.{host}/24");
        }

        using OverlayDaemon daemon = OverlayDaemon.Start(hosts[1], TunnelJson.Tap(
            mac: BridgedHosts.Mac(1), flood: [], more: $$""" "fdb": [ { "mac": "{{BridgedHosts.Mac(2)}}", "remote": "192.0.2.2", "remoteVni": 43 } ] """));
        foreach (int host in (int[])[2, 3])
        {
            hosts[1].Ip("neigh", "replace", $"10.42.0.{host}", "lladdr", BridgedHosts.Mac(host).ToString(), "dev", "vx42", "nud", "permanent");
        }

        daemon.Ask("fdb", "add", "--tunnel", "vx42", "--mac", BridgedHosts.Mac(3).ToString(), "--remote", "192.0.2.3", "--port", "4790", "--remote-vni", "44");
        using UdpApplication one = new(hosts[1], "0.0.0.0", Port);
        using UdpApplication two = new(hosts[2], "0.0.0.0", Port);
        using UdpApplication three = new(hosts[3], "0.0.0.0", Port);
        for (byte i = 0; i < 10; i++)
        {
            one.Send([i, 2], "10.42.0.2", Port);
            one.Send([i, 3], "10.42.0.3", Port);
        }

        Assert.Equal(Enumerable.Range(0, 10).Select(i => new byte[] { (byte)i, 2 }), two.Take(10));
        Assert.Equal(Enumerable.Range(0, 10).Select(i => new byte[] { (byte)i, 3 }), three.Take(10));
        Assert.Contains($"{BridgedHosts.Mac(2)}  192.0.2.2 vni 43  4789  static", daemon.Ask("show", "fdb"), StringComparison.Ordinal);
        Assert.Contains($"{BridgedHosts.Mac(3)}  192.0.2.3 vni 44  4790  external", daemon.Ask("show", "fdb"), StringComparison.Ordinal);
        Books.AssertBalanced(Books.Settled(daemon));
    }

    [Fact]
    public void A_remote_that_is_added_to_the_flood_list_hears_broadcasts_and_may_speak()
    {
        using BridgedHosts hosts = new(3);
        hosts.AddKernelVxlan(2);
        hosts.AddKernelVxlan(3);
        using OverlayDaemon daemon = OverlayDaemon.Start(hosts[1], TunnelJson.Tap(mac: BridgedHosts.Mac(1), flood: ["192.0.2.2"], more: NoLearning));
        using UdpApplication one = new(hosts[1], "0.0.0.0", Port);
        using UdpApplication two = new(hosts[2], "0.0.0.0", Port);
        using UdpApplication three = new(hosts[3], "0.0.0.0", Port);
        three.Send([1], "10.42.0.1", Port);
        Wait.Until(() => OverlayDaemon.Counter(daemon.Query(), "vx42", "ingress", "drops.unknown-remote") == 1, () => "it was not refused");

        daemon.Ask("flood", "add", "--tunnel", "vx42", "--remote", "192.0.2.3");
        three.Send([2], "10.42.0.1", Port);
        Assert.Equal([[2]], one.Take(1));
        one.Send([3], "10.42.0.255", Port);
        Assert.Equal([[3]], two.Take(1));
        Assert.Equal([[3]], three.Take(1));
        Assert.Equal([[3]], one.Take(1));
        Assert.Equal("[\n  {\"tunnel\":\"vx42\",\"vni\":42,\"remote\":\"192.0.2.2\",\"origin\":\"static\"},\n  {\"tunnel\":\"vx42\",\"vni\":42,\"remote\":\"192.0.2.3\",\"origin\":\"external\"}\n]\n", daemon.Ask("show", "flood", "--json"));

        daemon.Ask("flood", "del", "--tunnel", "vx42", "--remote", "192.0.2.3");
        one.Send([4], "10.42.0.255", Port);
        Assert.Equal([[4]], two.Take(1));
        three.Send([5], "10.42.0.1", Port);
        Wait.Until(() => OverlayDaemon.Counter(daemon.Query(), "vx42", "ingress", "drops.unknown-remote") == 2, () => "it was not refused again");
        Assert.Equal(0, three.Count);
        Books.AssertBalanced(Books.Settled(daemon));
    }

    [Fact]
    public void A_neighbor_that_is_added_is_answered_for_and_one_that_was_removed_is_not()
    {
        using BridgedHosts hosts = new(2);
        using OverlayDaemon daemon = OverlayDaemon.Start(hosts[1], TunnelJson.Tap(mac: BridgedHosts.Mac(1), flood: ["192.0.2.2"], more: NoLearning));
        // A neighbour is answered for if it is known where its station is, too.
        daemon.Ask("fdb", "add", "--tunnel", "vx42", "--mac", "02:00:00:00:00:77", "--remote", "192.0.2.2");
        daemon.Ask("neighbor", "add", "--tunnel", "vx42", "--ip", "10.42.0.77", "--mac", "02:00:00:00:00:77");
        Assert.Contains("10.42.0.77  02:00:00:00:00:77  external", daemon.Ask("show", "neighbors"), StringComparison.Ordinal);
        Ping.Run(hosts[1], "10.42.0.77", 1, "-W", "0.2");
        Assert.Contains("02:00:00:00:00:77", hosts[1].Ip("neigh", "show", "10.42.0.77").Output, StringComparison.Ordinal);

        daemon.Ask("neighbor", "del", "--tunnel", "vx42", "--ip", "10.42.0.77");
        hosts[1].Ip("neigh", "flush", "all");
        Ping.Run(hosts[1], "10.42.0.77", 1, "-W", "0.2");
        Assert.DoesNotContain("02:00:00:00:00:77", hosts[1].Ip("neigh", "show", "10.42.0.77").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_route_that_is_added_carries_traffic_and_is_a_route_of_the_kernel_until_it_is_removed()
    {
        using PeerLab lab = new();
        FlannelPeer.Add(lab, vni: 1, port: 8472);
        lab.Us.Ip("address", "add", "10.245.1.1/32", "dev", "lo");
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, $$"""
            { "name": "l3", "kind": "vxlan", "vni": 1, "local": "{{lab.Local}}", "port": 8472,
              "device": { "type": "tun", "name": "l3", "addresses": [ "10.245.1.0/32" ], "mac": "{{PeerLab.OurMac}}" } }
            """);
        string[] route = ["--tunnel", "l3", "--prefix", "10.245.2.0/24"];
        daemon.Ask(["route", "add", .. route, "--remote", lab.Remote, "--mac", PeerLab.PeerMac]);
        Assert.Contains("10.245.2.0/24 dev l3", lab.Us.Ip("route", "show").Output, StringComparison.Ordinal);
        Ping ping = Ping.Run(lab.Us, "10.245.2.1", 20, "-i", "0.01", "-W", "5", "-I", "10.245.1.1");
        Assert.True(ping.Lost == 0, ping.Output);
        Assert.Equal(
            "TUNNEL  VNI  PREFIX         REMOTE     WEIGHT  MAC                ORIGIN\nl3        1  10.245.2.0/24  192.0.2.2       -  02:00:00:00:00:02  external\n",
            daemon.Ask("show", "routes"));

        daemon.Ask(["route", "del", .. route]);
        Assert.DoesNotContain("10.245.2.0/24", lab.Us.Ip("route", "show").Output, StringComparison.Ordinal);

        // A route that the kernel has already by another device stays as it is, and the table does not have it either.
        lab.Us.Ip("route", "add", "10.245.2.0/24", "dev", "u0");
        CommandResult refused = daemon.TryAsk(["route", "add", .. route, "--remote", lab.Remote, "--mac", PeerLab.PeerMac]);
        Assert.True(refused.ExitCode == 1 && refused.Error.Contains("the kernel has no route 10.245.2.0/24 by l3, so nothing was changed: ", StringComparison.Ordinal), refused.Error);
        Assert.Equal("[]\n", daemon.Ask("show", "routes", "--json"));
        Books.AssertBalanced(Books.Settled(daemon));
    }

    [Fact]
    public void A_bad_request_is_exit_1_names_what_is_wrong_and_changes_nothing()
    {
        using BridgedHosts hosts = new(1);
        string list = Path.GetTempFileName();
        try
        {
            using OverlayDaemon daemon = OverlayDaemon.Start(hosts[1], TunnelJson.Tap(mac: BridgedHosts.Mac(1), flood: ["192.0.2.2"]));
            daemon.Ask("fdb", "add", "--tunnel", "vx42", "--mac", "02:00:00:00:00:05", "--remote", "192.0.2.5");
            string before = daemon.Ask("show", "fdb", "--json") + daemon.Ask("show", "flood", "--json") + daemon.Ask("show", "neighbors", "--json");
            AssertRefused(daemon, ["fdb", "add", "--tunnel", "vx42", "--mac", "33:33:00:00:00:01", "--remote", "192.0.2.5"], "mac is \"33:33:00:00:00:01\", a multicast address");
            AssertRefused(daemon, ["fdb", "add", "--tunnel", "vx42", "--mac", "02:00:00:00:00:06", "--remote", "2001:db8::1"], "remote is \"2001:db8::1\", but local 192.0.2.1 is IPv4");
            AssertRefused(daemon, ["fdb", "add", "--tunnel", "vx43", "--mac", "02:00:00:00:00:06", "--remote", "192.0.2.5"], "there is no tunnel \"vx43\"; this overlayd has \"vx42\"");
            AssertRefused(daemon, ["route", "add", "--tunnel", "vx42", "--prefix", "10.0.0.0/8", "--remote", "192.0.2.5"], "\"routes\" is not used with a tap device");
            File.WriteAllText(list, "[ { \"mac\": \"02:00:00:00:00:06\", \"remote\": \"192.0.2.6\" },\n{ \"mac\": \"02:00:00:00:00:07\" } ]");
            AssertRefused(daemon, ["fdb", "replace", "--tunnel", "vx42", "--file", list], "line 2: an fdb entry has no \"remote\"");
            Assert.Equal(before, daemon.Ask("show", "fdb", "--json") + daemon.Ask("show", "flood", "--json") + daemon.Ask("show", "neighbors", "--json"));
            Assert.DoesNotContain("control socket", daemon.Log, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(list);
        }
    }

    [Fact]
    public void Another_user_may_not_touch_or_see_tables_even_if_the_socket_is_open_to_all()
    {
        Requires.Tool("setpriv");
        using BridgedHosts hosts = new(1);
        using OverlayDaemon daemon = OverlayDaemon.Start(hosts[1], TunnelJson.Tap(mac: BridgedHosts.Mac(1), flood: ["192.0.2.2"]));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(daemon.Socket));

        // Nobody, but with the right to open any file: so the runtime and the program can be read, and the socket would be in any mode.
        string[] nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=+dac_override", "--ambient-caps=+dac_override", OverlayDaemon.Program];
        File.SetUnixFileMode(daemon.Socket, (UnixFileMode)0x1B6);
        foreach (string[] command in (string[][])
        [
            ["fdb", "add", "--tunnel", "vx42", "--mac", "02:00:00:00:00:05", "--remote", "192.0.2.5"], ["fdb", "flush", "--tunnel", "vx42", "--all"],
            ["flood", "del", "--tunnel", "vx42", "--remote", "192.0.2.2"], ["show", "fdb"],
        ])
        {
            CommandResult result = Command.TryRun(TimeSpan.FromSeconds(60), "setpriv", [.. nobody, .. command, "--socket", daemon.Socket]);
            string request = string.Join('-', command.Take(2));
            Assert.Equal(
                (3, "", $"overlayd: the overlayd on {daemon.Socket} says: {request} is not for uid 65534: only root may, whatever the mode of the socket\n"),
                (result.ExitCode, result.Output, result.Error));
        }

        // The counters are for whoever may open the socket, as ever.
        CommandResult status = Command.TryRun(TimeSpan.FromSeconds(60), "setpriv", [.. nobody, "status", "--socket", daemon.Socket]);
        Assert.True(status.ExitCode == 0, status.Error);
        Assert.Equal("[]\n", daemon.Ask("show", "fdb", "--json"));
        Assert.Contains("192.0.2.2", daemon.Ask("show", "flood"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_million_entries_are_replaced_and_shown_while_pings_go_on()
    {
        const int Rows = 1_000_000;
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        using OverlayDaemon daemon = lab.StartDaemon();
        string list = Path.GetTempFileName();
        try
        {
            using (StreamWriter file = new(list))
            {
                file.WriteLine("[");
                for (int i = 0; i < Rows; i++)
                {
                    file.Write(string.Create(
                        CultureInfo.InvariantCulture, $$"""{"mac":"02:01:{{i >> 24:x2}}:{{(i >> 16) & 0xFF:x2}}:{{(i >> 8) & 0xFF:x2}}:{{i & 0xFF:x2}}","remote":"10.0.{{i % 40}}.{{1 + (i % 250)}}"},{{'\n'}}"""));
                }

                file.WriteLine("]");
            }

            Task<Ping> pinging = Task.Run(() => Ping.Run(lab.Us, "10.42.0.2", 1_500, "-i", "0.01", "-W", "10"), TestContext.Current.CancellationToken);
            Assert.Contains($"vx42: {Rows} entries, ", daemon.Ask("fdb", "replace", "--tunnel", "vx42", "--file", list), StringComparison.Ordinal);
            long before = Resident(daemon);
            for (int i = 0; i < 2; i++)
            {
                string shown = daemon.Ask("show", "fdb", "--json");
                using var rows = JsonDocument.Parse(shown);
                Assert.Equal(Rows, rows.RootElement.EnumerateArray().Count(row => row.GetProperty("origin").GetString() == "external"));
            }

            // What a row costs in a frame, times the rows, is more than 100 MB; the daemon holds a frame at a time.
            Assert.InRange(Resident(daemon) - before, -1_000_000, 32_000);
            Ping ping = await pinging;
            Assert.True(ping.Lost == 0, ping.Output);
            Assert.Contains("vx42: 0 entries, of them 0 new or changed and 0 as before; 1000000 removed", Empty(daemon, list), StringComparison.Ordinal);
            Books.AssertBalanced(Books.Settled(daemon));
        }
        finally
        {
            File.Delete(list);
        }
    }

    private static void AssertRefused(OverlayDaemon daemon, string[] command, string message)
    {
        CommandResult result = daemon.TryAsk(command);
        Assert.Equal((1, ""), (result.ExitCode, result.Output));
        Assert.StartsWith($"overlayd: the overlayd on {daemon.Socket} says: {message}", result.Error, StringComparison.Ordinal);
    }

    private static string Empty(OverlayDaemon daemon, string list)
    {
        File.WriteAllText(list, "[]");
        return daemon.Ask("fdb", "replace", "--tunnel", "vx42", "--file", list);
    }

    // In kB.
    private static long Resident(OverlayDaemon daemon) => long.Parse(
        File.ReadLines($"/proc/{daemon.ProcessId}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture);
}
