using System.Globalization;
using System.Net;
using Overlay.DataPath;
using Overlay.Wire;

namespace Overlay.Daemon.Configuration;

/// <summary>The policy of a tunnel, of which some is a property of the sockets under it.</summary>
internal static class PolicyReader
{
    private const int MaxSourcePortCount = 256;

    /// <summary>Reads a policy.</summary>
    /// <returns>The tunnel's share, and the sockets' with their kind, local address and port still to be set.</returns>
    public static (TunnelPolicy Policy, EndpointConfig Sockets) Read(
        ConfigNode? node,
        TunnelFacts? kind,
        DeviceLayer? layer,
        Transport transport,
        UnderlayReader underlay,
        IEnumerable<ValueIPAddress> remotes,
        ValueReader values,
        ConfigErrors errors)
    {
        TunnelPolicy policy = TunnelPolicy.Default;
        var sockets = new EndpointConfig { Kind = default, Local = default };
        if (ObjectReader.Open(node, "policy", errors) is not ObjectReader keys)
        {
            return (policy, sockets);
        }

        DscpModel model = values.Choice(keys.Take("dscpModel"), "policy.dscpModel", ("pipe", DscpModel.Pipe), ("uniform", DscpModel.Uniform)) ?? policy.DscpModel;
        policy = policy with
        {
            Remotes = ReadRemotes(keys.Take("remotes"), underlay, values) ?? policy.Remotes,
            RemoteCheck = ReadCheck(keys.Take("remoteCheck"), "policy.remoteCheck", values) ?? policy.RemoteCheck,
            MartianRemotes = ReadCheck(keys.Take("martianRemotes"), "policy.martianRemotes", values) ?? policy.MartianRemotes,
            MartianSources = ReadCheck(keys.Take("martianSources"), "policy.martianSources", values),
            InnerSourceCheck = ReadCheck(keys.Take("innerSourceCheck"), "policy.innerSourceCheck", values) ?? policy.InnerSourceCheck,
            Ttl = ReadOrInherit(keys.Take("ttl"), "policy.ttl", 1, byte.MaxValue, policy.Ttl, values),
            Dscp = ReadOrInherit(keys.Take("dscp"), "policy.dscp", 0, 63, model == DscpModel.Uniform ? null : policy.Dscp, values),
            DscpModel = model,
            Ecn = values.Choice(keys.Take("ecn"), "policy.ecn",
                ("rfc6040", EcnProfile.Rfc6040),
                ("rfc6040-compatibility", EcnProfile.Rfc6040Compatibility),
                ("rfc3168", EcnProfile.Rfc3168),
                ("copy", EcnProfile.Copy)) ?? policy.Ecn,
            DontFragment = values.Choice(keys.Take("df"), "policy.df",
                ("unset", DontFragmentPolicy.Unset), ("set", DontFragmentPolicy.Set), ("inherit", DontFragmentPolicy.Inherit)),
            FlowLabel = values.Choice(keys.Take("flowLabel"), "policy.flowLabel", ("on", true), ("off", false)) ?? policy.FlowLabel,
        };
        policy = policy with
        {
            Fragment = values.Choice(keys.Take("fragment"), "policy.fragment",
                ("drop", FragmentPolicy.Drop), ("inner", FragmentPolicy.Inner), ("outer", FragmentPolicy.Outer)),
            TellTooBig = values.Choice(keys.Take("packetTooBig"), "policy.packetTooBig", ("tell", true), ("silent", false)) ?? policy.TellTooBig,
            MssClamp = ReadMssClamp(keys.Take("mssClamp"), values) ?? policy.MssClamp,
        };
        policy = policy with { EncapsulationLimit = ReadEncapsulationLimit(keys, kind, underlay, values) };
        string by = $"by {kind?.WithArticle()} tunnel";
        if (kind is { JudgesReservedBits: false })
        {
            keys.Refuse("reservedBits", by);
        }
        else
        {
            policy = policy with { ReservedBits = ReadReservedBits(keys.Take("reservedBits"), values, errors) ?? policy.ReservedBits };
        }

        if (kind is { CarriesEthernet: false })
        {
            keys.Refuse("innerVlan", by);
        }
        else
        {
            policy = policy with
            {
                InnerVlan = values.Choice(keys.Take("innerVlan"), "policy.innerVlan",
                    ("keep", InnerVlanPolicy.Keep), ("strip", InnerVlanPolicy.Strip), ("refuse", InnerVlanPolicy.Refuse)) ?? policy.InnerVlan,
            };
        }

        if (layer == DeviceLayer.IP || kind is { CarriesEthernet: false })
        {
            keys.Refuse("floodLimit", kind is { CarriesEthernet: false } ? by : "with a tun device", "nothing is flooded there");
        }
        else
        {
            policy = policy with { FloodLimits = FloodLimitReader.Read(keys.Take("floodLimit"), values, errors) };
        }

        if (kind is { IsOverUdp: false })
        {
            foreach (string key in (ReadOnlySpan<string>)["outerChecksum", "zeroChecksumIpv6", "sourcePorts", "sourcePortCount"])
            {
                keys.Refuse(key, by);
            }

            policy = policy with { SourceSpray = ReadSourceSpray(keys.Take("sourceSpray"), transport, underlay, remotes, values, errors) };
        }
        else
        {
            keys.Refuse("sourceSpray", "by a tunnel with ports, which spread flows already");
            (ushort low, ushort high) = ReadSourcePorts(keys.Take("sourcePorts"), values) ?? (policy.SourcePortMinimum, policy.SourcePortMaximum);
            policy = policy with
            {
                SourcePortMinimum = low,
                SourcePortMaximum = high,
            };
            sockets = sockets with
            {
                OuterChecksum = values.Choice(keys.Take("outerChecksum"), "policy.outerChecksum", ("on", true), ("off", false)) ?? sockets.OuterChecksum,
                ZeroChecksumIPv6 = values.Choice(keys.Take("zeroChecksumIpv6"), "policy.zeroChecksumIpv6", ("reject", false), ("accept", true))
                    ?? sockets.ZeroChecksumIPv6,
                SourcePortMinimum = low,
                SourcePortMaximum = high,
                SourcePortCount = ReadSourcePortCount(keys.Take("sourcePortCount"), high - low + 1, sockets.SourcePortCount, values, errors),
            };
        }

        keys.Finish();
        return (policy, sockets);
    }

