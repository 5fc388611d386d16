namespace Overlay.Daemon.Configuration;

/// <summary>What two tunnels may not have in common, and what they must. Every message names both lines.</summary>
internal static class TunnelConflicts
{
    /// <summary>Duplicate tunnel and device names.</summary>
    public static void CheckNames(IReadOnlyList<ConfigNode> tunnels, ConfigErrors errors)
    {
        Dictionary<string, int> names = [];
        Dictionary<string, int> devices = [];
        foreach (ConfigNode tunnel in tunnels)
        {
            ConfigNode? name = tunnel["name"];
            Check(name, "tunnel name", names, errors);
            Check(tunnel["device"]?["name"] ?? name, "device name", devices, errors);
        }
    }

    /// <summary>Tunnels that cannot be told apart on the wire, and tunnels that want different things of one socket.</summary>
    /// <param name="tunnels">Those without a mistake of their own.</param>
    /// <param name="nodes">Where each stands.</param>
    /// <param name="errors">Takes the mistakes.</param>
    public static void CheckEndpoints(IReadOnlyList<TunnelConfig> tunnels, IReadOnlyList<ConfigNode> nodes, ConfigErrors errors)
    {
        Dictionary<(TunnelKind, ValueIPAddress, ushort), int> endpoints = [];
        Dictionary<(TunnelKind, ValueIPAddress, ushort, Vni, uint?), int> owners = [];
        Dictionary<(ValueIPAddress, ushort), int> ports = [];
        for (int i = 0; i < tunnels.Count; i++)
        {
            EndpointConfig endpoint = tunnels[i].Endpoint;
            if (endpoint.Facts.IsOverUdp && !ports.TryAdd((endpoint.Local, endpoint.Port), i))
            {
                int other = ports[(endpoint.Local, endpoint.Port)];
                if (tunnels[other].Kind != endpoint.Kind)
                {
                    errors.Add((nodes[i]["port"] ?? nodes[i]).Line,
                        $"{endpoint} would speak {endpoint.Facts} here and {tunnels[other].Facts} in tunnel {ConfigNode.Quote(tunnels[other].Name)} " +
                        $"on line {(nodes[other]["port"] ?? nodes[other]).Line}; another port or local is right");
                    continue;
                }
            }

            var identity = (endpoint.Kind, endpoint.Local, endpoint.Port, tunnels[i].Vni, tunnels[i].Gre.Key);
            if (!owners.TryAdd(identity, i) && FindRival(tunnels, i) is int owner)
            {
                (string key, string taken, string right) = endpoint.Facts.HasVni
                    ? ("vni", $"vni {tunnels[i].Vni} on {endpoint}", "another vni, port or local")
                    : endpoint.Facts.IsGre
                    ? ("key", $"{endpoint.Facts} {(tunnels[i].Gre.Key is uint greKey ? $"key {greKey}" : "without a key")} on {endpoint}", "another key, another local or other remotes, all known,")
                    : ("local", $"{endpoint.Facts} on {endpoint}", $"one {endpoint.Facts} tunnel for each local{(endpoint.Facts.IsOverUdp ? " and port" : "")}");
                errors.Add((nodes[i][key] ?? nodes[i]).Line,
                    $"{taken} belongs to tunnel {ConfigNode.Quote(tunnels[owner].Name)} on line {(nodes[owner][key] ?? nodes[owner]).Line}; {right} is right");
            }
            else if (!endpoints.TryAdd((endpoint.Kind, endpoint.Local, endpoint.Port), i))
            {
                int first = endpoints[(endpoint.Kind, endpoint.Local, endpoint.Port)];
                Compare(tunnels[first], nodes[first], tunnels[i], nodes[i], errors);
            }
        }
    }

    // The tunnel before this one that would take its packets. GRE tunnels with one key are told apart by remotes, if those are known.
    private static int? FindRival(IReadOnlyList<TunnelConfig> tunnels, int index)
    {
        TunnelConfig tunnel = tunnels[index];
        for (int i = 0; i < index; i++)
        {
            TunnelConfig other = tunnels[i];
            if (other.Endpoint.Kind == tunnel.Kind && other.Local == tunnel.Local && other.Endpoint.Port == tunnel.Endpoint.Port && other.Vni == tunnel.Vni &&
                other.Gre.Key == tunnel.Gre.Key && !(tunnel.Facts.IsGre && AreApart(tunnel, other)))
            {
                return i;
            }
        }

        return null;
    }

    private static bool AreApart(TunnelConfig one, TunnelConfig other) =>
        one.Policy.AdmitsKnownOnly && other.Policy.AdmitsKnownOnly && one.Remotes.Any() && other.Remotes.Any() && !one.Remotes.Intersect(other.Remotes).Any();

    private static void Check(ConfigNode? node, string what, Dictionary<string, int> seen, ConfigErrors errors)
    {
        if (node is { Kind: ConfigNodeKind.String } && !seen.TryAdd(node.Text, node.Line))
        {
            errors.Add(node.Line, $"{what} {node.Describe()} is taken on line {seen[node.Text]}; another one is right");
        }
    }

    private static void Compare(TunnelConfig first, ConfigNode firstNode, TunnelConfig second, ConfigNode secondNode, ConfigErrors errors)
    {
        EndpointConfig a = first.Endpoint;
        EndpointConfig b = second.Endpoint;
        Differ(Describe(a.Link), Describe(b.Link), null, "link");
        Differ(Transport(a), Transport(b), null, "transport");
        Differ(a.OuterChecksum ? "\"on\"" : "\"off\"", b.OuterChecksum ? "\"on\"" : "\"off\"", "policy", "outerChecksum");
        Differ(a.ZeroChecksumIPv6 ? "\"accept\"" : "\"reject\"", b.ZeroChecksumIPv6 ? "\"accept\"" : "\"reject\"", "policy", "zeroChecksumIpv6");
        Differ(Ports(a), Ports(b), "policy", "sourcePorts");
        Differ($"{a.SourcePortCount}", $"{b.SourcePortCount}", "policy", "sourcePortCount");
        Differ(a.Gro ? "true" : "false", b.Gro ? "true" : "false", "offload", "gro");
        Differ(a.Gso ? "true" : "false", b.Gso ? "true" : "false", "offload", "gso");
        Differ(a.TunnelGso ? "true" : "false", b.TunnelGso ? "true" : "false", "offload", "tunnelGso");

        void Differ(string left, string right, string? group, string key)
        {
            if (left != right)
            {
                string name = group is null ? key : $"{group}.{key}";
                errors.Add(Line(secondNode, group, key),
                    $"{name} is {right} here and {left} in tunnel {ConfigNode.Quote(first.Name)} on line {Line(firstNode, group, key)}, " +
                    $"but both share the sockets of {a}; the same in both is right");
            }
        }
    }

    private static string Describe(string? link) => link is null ? "absent" : ConfigNode.Quote(link);

    private static string Transport(EndpointConfig endpoint) =>
        endpoint.Transport == Configuration.Transport.TunnelGso ? "\"tunnelGso\"" : $"\"{endpoint.SocketTransport}\"";

    private static string Ports(EndpointConfig endpoint) => $"\"{endpoint.SourcePortMinimum}-{endpoint.SourcePortMaximum}\"";

    // A default stands nowhere: the tunnel's own line has to do.
    private static int Line(ConfigNode tunnel, string? group, string key) => ((group is null ? tunnel : tunnel[group])?[key] ?? tunnel).Line;
}
