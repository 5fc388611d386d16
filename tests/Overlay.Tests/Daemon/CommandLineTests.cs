using System.Text.Json;
using Overlay.Daemon.Control;
using Overlay.Daemon.Status;
using Xunit;

namespace Overlay.Tests.Daemon;

/// <summary>The built program: exit codes and what goes to which stream.</summary>
public sealed class CommandLineTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Check_says_what_it_would_do()
    {
        string file = Write(ConfigTests.Example);
        ProcessResult result = await ProcessResult.OverlaydAsync("check", "--config", file);
        Assert.Equal(
            $"""
            vx42: vxlan vni 42, local 192.0.2.1:4789, device tap vx42, mtu auto (link MTU towards the remotes - 50)
            l3: vxlan vni 1, local 192.0.2.1:8472, device tun l3, mtu auto (link MTU towards the remotes - 50)
            ipip0: ipip, local 192.0.2.1, device tun ipip0, mtu auto (link MTU towards the remotes - 20)
            {file}: ok

            """,
            result.Output);
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
    }

    [Fact]
    public async Task Check_names_link_mtu_and_IPv6_endpoint()
    {
        string file = Write("""
            { "tunnels": [ { "name": "v6", "kind": "vxlan", "vni": 0, "local": "2001:db8::1", "link": "eth1", "device": { "type": "tap", "mtu": 1400 } } ] }
            """);
        ProcessResult result = await ProcessResult.OverlaydAsync("check", "--config", file);
        Assert.Equal(
            $"v6: vxlan vni 0, local [2001:db8::1]:4789 on link eth1, device tap v6, mtu 1400 (outer packets up to 1470 bytes)\n{file}: ok\n", result.Output);
        Assert.Equal(0, result.ExitCode);
    }

    [Theory]
    [InlineData("check")]
    [InlineData("run")]
    public async Task A_bad_configuration_is_exit_1_with_every_line(string command)
    {
        string file = Write("{ \"tunnels\": [ { \"name\": \"a\", \"kind\": \"vxlan\",\n\"vni\": -1,\n\"local\": \"192.0.2.1\", \"device\": { \"type\": \"tap\" },\n\"flood\": [ \"192.0.2.1\" ] } ] }");
        ProcessResult result = await ProcessResult.OverlaydAsync(command, "--config", file);
        Assert.Equal(
            $"""
            {file}:2: vni is -1; a whole number from 0 to 16777215 is right
            {file}:4: a remote of flood is "192.0.2.1", the tunnel's own local; the address of another host is right

            """,
            result.Error);
        Assert.Equal((1, ""), (result.ExitCode, result.Output));
    }

    [Fact]
    public async Task A_missing_file_and_a_directory_are_exit_1()
    {
        ProcessResult missing = await ProcessResult.OverlaydAsync("check", "--config", _directory["none.json"]);
        Assert.Equal((1, $"{_directory["none.json"]}: there is no such file; the path of a configuration file is right\n"), (missing.ExitCode, missing.Error));
        ProcessResult directory = await ProcessResult.OverlaydAsync("check", "--config", _directory.Path);
        Assert.Equal(1, directory.ExitCode);
        Assert.StartsWith($"{_directory.Path}: cannot be read: ", directory.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Required command was not provided.")]
    [InlineData("Unrecognized command or argument 'frobnicate'.", "frobnicate")]
    [InlineData("Option '--config' is required.", "run")]
    [InlineData("Option '--config' is required.", "check")]
    [InlineData("Required argument missing for option: '--config'.", "check", "--config")]
    [InlineData("Unrecognized command or argument '--verbose'.", "status", "--verbose")]
    [InlineData("Unrecognized command or argument '@nowhere'.", "status", "@nowhere")]
    [InlineData("Required command was not provided.", "show")]
    [InlineData("Unrecognized command or argument 'tables'.", "show", "tables")]
    [InlineData("Unrecognized command or argument '--mac'.", "show", "flood", "--mac", "02:00:00:00:00:01")]
    [InlineData("Option '--tunnel' is required.", "fdb", "add", "--mac", "02:00:00:00:00:01", "--remote", "192.0.2.2")]
    [InlineData("Option '--remote' is required.", "fdb", "add", "--tunnel", "a", "--mac", "02:00:00:00:00:01")]
    [InlineData("--port is \"4789x\"; a whole number is right", "fdb", "add", "--tunnel", "a", "--mac", "m", "--remote", "r", "--port", "4789x")]
    public async Task A_bad_command_line_is_exit_2(string message, params string[] arguments)
    {
        ProcessResult result = await ProcessResult.OverlaydAsync(arguments);
        Assert.Contains($"overlayd: {message}\n", result.Error, StringComparison.Ordinal);
        Assert.EndsWith("overlayd: 'overlayd --help' shows the commands\n", result.Error, StringComparison.Ordinal);
        Assert.Equal((2, ""), (result.ExitCode, result.Output));
    }

    [Fact]
    public async Task Help_and_version_are_exit_0()
    {
        ProcessResult help = await ProcessResult.OverlaydAsync("--help");
        Assert.Equal(0, help.ExitCode);
        Assert.All(["run", "check", "status"], command => Assert.Contains(command, help.Output, StringComparison.Ordinal));
        ProcessResult version = await ProcessResult.OverlaydAsync("--version");
        Assert.Equal(0, version.ExitCode);
        Assert.Matches(@"^[0-9]+\.[0-9]+\.[0-9]+", version.Output);
    }

    [Fact]
    public async Task Status_without_a_daemon_is_exit_3()
    {
        ProcessResult result = await ProcessResult.OverlaydAsync("status", "--socket", _directory["none.sock"]);
        Assert.Equal((3, "", $"overlayd: no overlayd answers on {_directory["none.sock"]}: there is no such socket\n"), (result.ExitCode, result.Output, result.Error));
    }

    [Fact]
    public async Task Tables_are_shown_and_changed_with_the_exit_codes_of_the_house()
    {
        await using TableLab lab = new();
        string[] to = ["--socket", lab.Socket];
        ProcessResult added = await ProcessResult.OverlaydAsync(["fdb", "add", "--tunnel", "tap", "--mac", "02:00:00:00:00:05", "--remote", "192.0.2.3", .. to]);
        Assert.Equal((0, "tap: 02:00:00:00:00:05 goes to 192.0.2.3 (external)\n", ""), (added.ExitCode, added.Output, added.Error));
        ProcessResult shown = await ProcessResult.OverlaydAsync(["show", "fdb", "--mac", "02:00:00:00:00:05", "--remote", "192.0.2.3", "--vni", "42", "--tunnel", "tap", "--limit", "1", .. to]);
        Assert.Equal((0, "TUNNEL  VNI  MAC                REMOTE     PORT  ORIGIN    IDLE\ntap      42  02:00:00:00:00:05  192.0.2.3  4789  external     -\n", ""), (shown.ExitCode, shown.Output, shown.Error));
        ProcessResult other = await ProcessResult.OverlaydAsync(["fdb", "add", "--tunnel", "tap", "--mac", "02:00:00:00:00:05", "--remote", "192.0.2.3", "--port", "99", "--remote-vni", "7", .. to]);
        Assert.Equal((0, "tap: 02:00:00:00:00:05 goes to 192.0.2.3 port 99 vni 7 (external); before: 192.0.2.3 (external)\n", ""), (other.ExitCode, other.Output, other.Error));
        string[] add = ["route", "add", "--tunnel", "tun", "--prefix", "10.2.0.0/16"];
        ProcessResult route = await ProcessResult.OverlaydAsync([.. add, "--remote", "192.0.2.3", "--mac", "02:00:00:00:00:13", .. to]);
        Assert.Equal((0, "tun: 10.2.0.0/16 goes to 192.0.2.3\n", ""), (route.ExitCode, route.Output, route.Error));
        ProcessResult several = await ProcessResult.OverlaydAsync(
            [.. add, "--remote", "192.0.2.3,mac=02:00:00:00:00:13,weight=2", "--remote", "192.0.2.4,mac=02:00:00:00:00:14", .. to]);
        Assert.Equal((0, "tun: 10.2.0.0/16 goes to 192.0.2.3 weight 2, 192.0.2.4 weight 1; before: 192.0.2.3\n", ""), (several.ExitCode, several.Output, several.Error));
        ProcessResult wrong = await ProcessResult.OverlaydAsync([.. add, "--remote", "192.0.2.3,wait=2", .. to]);
        Assert.Equal(
            (2, "", "overlayd: --remote is \"192.0.2.3,wait=2\"; ADDRESS[,weight=N][,mac=MAC] is right\noverlayd: 'overlayd --help' shows the commands\n"),
            (wrong.ExitCode, wrong.Output, wrong.Error));
        ProcessResult refused = await ProcessResult.OverlaydAsync(["flood", "del", "--tunnel", "tap", "--remote", "192.0.2.9", .. to]);
        Assert.Equal(
            (1, "", $"overlayd: the overlayd on {lab.Socket} says: tunnel tap does not flood to 192.0.2.9; 'overlayd show flood' lists whom it floods to\n"),
            (refused.ExitCode, refused.Output, refused.Error));
        ProcessResult absent = await ProcessResult.OverlaydAsync("show", "vnis", "--socket", _directory["none.sock"]);
        Assert.Equal((3, "", $"overlayd: no overlayd answers on {_directory["none.sock"]}: there is no such socket\n"), (absent.ExitCode, absent.Output, absent.Error));
        ProcessResult list = await ProcessResult.OverlaydAsync(["fdb", "replace", "--tunnel", "tap", "--file", _directory["none.json"], .. to]);
        Assert.Equal((1, "", $"{_directory["none.json"]}: there is no such file; the path of a list of fdb entries is right\n"), (list.ExitCode, list.Output, list.Error));
    }

    [Fact]
    public async Task A_daemon_of_an_older_version_is_exit_3()
    {
        using JsonDocument status = JsonDocument.Parse("{}");
        await using ControlServer server = ControlServer.Start(
            _directory["s.sock"], TestHandlers.Answering(_ => ControlResponse.Success(status.RootElement), "status"), line => Assert.Fail(line));
        ProcessResult result = await ProcessResult.OverlaydAsync("show", "fdb", "--socket", _directory["s.sock"]);
        Assert.Equal(
            (3, "", $"overlayd: the overlayd on {_directory["s.sock"]} says: unknown command \"show-fdb\"; this overlayd now knows \"status\"\n"),
            (result.ExitCode, result.Output, result.Error));
    }

    [Fact]
    public async Task Status_of_a_daemon_comes_as_a_table_and_as_JSON()
    {
        var status = new DaemonStatus { Ready = true, Drops = DropCounts.From([0, 2]) };
        JsonElement element = JsonSerializer.SerializeToElement(status, ControlJson.Default.DaemonStatus);
        await using ControlServer server = ControlServer.Start(
            _directory["s.sock"], TestHandlers.Answering(_ => ControlResponse.Success(element), "status"), line => Assert.Fail(line));

        ProcessResult table = await ProcessResult.OverlaydAsync("status", "--socket", _directory["s.sock"]);
        Assert.Equal((0, "ready, 0 tunnels\n\nDROPPED BY   DIRECTION  REASON     PACKETS\n(no tunnel)  -          truncated        2\n", ""), (table.ExitCode, table.Output, table.Error));

        ProcessResult json = await ProcessResult.OverlaydAsync("status", "--json", "--socket", _directory["s.sock"]);
        Assert.Equal((0, "{\n  \"ready\": true,\n  \"drops\": {\n    \"truncated\": 2\n  },\n  \"tunnels\": []\n}\n", ""), (json.ExitCode, json.Output, json.Error));
    }

    [Fact]
    public async Task A_status_of_another_shape_is_named()
    {
        using JsonDocument other = JsonDocument.Parse("""{ "ready": "perhaps" }""");
        await using ControlServer server = ControlServer.Start(
            _directory["s.sock"], TestHandlers.Answering(_ => ControlResponse.Success(other.RootElement), "status"), line => Assert.Fail(line));
        ProcessResult result = await ProcessResult.OverlaydAsync("status", "--socket", _directory["s.sock"]);
        Assert.StartsWith($"overlayd: the overlayd on {_directory["s.sock"]} sent a status of another shape, perhaps of another version: ", result.Error, StringComparison.Ordinal);
        Assert.Equal((3, ""), (result.ExitCode, result.Output));
    }

    private string Write(string text)
    {
        string file = _directory["overlayd.json"];
        File.WriteAllText(file, text);
        return file;
    }
}