    private static SourceCheck? ReadCheck(ConfigNode? node, string what, ValueReader values) =>
        values.Choice(node, what, ("off", SourceCheck.Off), ("count", SourceCheck.Count), ("enforce", SourceCheck.Enforce));

    private static MssClamp? ReadMssClamp(ConfigNode? node, ValueReader values)
    {
        const string What = "policy.mssClamp";
        if (node is { Kind: ConfigNodeKind.Number })
        {
            return values.Integer(node, What, 1, ushort.MaxValue) is int mss ? MssClamp.To((ushort)mss) : null;
        }

        if (ValueReader.IsWord(node, "off") || ValueReader.IsWord(node, "path"))
        {
            return ValueReader.IsWord(node, "path") ? MssClamp.Path : MssClamp.Off;
        }

        if (node is not null)
        {
            values.Wrong(node, What, "\"off\", \"path\" or a whole number from 1 to 65535");
        }

        return null;
    }

    private static byte? ReadEncapsulationLimit(ObjectReader keys, TunnelFacts? kind, UnderlayReader underlay, ValueReader values)
    {
        const string Key = "encapsulationLimit";
        if (kind is not (null or { Kind: TunnelKind.IPInIP }))
        {
            keys.Refuse(Key, $"by {kind.WithArticle()} tunnel");
            return null;
        }

        if (underlay.IsIPv4)
        {
            keys.Refuse(Key, "over IPv4");
            return null;
        }

        ConfigNode? node = keys.Take(Key);
        return ValueReader.IsWord(node, "off") ? null : (byte?)values.Integer(node, $"policy.{Key}", 0, byte.MaxValue, "off");
    }

    private static RemotePolicy? ReadRemotes(ConfigNode? node, UnderlayReader underlay, ValueReader values)
    {
        const string What = "policy.remotes";
        if (node is null || node.Kind != ConfigNodeKind.Array || node.Items.Count == 0)
        {
            RemotePolicy? word = ValueReader.IsWord(node, "known") ? RemotePolicy.Known : ValueReader.IsWord(node, "any") ? RemotePolicy.Any : null;
            if (node is not null && word is null)
            {
                values.Wrong(node, What, "\"known\", \"any\" or a list of at least one prefix", node.Kind == ConfigNodeKind.Array ? " without items" : "");
            }

            return word;
        }

        List<IPNetwork> prefixes = [];
        foreach (ConfigNode item in node.Items)
        {
            if (values.Network(item, "a prefix of policy.remotes") is IPNetwork prefix && underlay.HasFamily(prefix.BaseAddress, item, "a prefix of policy.remotes"))
            {
                prefixes.Add(prefix);
            }
        }

        return prefixes.Count > 0 ? RemotePolicy.Within(prefixes) : null;
    }

