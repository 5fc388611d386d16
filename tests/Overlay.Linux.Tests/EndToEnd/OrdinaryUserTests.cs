using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>
/// overlayd with the rights of a user namespace only: it may make devices in its own network namespace, but not go beyond the system's limits, such as
/// that of receive buffers (SO_RCVBUFFORCE asks for CAP_NET_ADMIN in the initial user namespace).
/// </summary>
public sealed class OrdinaryUserTests
{
    private const int Wanted = 8 * 1024 * 1024;

    // $1 overlayd, $2 a directory of our own with the configuration. Everything ends with the shell's namespaces; the daemon is waited for.
    private const string Script = """
        set -eu
        mount -t tmpfs tmpfs /run
        mkdir /run/netns
        ip link set lo up
        ip netns add peer
        ip link add u0 type veth peer name u1 netns peer
        ip address add 192.0.2.1/24 dev u0
        ip link set u0 up
        ip -n peer address add 192.0.2.2/24 dev u1
        ip -n peer link set u1 up
        ip -n peer link add vx42 address 02:00:00:00:00:02 type vxlan id 42 local 192.0.2.2 remote 192.0.2.1 dstport 4789 dev u1
        ip -n peer address add 10.42.0.2/24 dev vx42
        ip -n peer link set vx42 up
        mkfifo "$2/ready"
        "$1" run --config "$2/overlayd.json" >"$2/ready" 2>"$2/log" &
        daemon=$!
        trap 'kill "$daemon" 2>/dev/null || true' EXIT
        read -r line <"$2/ready" || line=
        if [ "$line" != ready ]; then cat "$2/log" >&2; exit 9; fi
        ping -n -q -c 100 -i 0.005 -W 10 10.42.0.2 >"$2/ping"
        "$1" status --json --socket "$2/overlayd.sock" >"$2/status"
        kill -TERM "$daemon"
        wait "$daemon"
        trap - EXIT
        """;

    [Fact]
    public void It_works_and_says_what_receive_buffer_it_got()
    {
        TunAccess.Require();
        CommandResult allowed = Command.TryRun(TimeSpan.FromSeconds(20), "unshare", "-Urnm", "true");
        if (allowed.ExitCode != 0)
        {
            Requires.Missing($"needs user namespaces (unshare -Urnm): {allowed.Error.Trim()}");
        }

        string directory = Directory.CreateTempSubdirectory("overlay-user-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(directory, "overlayd.json"), $$"""
                { "control": { "socket": "{{directory}}/overlayd.sock" },
                  "tunnels": [ { "name": "vx42", "kind": "vxlan", "vni": 42, "local": "192.0.2.1", "flood": [ "192.0.2.2" ],
                    "device": { "type": "tap", "name": "vx42", "addresses": [ "10.42.0.1/24" ] } } ] }
                """);
            CommandResult result = Command.TryRun(
                TimeSpan.FromSeconds(60), "unshare", "-Urnm", "sh", "-c", Script, "sh", OverlayDaemon.Program, directory);
            Assert.True(result.ExitCode == 0, $"exit {result.ExitCode}: {result.Output}{result.Error}");
            Assert.Contains("100 packets transmitted, 100 received", File.ReadAllText(Path.Combine(directory, "ping")), StringComparison.Ordinal);

            string log = File.ReadAllText(Path.Combine(directory, "log"));
            Match said = Regex.Match(log, @"UDP 192\.0\.2\.1:4789: receive buffer (\d+) bytes");
            Assert.True(said.Success, log);
            int got = int.Parse(said.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
            // The kernel gives what the system's limit allows, and counts it double.
            Assert.Equal(2 * Math.Min(Wanted, Limit()), got);

            using var status = JsonDocument.Parse(File.ReadAllText(Path.Combine(directory, "status")));
            Assert.Equal(got, status.RootElement.GetProperty("tunnels")[0].GetProperty("endpoint").GetProperty("receiveBufferBytes").GetInt32());
            Books.AssertBalanced(status.RootElement);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public void Two_capabilities_are_enough()
    {
        Requires.Tool("setpriv");
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        string directory = Directory.CreateTempSubdirectory("overlay-caps-").FullName;
        try
        {
            string config = Path.Combine(directory, "overlayd.json");
            File.WriteAllText(config, $$"""{ "control": { "socket": "{{directory}}/overlayd.sock" }, "tunnels": [ {{lab.Tunnel()}} ] }""");
            using System.Diagnostics.Process process = lab.Us.Start(
                "setpriv", "--bounding-set", "-all,+net_admin,+net_raw", "--inh-caps", "-all", "--no-new-privs", OverlayDaemon.Program, "run", "--config", config);
            try
            {
                Assert.Equal("ready", process.StandardOutput.ReadLine());
                string capabilities = File.ReadAllLines($"/proc/{process.Id}/status").Single(line => line.StartsWith("CapEff:", StringComparison.Ordinal));
                // CAP_NET_ADMIN is 12, CAP_NET_RAW 13.
                Assert.Equal("CapEff:\t0000000000003000", capabilities);
                Ping ping = Ping.Run(lab.Us, "10.42.0.2", 20, "-i", "0.01", "-W", "10");
                Assert.True(ping.Lost == 0, ping.Output);
            }
            finally
            {
                process.Kill();
                process.WaitForExit();
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static int Limit() => int.Parse(File.ReadAllText("/proc/sys/net/core/rmem_max"), CultureInfo.InvariantCulture);
}
