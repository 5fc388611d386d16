using Overlay.DataPath;

namespace Overlay.Daemon.Configuration;

/// <summary>One tunnel.</summary>
internal static class TunnelReader
{
    private const int MaxNameLength = 64;

    /// <summary>Reads and checks a tunnel by itself; what it may not share with others is <see cref="TunnelConflicts"/>' business.</summary>
    /// <returns>The tunnel; null if it holds any mistake.</returns>
    public static TunnelConfig? Read(ConfigNode node, ValueReader values, ConfigErrors errors)
    {
        int errorsBefore = errors.Count;
        if (ObjectReader.Open(node, "a tunnel", errors) is not ObjectReader tunnel)
        {
            return null;
        }

        string? name = ReadName(tunnel, values);
        TunnelFacts? kind = ReadKind(tunnel, values, errors);
        DeviceConfig? device = DeviceReader.Read(tunnel.Require("device", "an object with at least a \"type\""), kind, node["name"], values, errors);
        string? link = ReadLink(tunnel.Take("link"), values);
        ValueIPAddress? local = UnderlayReader.Local(tunnel.Require("local", "the underlay address of this end"), link is not null, values);
        (int vni, int port) = ReadIdentity(tunnel, kind, values);
        GreOptions gre = GreReader.Read(tunnel, kind, values);
        ushort? group = ReadGroup(tunnel, kind, values);
        ReadOnlyMemory<byte> options = ReadOptions(tunnel, kind, values, errors);
        OffloadConfig offload = ReadOffload(tunnel.Take("offload"), values, errors);
        Transport transport = ReadTransport(tunnel, kind, group is not null, values, errors);

        var underlay = new UnderlayReader(local, link is not null, values, errors);
        var forwarding = new ForwardingReader(tunnel, kind, device?.Layer, underlay, values, errors);
        TunnelConfig draft = forwarding.Read();
        (TunnelPolicy policy, EndpointConfig sockets) = PolicyReader.Read(
            tunnel.Take("policy"), kind, device?.Layer, transport, underlay, draft.Remotes, values, errors);
        PathMtuConfig pathMtu = PathMtuReader.Read(tunnel.Take("pathMtu"), underlay, values, errors);
        tunnel.Finish();
        if (draft.Group is ValueIPAddress members && policy.AdmitsKnownOnly)
        {
            errors.Add((node["policy"]?["remotes"] ?? node["flood"]!).Line,
                $"policy.remotes is \"known\", but nobody knows the members of the group {members} in flood; a list of their prefixes, or \"any\", is right");
        }

        if (errors.Count > errorsBefore)
        {
            return null;
        }

        return draft with
        {
            Name = name!,
            Vni = new Vni((uint)vni),
            GroupPolicyId = group,
            GeneveOptions = options,
            Device = device!,
            Policy = policy,
            PathMtu = pathMtu,
            Gre = gre,
            Offload = offload,
            Endpoint = sockets with
            {
                Kind = kind!.Kind,
                Local = local!.Value,
                Port = (ushort)port,
                Link = link,
                Gro = offload.Gro,
                Gso = offload.Gso,
                Transport = transport,
                TunnelGso = offload.TunnelGso,
            },
        };
    }

    private static string? ReadName(ObjectReader tunnel, ValueReader values)
    {
        const string Right = "1 to 64 characters without control characters";
        ConfigNode? node = tunnel.Require("name", "a name for status and messages");
        string? name = values.Text(node, "name", Right);
        if (name is not null && (name.Length is 0 or > MaxNameLength || name.Any(char.IsControl)))
        {
            values.Wrong(node!, "name", Right);
        }

        return name;
    }

    private static TunnelFacts? ReadKind(ObjectReader tunnel, ValueReader values, ConfigErrors errors)
    {
        (string, TunnelFacts)[] kinds = [.. TunnelFacts.All.Select(facts => (facts.Name, facts))];
        ConfigNode? node = tunnel.Require("kind", ValueReader.Words(kinds));
        if (node is { Kind: ConfigNodeKind.String })
        {
            switch (node.Text)
            {
                case "4in4" or "6in4" or "4in6" or "6in6" or "sit" or "ip6tnl":
                    errors.Add(node.Line, $"kind {node.Describe()} is not known; \"ipip\" is right: the families of local and of the inner packet decide");
                    return null;
            }
        }

        return values.Choice(node, "kind", kinds);
    }