    private static byte? ReadOrInherit(ConfigNode? node, string what, int minimum, int maximum, byte? absent, ValueReader values) =>
        ValueReader.IsWord(node, "inherit") ? null : (byte?)values.Integer(node, what, minimum, maximum, "inherit") ?? absent;

    private static ReservedBitsPolicy? ReadReservedBits(ConfigNode? node, ValueReader values, ConfigErrors errors)
    {
        if (node is not { Kind: ConfigNodeKind.Object })
        {
            const string What = "policy.reservedBits";
            if (node is null or { Kind: ConfigNodeKind.String, Text: "reject" or "ignore" })
            {
                return node is null ? null : node.Text == "ignore" ? ReservedBitsPolicy.Ignore : ReservedBitsPolicy.Reject;
            }

            values.Wrong(node, What, "\"reject\", \"ignore\" or { \"mask\": \"16 hexadecimal digits\" }");
            return null;
        }

        ObjectReader keys = ObjectReader.Open(node, "policy.reservedBits", errors)!;
        ConfigNode? mask = keys.Require("mask", "16 hexadecimal digits of bits to tolerate");
        keys.Finish();
        if (mask is null)
        {
            return null;
        }

        if (mask.Kind != ConfigNodeKind.String || mask.Text.Length != 16 ||
            !ulong.TryParse(mask.Text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong bits))
        {
            values.Wrong(mask, "mask", "a text of 16 hexadecimal digits, the eight header bytes,");
            return null;
        }

        if ((bits & ~ReservedBitsPolicy.ReservedMask) != 0)
        {
            values.Wrong(mask, "mask", $"a part of {ReservedBitsPolicy.ReservedMask:x16}", ", with the I flag or bits of the VNI, which are not reserved");
            return null;
        }

        return new ReservedBitsPolicy(bits);
    }

    private static SourceSpray? ReadSourceSpray(
        ConfigNode? node, Transport transport, UnderlayReader underlay, IEnumerable<ValueIPAddress> remotes, ValueReader values, ConfigErrors errors)
    {
        const string What = "policy.sourceSpray";
        if (values.Network(node, What) is not IPNetwork prefix || !underlay.HasFamily(prefix.BaseAddress, node!, What))
        {
            return null;
        }

        if (!SourceSpray.IsUsable(prefix))
        {
            values.Wrong(node!, What, SourceSpray.Usable);
            return null;
        }

        foreach (ValueIPAddress remote in remotes)
        {
            if (prefix.Contains(remote.ToIPAddress()))
            {
                values.Wrong(node!, What, "a prefix without remotes", $", in which the remote {remote} lies");
                return null;
            }
        }

        if (transport == Transport.TunnelGso)
        {
            errors.Add(node!.Line, $"{What} has no use for transport \"tunnelGso\", which sends from one address; \"raw\" is right");
        }

        return new SourceSpray(prefix);
    }

    private static (ushort Low, ushort High)? ReadSourcePorts(ConfigNode? node, ValueReader values)
    {
        if (node is null)
        {
            return null;
        }

        int dash = node.Text.IndexOf('-', StringComparison.Ordinal);
        if (node.Kind == ConfigNodeKind.String && dash > 0 &&
            ushort.TryParse(node.Text.AsSpan(0, dash), NumberStyles.None, CultureInfo.InvariantCulture, out ushort low) &&
            ushort.TryParse(node.Text.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort high) && low > 0 && low <= high)
        {
            return (low, high);
        }

        values.Wrong(node, "policy.sourcePorts", "a range from 1 to 65535, low end first, such as \"49152-65535\",");
        return null;
    }

    private static int ReadSourcePortCount(ConfigNode? node, int ports, int absent, ValueReader values, ConfigErrors errors)
    {
        int? count = values.Integer(node, "policy.sourcePortCount", 1, MaxSourcePortCount);
        if (count > ports)
        {
            errors.Add(node!.Line, $"policy.sourcePortCount is {count}, but policy.sourcePorts has {ports}; at most {ports} is right");
        }

        return count ?? Math.Min(absent, ports);
    }
}
