using System.Globalization;
using Overlay.Testing;

namespace Overlay.Forwarding.Subjects;

/// <summary>
/// The vxlan port of Open vSwitch with its datapath in user space (<c>datapath_type=netdev</c>): its own database, daemon and directory in each
/// namespace.
/// </summary>
internal sealed class OpenVSwitch : ISubject
{
    private const string Advice = "Debian package openvswitch-switch";
    private const string UnderlayBridge = "brphy";
    private const string SchemaDirectoryVariable = "OVS_PKGDATADIR";
    private const string DefaultSchemaDirectory = "/usr/share/openvswitch";

    private static readonly TimeSpan ReadyBound = TimeSpan.FromSeconds(10);

    /// <inheritdoc/>
    public string Name => "openvswitch";

    /// <inheritdoc/>
    public string Describe() =>
        $"{Command.TryRun(Command.DefaultTimeout, ProgramPath.Of("ovs-vswitchd", Advice), "--version").Output.Split('\n')[0].Trim()}, vxlan port, netdev datapath";

    /// <inheritdoc/>
    public ITunnelEnd SetUp(Host here, Host there)
    {
        string databaseTool = ProgramPath.Of("ovsdb-tool", Advice);
        string databaseServer = ProgramPath.Of("ovsdb-server", Advice);
        string switchDaemon = ProgramPath.Of("ovs-vswitchd", Advice);
        string control = ProgramPath.Of("ovs-vsctl", Advice);
        string schema = Path.Combine(Environment.GetEnvironmentVariable(SchemaDirectoryVariable) ?? DefaultSchemaDirectory, "vswitch.ovsschema");
        string directory = Directory.CreateTempSubdirectory("ovfwd-ovs-").FullName;
        string[] privately = ["env", .. ((string[])["RUN", "LOG", "DB", "SYSCONF"]).Select(kind => $"OVS_{kind}DIR={directory}")];
        string socket = Path.Combine(directory, "db.sock");
        List<ForwarderProcess> processes = [];
        try
        {
            string database = Path.Combine(directory, "conf.db");
            Command.Run(databaseTool, "create", database, schema);
            processes.Add(ForwarderProcess.Start(
                "ovsdb-server", here.Netns, [.. privately, databaseServer, database, $"--remote=punix:{socket}", $"--unixctl={directory}/db.ctl", "-vconsole:warn"]));
            processes[0].WaitFor("socket", () => File.Exists(socket), ReadyBound);
            Set("--no-wait", "init");
            processes.Add(ForwarderProcess.Start(
                "ovs-vswitchd", here.Netns, [.. privately, switchDaemon, $"unix:{socket}", $"--unixctl={directory}/switch.ctl", "-vconsole:warn"]));
            MakeBridges(here, there, Set);
            return new ProcessEnd(processes, directory);
        }
        catch
        {
            new ProcessEnd(processes, directory).Dispose();
            throw;
        }

        void Set(params string[] arguments) => here.Netns.Exec("env", [control, $"--db=unix:{socket}", "--timeout=10", .. arguments]);
    }

    // Packets of its tunnels leave by a bridge of its own that has the outer address, and the cable as a port.
    private static void MakeBridges(Host here, Host there, Action<string[]> set)
    {
        string mac = here.Netns.Exec("cat", $"/sys/class/net/{Host.UnderlayDevice}/address").Output.Trim();
        set(["add-br", UnderlayBridge, "--", "set", "bridge", UnderlayBridge, "datapath_type=netdev", $"other-config:hwaddr={mac}",
            "--", "add-port", UnderlayBridge, Host.UnderlayDevice]);
        here.Netns.Ip("address", "flush", "dev", Host.UnderlayDevice);
        here.Netns.Configure(UnderlayBridge, here.UnderlayPrefix);
        set(["add-br", Host.OverlayDevice, "--", "set", "bridge", Host.OverlayDevice, "datapath_type=netdev", $"other-config:hwaddr={here.Mac}",
            "--", "set", "interface", Host.OverlayDevice, $"mtu_request={Text(Host.OverlayMtu)}",
            "--", "add-port", Host.OverlayDevice, "vx0", "--", "set", "interface", "vx0", "type=vxlan", $"options:local_ip={here.Underlay}",
            $"options:remote_ip={there.Underlay}", $"options:key={Text(Host.Vni)}", $"options:dst_port={Text(Host.Port)}"]);
        here.Netns.Configure(Host.OverlayDevice, here.InnerPrefix);
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
