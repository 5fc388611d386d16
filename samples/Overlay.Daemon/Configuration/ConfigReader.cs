using System.Text;

namespace Overlay.Daemon.Configuration;

/// <summary>The top level of a configuration.</summary>
internal static class ConfigReader
{
    // sun_path has 108 bytes; the last is the terminating zero.
    private const int MaxSocketPath = 107;
    private const int MaxWorkers = 256;
    // CONFIG_NR_CPUS of the largest kernels.
    private const int MaxCpu = 8191;
    private const int MaxSpinMicroseconds = 1_000_000;

    /// <summary>Parses and checks a whole file.</summary>
    /// <returns>The configuration; null if there is any mistake.</returns>
    public static DaemonConfig? Read(ReadOnlySpan<byte> utf8, ConfigErrors errors)
    {
        ConfigNode? root = ConfigText.Parse(utf8, errors);
        if (ObjectReader.Open(root, "the top level", errors) is not ObjectReader top)
        {
            return null;
        }

        var values = new ValueReader(errors);
        string? socket = ReadControl(top.Take("control"), values, errors);
        List<TunnelConfig> tunnels = ReadTunnels(top.Require("tunnels", "a list of at least one tunnel"), values, errors);
        WorkersConfig workers = ReadWorkers(top.Take("workers"), values, errors);
        top.Finish();
        return errors.Count > 0
            ? null
            : new DaemonConfig { ControlSocket = socket ?? DaemonConfig.DefaultControlSocket, Workers = workers, Tunnels = tunnels };
    }

    private static string? ReadControl(ConfigNode? node, ValueReader values, ConfigErrors errors)
    {
        if (ObjectReader.Open(node, "control", errors) is not ObjectReader control)
        {
            return null;
        }

        const string Right = "an absolute path of at most 107 bytes";
        ConfigNode? socket = control.Take("socket");
        string? path = values.Text(socket, "control.socket", Right);
        if (path is not null && (!path.StartsWith('/') || path.EndsWith('/') || path.Contains('\0', StringComparison.Ordinal) ||
                                 Encoding.UTF8.GetByteCount(path) > MaxSocketPath))
        {
            values.Wrong(socket!, "control.socket", Right);
        }

        control.Finish();
        return path;
    }

    private static WorkersConfig ReadWorkers(ConfigNode? node, ValueReader values, ConfigErrors errors)
    {
        if (ObjectReader.Open(node, "workers", errors) is not ObjectReader workers)
        {
            return new WorkersConfig();
        }

        ConfigNode? countNode = workers.Take("count");
        int? count = values.Integer(countNode, "workers.count", 1, MaxWorkers);
        ConfigNode? cpusNode = workers.Take("cpus");
        List<int> cpus = [];
        foreach (ConfigNode item in values.List(cpusNode, "workers.cpus"))
        {
            if (values.Integer(item, "a CPU of workers.cpus", 0, MaxCpu) is not int cpu)
            {
                continue;
            }

            if (cpus.Contains(cpu))
            {
                errors.Add(item.Line, $"CPU {cpu} stands twice in workers.cpus; one worker for each CPU is right");
            }

            cpus.Add(cpu);
        }

        if (cpus.Count > MaxWorkers)
        {
            errors.Add(cpusNode!.Line, $"workers.cpus has {cpus.Count} CPUs; at most {MaxWorkers} is right");
        }
        else if (count is int wanted && cpus.Count > 0 && cpus.Count != wanted)
        {
            errors.Add(cpusNode!.Line, $"workers.cpus has {cpus.Count} CPUs and workers.count is {wanted}; one CPU for each worker is right");
        }

        int? spin = values.Integer(workers.Take("spinMicroseconds"), "workers.spinMicroseconds", 0, MaxSpinMicroseconds);
        bool warmUp = values.Flag(workers.Take("warmUp"), "workers.warmUp") ?? true;
        workers.Finish();
        return new WorkersConfig
        {
            Count = count ?? Math.Max(1, cpus.Count),
            Cpus = cpus,
            SpinMicroseconds = spin ?? WorkersConfig.DefaultSpinMicroseconds,
            WarmUp = warmUp,
        };
    }

    private static List<TunnelConfig> ReadTunnels(ConfigNode? node, ValueReader values, ConfigErrors errors)
    {
        IReadOnlyList<ConfigNode> items = values.List(node, "tunnels");
        if (node is { Kind: ConfigNodeKind.Array } && items.Count == 0)
        {
            errors.Add(node.Line, "tunnels is an empty list; at least one tunnel is right");
        }

        TunnelConflicts.CheckNames(items, errors);
        List<TunnelConfig> tunnels = [];
        List<ConfigNode> nodes = [];
        foreach (ConfigNode item in items)
        {
            if (TunnelReader.Read(item, values, errors) is TunnelConfig tunnel)
            {
                tunnels.Add(tunnel);
                nodes.Add(item);
            }
        }

        TunnelConflicts.CheckEndpoints(tunnels, nodes, errors);
        return tunnels;
    }
}