    private static (int Vni, int Port) ReadIdentity(ObjectReader tunnel, TunnelFacts? kind, ValueReader values)
    {
        const string PortRight = "a number from 1 to 65535, the same at both ends,";
        string by = $"by {kind?.WithArticle()} tunnel";
        int vni = 0;
        int port = 0;
        if (kind is { HasVni: false })
        {
            tunnel.Refuse("vni", by);
        }
        else
        {
            ConfigNode? node = kind is null ? tunnel.Take("vni") : tunnel.Require("vni", $"a number from 0 to {Vni.MaxValue}");
            vni = values.Integer(node, "vni", 0, (int)Vni.MaxValue) ?? 0;
        }

        if (kind is { IsOverUdp: false })
        {
            tunnel.Refuse("port", by);
        }
        else
        {
            ConfigNode? node = kind is { DefaultPort: 0 } ? tunnel.Require("port", PortRight) : tunnel.Take("port");
            port = values.Integer(node, "port", 1, ushort.MaxValue) ?? kind?.DefaultPort ?? 0;
        }

        return (vni, port);
    }

    private static string? ReadLink(ConfigNode? node, ValueReader values)
    {
        string? link = values.Text(node, "link", "the name of an interface");
        if (link is not null && !DeviceName.IsValid(link))
        {
            values.Wrong(node!, "link", DeviceName.Right);
        }

        return link;
    }

    private static ushort? ReadGroup(ObjectReader tunnel, TunnelFacts? kind, ValueReader values)
    {
        if (kind is not null and not { Kind: TunnelKind.Vxlan })
        {
            tunnel.Refuse("gbp", $"by {kind.WithArticle()} tunnel");
            return null;
        }

        return (ushort?)values.Integer(tunnel.Take("gbp"), "gbp", 0, ushort.MaxValue);
    }

    private static ReadOnlyMemory<byte> ReadOptions(ObjectReader tunnel, TunnelFacts? kind, ValueReader values, ConfigErrors errors)
    {
        if (kind is not null and not { Kind: TunnelKind.Geneve })
        {
            tunnel.Refuse("options", $"by {kind.WithArticle()} tunnel");
            return default;
        }

        return GeneveOptionsReader.Read(tunnel.Take("options"), values, errors);
    }

    private static Transport ReadTransport(ObjectReader tunnel, TunnelFacts? kind, bool hasGroup, ValueReader values, ConfigErrors errors)
    {
        string sockets = kind is { IsOverUdp: false } ? "raw" : "udp";
        ConfigNode? node = tunnel.Take("transport");
        Transport transport = values.Choice(node, "transport", (sockets, Transport.Sockets), ("tunnelGso", Transport.TunnelGso)) ?? Transport.Sockets;
        if (transport == Transport.TunnelGso && (hasGroup || kind is { Kind: not (TunnelKind.Vxlan or TunnelKind.IPInIP) }))
        {
            string what = hasGroup ? "vxlan with gbp" : $"{kind}";
            errors.Add(node!.Line, $"transport is \"tunnelGso\", which is not available for {what} in this version; \"{sockets}\" is right");
        }

        return transport;
    }

    private static OffloadConfig ReadOffload(ConfigNode? node, ValueReader values, ConfigErrors errors)
    {
        if (ObjectReader.Open(node, "offload", errors) is not ObjectReader offload)
        {
            return new OffloadConfig();
        }

        var result = new OffloadConfig(Flag("tso"), Flag("uso"), Flag("gro"), Flag("gso"), Flag("tunnelGso"));
        offload.Finish();
        return result;

        bool Flag(string key) => values.Flag(offload.Take(key), $"offload.{key}") ?? true;
    }
}
