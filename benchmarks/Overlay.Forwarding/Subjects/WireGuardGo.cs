using System.Globalization;
using Overlay.Testing;

namespace Overlay.Forwarding.Subjects;

/// <summary>
/// wireguard-go: a tunnel in user space that encrypts, and since its version of 2023 with superpackets and UDP segmentation. The program is
/// $OVERLAY_WIREGUARD_GO, else the one on the PATH.
/// </summary>
internal sealed class WireGuardGo : ISubject
{
    private const string Variable = "OVERLAY_WIREGUARD_GO";
    private const int Port = 51820;

    // The cable's 1500 less the 80 bytes that its documentation leaves for the outer headers of both families.
    private const int Mtu = 1420;

    private static readonly TimeSpan ReadyBound = TimeSpan.FromSeconds(5);

    // Two hosts, two private keys; nothing is secret here.
    private readonly string[] _keys = new string[2];

    /// <inheritdoc/>
    public string Name => "wireguard-go";

    /// <inheritdoc/>
    public string Describe() => $"wireguard-go {Version()}, MTU {Text(Mtu)}; it encrypts, the others do not";

    /// <inheritdoc/>
    public ITunnelEnd SetUp(Host here, Host there)
    {
        string program = FindProgram();
        string tool = ProgramPath.Of("wg", "Debian package wireguard-tools");
        // Its control socket bears the name of the device and lies in one directory for all namespaces, so the name is first another on every host.
        string device = "wg" + here.Netns.Name[(here.Netns.Name.IndexOf('-', StringComparison.Ordinal) + 1)..];
        var process = ForwarderProcess.Start(Name, here.Netns, "env", "LOG_LEVEL=error", "WG_PROCESS_FOREGROUND=1", program, "-f", device);
        string directory = Directory.CreateTempSubdirectory("ovfwd-wg-").FullName;
        ProcessEnd end = new([process], directory);
        try
        {
            process.WaitForDevice(here.Netns, device, ReadyBound);
            process.WaitFor("control socket", () => File.Exists($"/var/run/wireguard/{device}.sock"), ReadyBound);
            string own = Write(directory, "own.key", KeyOf(tool, here));
            string publicKey = Command.Run("sh", "-c", "\"$0\" pubkey < \"$1\"", tool, Write(directory, "peer.key", KeyOf(tool, there))).Output.Trim();
            here.Netns.Exec(
                "env", tool, "set", device, "private-key", own, "listen-port", Text(Port), "peer", publicKey, "allowed-ips", "0.0.0.0/0",
                "endpoint", $"{there.Underlay}:{Text(Port)}");
            here.Netns.Ip("link", "set", device, "name", Host.OverlayDevice, "mtu", Text(Mtu));
            here.Netns.Configure(Host.OverlayDevice, here.InnerPrefix);
            return end;
        }
        catch
        {
            end.Dispose();
            throw;
        }
    }

    private static string FindProgram() => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } configured
        ? File.Exists(configured) ? configured : throw new UnavailableException($"{Variable} is {configured}, which does not exist")
        : ProgramPath.Of("wireguard-go", $"Debian package wireguard-go, or set {Variable}");

    private static string Version()
    {
        CommandResult result = Command.TryRun(Command.DefaultTimeout, FindProgram(), "--version");
        return result.Output.Split('\n')[0].Split(' ')[^1].Trim();
    }

    private static string Write(string directory, string name, string key)
    {
        string path = Path.Combine(directory, name);
        File.WriteAllText(path, key + "\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return path;
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    private string KeyOf(string tool, Host host) => _keys[host.Number - 1] ??= Command.Run(tool, "genkey").Output.Trim();
}
