using Overlay.Tables;

namespace Overlay.Testing.Simulation;

/// <summary>
/// <see cref="OverlayTables"/> as anybody would write them down: dictionaries and lists, nothing counted ahead, every question answered by looking at
/// everything. It knows what was set, not what was learned.
/// </summary>
public sealed class TableTwin
{
    /// <summary>Static and external forwarding entries.</summary>
    public SortedDictionary<(Vni Vni, MacAddress Mac), FdbEntry> Forwarding { get; } = [];

    /// <summary>Flood lists, in the order of adding.</summary>
    public SortedDictionary<Vni, List<ValueIPAddress>> Flood { get; } = [];

    /// <summary>Neighbours.</summary>
    public SortedDictionary<(Vni Vni, ValueIPAddress Address), MacAddress> Neighbors { get; } = [];

    /// <summary>Routes.</summary>
    public SortedDictionary<(ValueIPAddress Prefix, int Length), IReadOnlyList<RouteMember>> Routes { get; } = [];

    /// <summary>All remotes that are named, each once, in order.</summary>
    public SortedSet<ValueIPAddress> Known =>
        [.. Forwarding.Values.Select(entry => entry.Remote), .. Flood.Values.SelectMany(list => list), .. Routes.Values.SelectMany(members => members).Select(member => member.Entry.Remote)];

    /// <summary>Whether anything names a remote.</summary>
    public bool IsKnown(ValueIPAddress remote)
    {
        foreach (FdbEntry entry in Forwarding.Values)
        {
            if (entry.Remote == remote)
            {
                return true;
            }
        }

        foreach (List<ValueIPAddress> list in Flood.Values)
        {
            if (list.Contains(remote))
            {
                return true;
            }
        }

        foreach (IReadOnlyList<RouteMember> members in Routes.Values)
        {
            if (members.Any(member => member.Entry.Remote == remote))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Who gets copies in a network.</summary>
    public IReadOnlyList<ValueIPAddress> FloodOf(Vni vni) => Flood.TryGetValue(vni, out List<ValueIPAddress>? list) ? list : [];

    /// <summary>The longest prefix that holds an address, and where it leads.</summary>
    public bool TryRoute(ValueIPAddress destination, out ValueIPAddress found, out IReadOnlyList<RouteMember> route)
    {
        int best = -1;
        found = default;
        route = [];
        foreach (((ValueIPAddress prefix, int length), IReadOnlyList<RouteMember> members) in Routes)
        {
            if (length > best && prefix.IsIPv4 == destination.IsIPv4 && destination.Mask(length) == prefix)
            {
                best = length;
                found = prefix;
                route = members;
            }
        }

        return best >= 0;
    }

    /// <summary>Replaces all entries of one origin: what is static stays where the set is external.</summary>
    public void Replace(FdbOrigin origin, IReadOnlyDictionary<ForwardingKey, FdbRemote> entries)
    {
        foreach ((Vni, MacAddress) key in Forwarding.Where(row => row.Value.Origin == origin).Select(row => row.Key).ToArray())
        {
            Forwarding.Remove(key);
        }

        foreach ((ForwardingKey key, FdbRemote remote) in entries)
        {
            if (origin == FdbOrigin.Static || !Forwarding.TryGetValue((key.Vni, key.Mac), out FdbEntry there) || there.Origin != FdbOrigin.Static)
            {
                Forwarding[(key.Vni, key.Mac)] = new FdbEntry(remote.Address, remote.Port, origin) { Vni = remote.Vni };
            }
        }
    }

    /// <summary>Makes a change.</summary>
    public void Apply(in OverlayUpdate update)
    {
        switch (update.Kind)
        {
            case OverlayUpdateKind.SetForwarding:
                Forwarding[(update.Vni, update.Mac)] = update.Entry;
                break;
            case OverlayUpdateKind.RemoveForwarding:
                Forwarding.Remove((update.Vni, update.Mac));
                break;
            case OverlayUpdateKind.SetNeighbor:
                Neighbors[(update.Vni, update.Address)] = update.Mac;
                break;
            case OverlayUpdateKind.RemoveNeighbor:
                Neighbors.Remove((update.Vni, update.Address));
                break;
            case OverlayUpdateKind.SetRoute:
                Routes[(update.Address, update.PrefixLength)] = update.Members ?? [new RouteMember(update.Route)];
                break;
            case OverlayUpdateKind.RemoveRoute:
                Routes.Remove((update.Address, update.PrefixLength));
                break;
            case OverlayUpdateKind.AddFlood:
                if (!Flood.TryGetValue(update.Vni, out List<ValueIPAddress>? list))
                {
                    Flood.Add(update.Vni, list = []);
                }

                if (!list.Contains(update.Address))
                {
                    list.Add(update.Address);
                }

                break;
            case OverlayUpdateKind.RemoveFlood:
                if (Flood.TryGetValue(update.Vni, out List<ValueIPAddress>? shorter) && shorter.Remove(update.Address) && shorter.Count == 0)
                {
                    Flood.Remove(update.Vni);
                }

                break;
            default:
                throw new ArgumentException($"The twin knows no update of kind {update.Kind}.", nameof(update));
        }
    }
}
