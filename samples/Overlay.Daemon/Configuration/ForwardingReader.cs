using Overlay.DataPath;
using Overlay.Tables;

namespace Overlay.Daemon.Configuration;

/// <summary>
/// What leads to remotes: learning, flood, fdb and neighbors of a TAP, routes of a TUN. A key that the kind or the device does not use is a
/// mistake.
/// </summary>
/// <param name="tunnel">The tunnel's keys.</param>
/// <param name="kind">Its kind; null if that is a mistake.</param>
/// <param name="layer">What its device carries; null if that is a mistake, and then nothing is refused.</param>
/// <param name="underlay">The rules for remotes.</param>
/// <param name="values">Reads the values.</param>
/// <param name="errors">Takes the mistakes.</param>
internal sealed class ForwardingReader(
    ObjectReader tunnel, TunnelFacts? kind, DeviceLayer? layer, UnderlayReader underlay, ValueReader values, ConfigErrors errors)
{
    private const int MaxAgeSeconds = 86_400;
    private const int MaxLearnedEntries = 1_048_576;
    private const int MaxHoldSeconds = 3_600;

    /// <summary>Reads all of it into a draft whose other members say nothing yet.</summary>
    public TunnelConfig Read()
    {
        bool tap = kind is not { CarriesEthernet: false } && layer != DeviceLayer.IP;
        bool tun = kind is { CarriesEthernet: false } || layer != DeviceLayer.Ethernet;
        if (!tap)
        {
            string by = kind is { CarriesEthernet: false } ? $"by {kind.WithArticle()} tunnel" : "with a tun device";
            tunnel.Refuse("learning", by);
            tunnel.Refuse("flood", by, "\"routes\" lead to remotes there");
            tunnel.Refuse("fdb", by, "\"routes\" lead to remotes there");
            tunnel.Refuse("neighbors", by);
            tunnel.Refuse("neighborSuppression", by);
            tunnel.Refuse("announcementHoldSeconds", by);
        }

        if (!tun)
        {
            tunnel.Refuse("routes", "with a tap device", "\"fdb\" and \"flood\" lead to remotes there");
            tunnel.Refuse("directRouting", "with a tap device");
        }

        return new TunnelConfig
        {
            Name = "",
            Endpoint = new EndpointConfig { Kind = default, Local = default },
            Device = new DeviceConfig { Layer = default, Name = "" },
            Learning = tap ? ReadLearning() : null,
            Flood = tap ? ReadFlood() : [],
            Fdb = tap ? ReadFdb() : [],
            Neighbors = tap ? ReadNeighbors() : [],
            NeighborSuppression = !tap || (values.Flag(tunnel.Take("neighborSuppression"), "neighborSuppression") ?? true),
            AnnouncementHoldSeconds = tap ? values.Integer(tunnel.Take("announcementHoldSeconds"), "announcementHoldSeconds", 0, MaxHoldSeconds) ?? 0 : 0,
            Routes = tun ? ReadRoutes() : [],
            DirectRouting = tun && (values.Flag(tunnel.Take("directRouting"), "directRouting") ?? false),
        };
    }

    private LearningConfig ReadLearning()
    {
        var defaults = new LearningConfig();
        if (ObjectReader.Open(tunnel.Take("learning"), "learning", errors) is not ObjectReader learning)
        {
            return defaults;
        }

        var result = new LearningConfig
        {
            Enabled = values.Flag(learning.Take("enabled"), "learning.enabled") ?? defaults.Enabled,
            AgeSeconds = values.Integer(learning.Take("ageSeconds"), "learning.ageSeconds", 1, MaxAgeSeconds) ?? defaults.AgeSeconds,
            MaxEntries = values.Integer(learning.Take("maxEntries"), "learning.maxEntries", 1, MaxLearnedEntries) ?? defaults.MaxEntries,
            WhenFull = values.Choice(
                learning.Take("whenFull"), "learning.whenFull", ("refuse", ForwardingOverflow.Refuse), ("evict-oldest", ForwardingOverflow.EvictOldest)) ?? defaults.WhenFull,
            MoveLimit = values.Integer(learning.Take("moveLimit"), "learning.moveLimit", 0, ushort.MaxValue) ?? defaults.MoveLimit,
            MoveWindowSeconds = values.Integer(learning.Take("moveWindowSeconds"), "learning.moveWindowSeconds", 1, MaxAgeSeconds) ?? defaults.MoveWindowSeconds,
            FreezeSeconds = values.Integer(learning.Take("freezeSeconds"), "learning.freezeSeconds", 1, MaxAgeSeconds) ?? defaults.FreezeSeconds,
            Neighbors = values.Flag(learning.Take("neighbors"), "learning.neighbors") ?? defaults.Neighbors,
        };
        learning.Finish();
        return result;
    }

    private List<ValueIPAddress> ReadFlood()
    {
        List<ValueIPAddress> flood = [];
        Dictionary<ValueIPAddress, int> lines = [];
        IReadOnlyList<ConfigNode> items = values.List(tunnel.Take("flood"), "flood");
        foreach (ConfigNode item in items)
        {
            if (item.Kind == ConfigNodeKind.String && ValueIPAddress.TryParse(item.Text, null, out ValueIPAddress group) && group.IsMulticast)
            {
                if (ReadGroup(item, group, items.Count))
                {
                    flood.Add(group);
                }
            }
            else if (underlay.Remote(item, "a remote of flood") is ValueIPAddress remote && values.Once(lines, remote, item.Line, "flood"))
            {
                flood.Add(remote);
            }
        }

        return flood;
    }

    private bool ReadGroup(ConfigNode node, ValueIPAddress group, int items)
    {
        if (kind is { IsOverUdp: false })
        {
            errors.Add(node.Line, $"flood holds the group {group}, which {kind.WithArticle()} tunnel cannot join in this version; the unicast address of each remote is right");
            return false;
        }

        if (items > 1)
        {
            errors.Add(node.Line, $"flood holds the group {group} beside others, which may be members of it and would get two copies; the group alone is right");
            return false;
        }

        return underlay.HasFamily(group, node, "a group of flood");
    }

    private List<FdbConfig> ReadFdb()
    {
        List<FdbConfig> fdb = [];
        Dictionary<MacAddress, int> lines = [];
        foreach (ConfigNode item in values.List(tunnel.Take("fdb"), "fdb"))
        {
            if (ObjectReader.Open(item, "an fdb entry", errors) is not ObjectReader entry)
            {
                continue;
            }

            MacAddress? mac = values.Mac(entry.Require("mac", "the MAC address of a station"), "mac");
            FdbRemote? target = FdbTargetReader.Read(entry, kind, underlay, values);
            entry.Finish();
            if (mac is MacAddress station && values.Once(lines, station, item.Line, "fdb") && target is FdbRemote remote)
            {
                fdb.Add(new FdbConfig(station, remote));
            }
        }

        return fdb;
    }

    private List<NeighborConfig> ReadNeighbors()
    {
        List<NeighborConfig> neighbors = [];
        Dictionary<ValueIPAddress, int> lines = [];
        foreach (ConfigNode item in values.List(tunnel.Take("neighbors"), "neighbors"))
        {
            if (ObjectReader.Open(item, "a neighbor", errors) is not ObjectReader entry)
            {
                continue;
            }

            ConfigNode? ipNode = entry.Require("ip", "the inner address of a station");
            ValueIPAddress? ip = values.Address(ipNode, "ip");
            if (ip is { IsUnspecified: true } or { IsMulticast: true } or { IsBroadcast: true } or { IsLoopback: true })
            {
                values.Wrong(ipNode!, "ip", "the unicast address of a station");
            }

            MacAddress? mac = values.Mac(entry.Require("mac", "the MAC address of the station"), "mac");
            NeighborFlags flags = ReadNeighborFlags(entry, ip);
            entry.Finish();
            if (ip is ValueIPAddress address && values.Once(lines, address, item.Line, "neighbors") && mac is MacAddress station)
            {
                neighbors.Add(new NeighborConfig(address, station, flags));
            }
        }

        return neighbors;
    }

    private NeighborFlags ReadNeighborFlags(ObjectReader entry, ValueIPAddress? ip)
    {
        NeighborFlags flags = NeighborFlags.Override;
        if (ip is { IsIPv4: true })
        {
            // ARP has no flags.
            entry.Refuse("router", "with an IPv4 address");
            entry.Refuse("override", "with an IPv4 address");
        }
        else
        {
            flags = (values.Flag(entry.Take("router"), "router") ?? false ? NeighborFlags.Router : NeighborFlags.None) |
                (values.Flag(entry.Take("override"), "override") ?? true ? NeighborFlags.Override : NeighborFlags.None);
        }

        return values.Flag(entry.Take("immutable"), "immutable") ?? false ? flags | NeighborFlags.Immutable : flags;
    }

    private List<RouteConfig> ReadRoutes()
    {
        RouteMemberReader reader = new(kind, layer, underlay, values, errors);
        List<RouteConfig> routes = [];
        Dictionary<string, int> lines = [];
        foreach (ConfigNode item in values.List(tunnel.Take("routes"), "routes"))
        {
            if (ObjectReader.Open(item, "a route", errors) is not ObjectReader entry)
            {
                continue;
            }

            (ValueIPAddress Address, int Length)? prefix = values.Prefix(entry.Require("prefix", "the inner prefix"), "prefix", hostBits: false);
            List<RouteMember> members = reader.Read(entry);
            entry.Finish();
            if (prefix is var (address, length) && values.Once(lines, $"{address}/{length}", item.Line, "routes") && members.Count > 0)
            {
                routes.Add(new RouteConfig(address, length, members));
            }
        }

        return routes;
    }
}
