using Overlay.Daemon.Configuration;

namespace Overlay.Daemon.Commands;

/// <summary><c>overlayd check</c>: says what is wrong with a configuration, else what it would do.</summary>
internal static class CheckCommand
{
    /// <summary>Reads a configuration and prints a line for each mistake.</summary>
    /// <returns>null if there is any.</returns>
    public static DaemonConfig? Load(string file, TextWriter error)
    {
        var errors = new ConfigErrors();
        DaemonConfig? config = ConfigFile.Load(file, errors);
        foreach (ConfigError mistake in errors.InOrder())
        {
            error.WriteLine(mistake.Format(file));
        }

        return config;
    }

    /// <summary>Runs the command.</summary>
    public static int Run(string file, TextWriter output, TextWriter error)
    {
        if (Load(file, error) is not DaemonConfig config)
        {
            return ExitCode.BadConfiguration;
        }

        foreach (TunnelConfig tunnel in config.Tunnels)
        {
            output.WriteLine(Describe(tunnel));
            if (tunnel.Endpoint.Transport == Transport.TunnelGso)
            {
                output.WriteLine(
                    $"{tunnel.Name}: warning: with transport tunnelGso outer packets pass by routing rules for marks and ports, netfilter and IPsec: " +
                    $"they go straight to the interface that the route to the remote names; \"{tunnel.Endpoint.SocketTransport}\" is right where those must see them");
            }
        }

        output.WriteLine($"{file}: ok");
        return ExitCode.Done;
    }

    private static string Describe(TunnelConfig tunnel)
    {
        string identity = tunnel.Facts.HasVni ? $"{tunnel.Facts} vni {tunnel.Vni}" : tunnel.Facts.Name;
        identity += tunnel.Gre.Key is uint key ? $" key {key}" : "";
        identity += tunnel.GroupPolicyId is ushort group ? $" group {group}" : "";
        identity += tunnel.GeneveOptions.Length > 0 ? $" with {tunnel.GeneveOptions.Length} bytes of options" : "";
        string link = tunnel.Endpoint.Link is string name ? $" on link {name}" : "";
        string mtu = tunnel.Device.Mtu is int bytes
            ? $"mtu {bytes} (outer packets up to {bytes + tunnel.Overhead} bytes)"
            : $"mtu auto (link MTU towards the remotes - {tunnel.Overhead})";
        return $"{tunnel.Name}: {identity}, local {tunnel.Endpoint}{link}, device {tunnel.Device.Type} {tunnel.Device.Name}, {mtu}";
    }
}
