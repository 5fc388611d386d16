using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Overlay.Linux.Tests.Relay;
using Overlay.Testing;
using Overlay.Testing.Relay;
using Xunit;

namespace Overlay.Linux.Tests.Doctor;

/// <summary><c>overlayd doctor checksum</c> at the receiving end of a tunnel between two kernels.</summary>
public sealed class ChecksumDoctorTests
{
    private const int Port = 2000;

    private static readonly PacketMatch Tunnel = PacketMatch.Udp(4789);

    // What happens on the way, and what is found; nothing for a clean one.
    private static readonly Dictionary<string, (RelayRule[] Rules, string? Id, string Said, string Change)> Ways = new()
    {
        ["nothing"] = ([], null, "", ""),
        ["inner checksum left open"] = ([RelayRule.Edit(PacketEdits.MakeInnerChecksumPartial, Tunnel)], "partial-checksum", "pseudo header alone", "ethtool -K DEVICE tx off"),
        ["some inner checksums left open"] = (
            [RelayRule.Edit(PacketEdits.MakeInnerChecksumPartial, Tunnel, every: 3)], "partial-checksum", "pseudo header alone", "tx-udp_tnl-csum-segmentation off"),
        ["inner checksum wrong"] = ([RelayRule.Edit(PacketEdits.BreakInnerChecksum, Tunnel)], "bad-checksum", "a wrong checksum inside", "ethtool -K DEVICE tx off"),
        ["outer checksum wrong"] = ([RelayRule.Edit(PacketEdits.BreakUdpChecksum, Tunnel)], "bad-checksum", "a wrong outer checksum", "noudpcsum"),
    };

    public static TheoryData<string, bool> All { get; } = new MatrixTheoryData<string, bool>(Ways.Keys, [false, true]);

    [Theory]
    [MemberData(nameof(All))]
    public void What_is_wrong_with_checksums_is_named(string name, bool ipv6)
    {
        (RelayRule[] rules, string? id, string said, string change) = Ways[name];
        using RelayLab lab = new();
        AddTunnel(lab.Near, RelayLab.NearDevice, ipv6 ? RelayLab.NearIPv6 : RelayLab.NearIPv4, RelayLab.FarAddress(ipv6), 1);
        AddTunnel(lab.Far, RelayLab.FarDevice, RelayLab.FarAddress(ipv6), ipv6 ? RelayLab.NearIPv6 : RelayLab.NearIPv4, 2);
        Assert.Equal(0, Ping.Run(lab.Near, "10.9.0.2", 1, "-W", "5").Lost);
        lab.Relay.Forth.Impairments = new Impairments { Rules = rules };
        DoctorRun run = Look(lab.Near, lab.Far, "--to", ipv6 ? RelayLab.NearIPv6 : RelayLab.NearIPv4, "--link", RelayLab.FarDevice);
        Assert.True(run.Ids.SequenceEqual(id is null ? [] : [id]), run.Text);
        Assert.Equal(id is null ? (0, "clean") : (1, "finding"), (run.ExitCode, run.Verdict));
        Assert.Equal(0, run.Details.GetProperty("unfinished").GetInt64());
        if (id is not null)
        {
            Assert.Contains(said, run.Findings[0].GetProperty("said").GetString(), StringComparison.Ordinal);
            Assert.Contains(change, run.Findings[0].GetProperty("change").GetString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void What_has_not_left_the_machine_may_be_unfinished()
    {
        using var near = Netns.Create("ovsum");
        using var far = Netns.Create("ovsum");
        Netns.Connect(near, "u0", "198.51.100.1/24", far, "u1", "198.51.100.2/24");
        AddTunnel(near, "u0", "198.51.100.1", "198.51.100.2", 1);
        AddTunnel(far, "u1", "198.51.100.2", "198.51.100.1", 2);
        Assert.Equal(0, Ping.Run(near, "10.9.0.2", 1, "-W", "5").Lost);
        DoctorRun run = Look(near, far, "--to", "198.51.100.1");
        Assert.True((run.ExitCode, run.Verdict) == (2, "undecided"), run.Text);
        Assert.Contains("this very machine", Assert.Single(run.Undecided), StringComparison.Ordinal);
        Assert.True(run.Details.GetProperty("unfinished").GetInt64() > 0, run.Text);
    }

    [Fact]
    public void Nothing_to_look_at_is_undecided()
    {
        using RelayLab lab = new();
        DoctorRun run = DoctorRun.Of(lab.Far, "checksum", "--to", RelayLab.NearIPv4, "--seconds", "0.5");
        Assert.True((run.ExitCode, run.Verdict) == (2, "undecided"), run.Text);
        Assert.Contains("no packet of a tunnel came from 198.51.100.1", Assert.Single(run.Undecided), StringComparison.Ordinal);
        CommandResult wrong = lab.Far.TryExec(TimeSpan.FromSeconds(20), OverlayDaemon.Program, "doctor", "checksum", "--to", RelayLab.NearIPv4, "--link", "nosuch0");
        Assert.Equal(2, wrong.ExitCode);
        Assert.Contains("nosuch0", wrong.Error, StringComparison.Ordinal);
    }

    private static void AddTunnel(Netns netns, string device, string local, string remote, int host)
    {
        netns.Ip("link", "add", "vx1", "type", "vxlan", "id", "1", "local", local, "remote", remote, "dev", device, "dstport", "4789", "udpcsum");
        netns.Configure("vx1", $"10.9.0.{host}/24");
    }

    // Datagrams go through the tunnel for as long as the doctor looks.
    private static DoctorRun Look(Netns near, Netns far, params string[] arguments)
    {
        using Process doctor = far.Start(OverlayDaemon.Program, ["doctor", "checksum", .. arguments, "--json", "--seconds", "20", "--count", "60"]);
        using Socket socket = near.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        socket.Bind(new IPEndPoint(IPAddress.Parse("10.9.0.1"), 0));
        Task<string> output = doctor.StandardOutput.ReadToEndAsync(), error = doctor.StandardError.ReadToEndAsync();
        while (!doctor.WaitForExit(TimeSpan.FromMilliseconds(5)))
        {
            socket.SendTo(new byte[100], new IPEndPoint(IPAddress.Parse("10.9.0.2"), Port));
        }

        doctor.WaitForExit();
        return DoctorRun.Read(new CommandResult(doctor.ExitCode, output.GetAwaiter().GetResult(), error.GetAwaiter().GetResult()));
    }
}
