using System.Globalization;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>The tool of other tests: it says how scripts ended, and leaves nothing behind.</summary>
public sealed class UmlPeerTests
{
    [Fact]
    public async Task It_runs_scripts_beside_each_other_and_is_gone_afterwards()
    {
        using Netns netns = Netns.Create("ovuml");
        int processId;
        using (UmlPeer peer = UmlPeer.Start(netns, "u0", UmlPeer.AllModules))
        {
            processId = peer.ProcessId;
            Assert.Contains(ProcessesOfGroup(processId), id => id == processId);
            Assert.Equal(peer.KernelRelease, peer.Run("uname -r").Output.Trim());

            Task<CommandResult> slow = peer.Begin(Command.DefaultTimeout, "sleep 1; echo slow");
            CommandResult failing = peer.TryRun(Command.DefaultTimeout, "echo ä; echo no >&2; exit 3");
            Assert.Equal((3, "ä\n", "no\n"), (failing.ExitCode, failing.Output, failing.Error));
            Assert.False(slow.IsCompleted);
            Assert.Equal("slow\n", (await slow).Output);

            InvalidOperationException refused = Assert.Throws<InvalidOperationException>(() => peer.Run("ip link show dev nowhere"));
            Assert.Contains("nowhere", refused.Message, StringComparison.Ordinal);
            TimeoutException late = Assert.Throws<TimeoutException>(() => peer.TryRun(TimeSpan.FromSeconds(0.5), "echo begun; sleep 100"));
            Assert.Contains("begun", late.Message, StringComparison.Ordinal);

            // What other tests will ask of it.
            peer.Run("ip link add g0 type geneve id 1 remote 192.0.2.1; ip link add g1 type gretap local 192.0.2.2 remote 192.0.2.1; " +
                "ip link add v0 type vxlan id 1 dstport 4789; ip link add r0 type vrf table 10; ip fou add port 5555 ipproto 4");
            Assert.Equal("4\n", peer.Run("ip -o link show | grep -cE ' (g0|g1|v0|r0)[:@]'").Output);

            // Its cable reaches the namespace.
            netns.Configure("u0", "192.0.2.1/24");
            peer.Run($"ip address add 192.0.2.2/24 dev {UmlPeer.Device}; ip link set {UmlPeer.Device} up");
            Assert.Contains("3 received", netns.Exec("ping", "-q", "-c", "3", "-i", "0.01", "192.0.2.2").Output, StringComparison.Ordinal);

            // The host's file system is the peer's to read only.
            Assert.NotEqual(0, peer.TryRun(Command.DefaultTimeout, $"echo x > {Path.GetTempPath()}/overlay-uml-must-not-be").ExitCode);
        }

        Assert.Empty(ProcessesOfGroup(processId));
    }

    [Fact]
    public void A_module_that_is_not_there_is_named()
    {
        Requires.Tool("linux.uml");
        using Netns netns = Netns.Create("ovuml");
        InvalidOperationException refused = Assert.Throws<InvalidOperationException>(() => UmlPeer.Start(netns, "u0", "net/ipv4/nonesuch"));
        Assert.Contains("net/ipv4/nonesuch", refused.Message, StringComparison.Ordinal);
        // Nobody holds the cable any more.
        Assert.Contains("NO-CARRIER", netns.Ip("-o", "link", "show", "dev", "u0").Output, StringComparison.Ordinal);
    }

    private static List<int> ProcessesOfGroup(int group)
    {
        List<int> members = [];
        foreach (string directory in Directory.GetDirectories("/proc").Where(path => char.IsAsciiDigit(Path.GetFileName(path)[0])))
        {
            string stat;
            try
            {
                stat = File.ReadAllText(Path.Combine(directory, "stat"));
            }
            catch (IOException)
            {
                // It has ended in between.
                continue;
            }

            // The name in parentheses may hold spaces; state, parent and group follow.
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            if (int.Parse(fields[2], CultureInfo.InvariantCulture) == group)
            {
                members.Add(int.Parse(Path.GetFileName(directory), CultureInfo.InvariantCulture));
            }
        }

        return members;
    }
}
