using Overlay.DataPath;
using Overlay.Tables;

namespace Overlay.Daemon.Configuration;

/// <summary>Where a route leads, as a file and a request say it: <c>remote</c> and <c>mac</c>, or <c>remotes</c>, a list of several with their weights.</summary>
/// <param name="kind">The kind of the tunnel; null if that is a mistake.</param>
/// <param name="layer">What its device carries; null if that is a mistake.</param>
/// <param name="underlay">The rules for remotes.</param>
/// <param name="values">Reads the values.</param>
/// <param name="errors">Takes the mistakes.</param>
internal sealed class RouteMemberReader(TunnelFacts? kind, DeviceLayer? layer, UnderlayReader underlay, ValueReader values, ConfigErrors errors)
{
    /// <summary>Reads the keys; others of the route stay for the caller.</summary>
    /// <returns>The remotes; none if there is a mistake, which was added.</returns>
    public List<RouteMember> Read(ObjectReader route)
    {
        if (route.Take("remotes") is not ConfigNode list)
        {
            ConfigNode? node = route.Require("remote", "the address of the remote that the prefix lives behind (or \"remotes\", a list)");
            return ReadEntry(route, node) is RouteEntry one ? [new RouteMember(one)] : [];
        }

        const string By = "beside \"remotes\"";
        route.Refuse("remote", By);
        route.Refuse("mac", By, "each of the remotes has its own");
        List<RouteMember> members = [];
        Dictionary<ValueIPAddress, int> lines = [];
        IReadOnlyList<ConfigNode> items = values.List(list, "remotes");
        if (list.Kind == ConfigNodeKind.Array && items.Count is 0 or > RouteGroup.MaxMembers)
        {
            errors.Add(list.Line, $"remotes has {items.Count} entries; 1 to {RouteGroup.MaxMembers} is right");
        }

        foreach (ConfigNode item in items)
        {
            if (ObjectReader.Open(item, "a remote of a route", errors) is not ObjectReader member)
            {
                continue;
            }

            ConfigNode? node = member.Require("remote", "the address of a remote that the prefix lives behind");
            RouteEntry? entry = ReadEntry(member, node);
            int? weight = values.Integer(member.Take("weight"), "weight", 1, RouteGroup.MaxWeight);
            member.Finish();
            if (entry is RouteEntry remote && values.Once(lines, remote.Remote, item.Line, "remotes"))
            {
                members.Add(new RouteMember(remote, weight ?? 1));
            }
        }

        return members;
    }

    private RouteEntry? ReadEntry(ObjectReader keys, ConfigNode? remote)
    {
        ValueIPAddress? address = underlay.Remote(remote, "remote");
        MacAddress? mac = ReadMac(keys);
        return address is ValueIPAddress vtep ? new RouteEntry(vtep, mac ?? default) : null;
    }

    private MacAddress? ReadMac(ObjectReader entry)
    {
        if (kind is { WrapsIPInEthernet: false })
        {
            entry.Refuse("mac", $"by {kind.WithArticle()} tunnel");
            return null;
        }

        bool needed = kind is not null && layer == DeviceLayer.IP;
        return values.Mac(needed ? entry.Require("mac", "the inner destination MAC address, the remote device's,") : entry.Take("mac"), "mac");
    }
}
