using Overlay.DataPath;
using Overlay.Encapsulation;

namespace Overlay.Daemon.Configuration;

/// <summary>What a tunnel is told about the MTUs of its paths.</summary>
internal static class PathMtuReader
{
    private const int MaxAgeSeconds = 86_400;

    /// <summary>Reads the object.</summary>
    public static PathMtuConfig Read(ConfigNode? node, UnderlayReader underlay, ValueReader values, ConfigErrors errors)
    {
        PathMtuConfig config = new();
        if (ObjectReader.Open(node, "pathMtu", errors) is not ObjectReader keys)
        {
            return config;
        }

        int least = underlay.IsIPv4 ? TunnelMtu.Minimum : PathMtuOptions.MinimumIPv6;
        ConfigNode? age = keys.Take("ageSeconds");
        PathMtuOptions options = config.Options;
        config = config with
        {
            Mtu = values.Integer(keys.Take("mtu"), "pathMtu.mtu", least, TunnelMtu.Maximum),
            Icmp = values.Choice(keys.Take("icmp"), "pathMtu.icmp", ("follow", true), ("ignore", false)) ?? config.Icmp,
            Probe = values.Choice(keys.Take("probe"), "pathMtu.probe", ("off", false), ("on", true)) ?? config.Probe,
            RaiseSeconds = values.Integer(keys.Take("raiseSeconds"), "pathMtu.raiseSeconds", 1, MaxAgeSeconds) ?? config.RaiseSeconds,
            Options = options with
            {
                LifetimeMilliseconds = ValueReader.IsWord(age, "never")
                    ? long.MaxValue
                    : values.Integer(age, "pathMtu.ageSeconds", 1, MaxAgeSeconds, "never") * 1_000L ?? options.LifetimeMilliseconds,
            },
        };
        if (underlay.IsIPv4)
        {
            config = config with
            {
                Options = config.Options with
                {
                    MinimumIPv4 = values.Integer(keys.Take("minimum"), "pathMtu.minimum", TunnelMtu.Minimum, TunnelMtu.Maximum) ?? options.MinimumIPv4,
                },
            };
        }
        else
        {
            keys.Refuse("minimum", "over IPv6, where every path takes 1280 bytes");
        }

        keys.Finish();
        return config;
    }
}
