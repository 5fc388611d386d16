namespace Overlay.Tables;

/// <summary>
/// The tables of one tunnel and the remotes they name. One writer – the thread that calls <see cref="Apply"/>, <see cref="Learn"/> and
/// <see cref="Age"/> – and any number of lock-free readers.
/// </summary>
/// <remarks>
/// Control planes change the tables by <see cref="Apply"/> only: what is set past it is not counted by <see cref="IsKnownRemote"/>.
/// </remarks>
public sealed class OverlayTables
{
    // The value of an address is how many entries name it.
    private readonly AddressMap _known = new();

    // Those of IPv4 once more: every received packet asks for one.
    private readonly IPv4Set _knownIPv4 = new();

    /// <summary>Makes empty tables that learn at most <see cref="ForwardingTable.DefaultMaxEntries"/> forwarding entries.</summary>
    public OverlayTables() => Forwarding = new ForwardingTable();

    /// <summary>Makes empty tables.</summary>
    /// <param name="maxForwardingEntries">How many forwarding entries learning may fill, see <see cref="ForwardingTable(int)"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxForwardingEntries"/> is out of range.</exception>
    public OverlayTables(int maxForwardingEntries) => Forwarding = new ForwardingTable(maxForwardingEntries);

    /// <summary>Makes empty tables.</summary>
    /// <param name="forwarding">How much the forwarding table may learn, and what it makes of addresses that move.</param>
    /// <exception cref="ArgumentOutOfRangeException">One of the options is out of range.</exception>
    public OverlayTables(ForwardingTableOptions forwarding) => Forwarding = new ForwardingTable(forwarding);

    /// <summary>Inner MAC address → remote.</summary>
    public ForwardingTable Forwarding { get; }

    /// <summary>Inner IP address → inner MAC address.</summary>
    public NeighborTable Neighbors { get; } = new();

    /// <summary>Inner destination → remote.</summary>
    public RouteTable<RouteEntry> Routes { get; } = new();

    /// <summary>Who gets copies of what is flooded.</summary>
    public FloodList Flood { get; } = new();

    /// <summary>How many addresses <see cref="IsKnownRemote"/> knows.</summary>
    public int KnownRemoteCount => _known.Count;

    /// <summary>
    /// Whether a static or external forwarding entry, a route or the flood list names an address. Learned entries do not count: else one packet would
    /// open the door for the next. Any thread.
    /// </summary>
    public bool IsKnownRemote(ValueIPAddress remote) =>
        remote.IsIPv4 ? _knownIPv4.Contains(remote.ToIPv4()) : _known.TryGet(0, remote, out _);

    /// <summary>
    /// Makes a change. To set what is set already and to remove what is not there changes nothing. When the last entry that named a remote goes, so
    /// does what was learned from it. Writer only.
    /// </summary>
    /// <exception cref="ArgumentException">The update is the default value, or an address in it is not fit for its place; nothing was changed.</exception>
    /// <exception cref="InvalidOperationException">The forwarding table cannot stand for another remote; nothing was changed.</exception>
    public void Apply(in OverlayUpdate update)
    {
        switch (update.Kind)
        {
            case OverlayUpdateKind.SetForwarding:
                SetForwarding(update.Vni, update.Mac, update.Entry);
                break;
            case OverlayUpdateKind.RemoveForwarding:
                RemoveForwarding(update.Vni, update.Mac);
                break;
            case OverlayUpdateKind.SetNeighbor:
                Neighbors.Set(update.Vni, update.Address, update.Mac);
                break;
            case OverlayUpdateKind.RemoveNeighbor:
                Neighbors.Remove(update.Vni, update.Address);
                break;
            case OverlayUpdateKind.SetRoute:
                SetRoute(update.Address, update.PrefixLength, update.Route);
                break;
            case OverlayUpdateKind.RemoveRoute:
                RemoveRoute(update.Address, update.PrefixLength);
                break;
            case OverlayUpdateKind.AddFlood:
                if (Flood.Add(update.Vni, update.Address))
                {
                    Retain(update.Address);
                }

                break;
            case OverlayUpdateKind.RemoveFlood:
                if (Flood.Remove(update.Vni, update.Address))
                {
                    Release(update.Address);
                }

                break;
            default:
                throw new ArgumentException($"There is no update of kind {update.Kind}.", nameof(update));
        }
    }

    /// <summary>Learns what a worker put into its queue. Writer only.</summary>
    /// <param name="learned">From a <see cref="LearningQueue"/>.</param>
    /// <param name="knownOnly">
    /// Whether only known remotes may teach: the worker has asked, but the remote may have been removed while the address lay in the queue.
    /// </param>
    /// <param name="now">The time.</param>
    /// <returns>Whether a learned entry now says so.</returns>
    public bool Learn(in LearnedAddress learned, bool knownOnly, long now) =>
        (!knownOnly || IsKnownRemote(learned.Remote) || Forwarding.RefuseUnpermitted()) && Forwarding.Learn(learned.Vni, learned.Mac, learned.Remote, now);

    /// <summary>
    /// Replaces all forwarding entries of one origin by a set, see <see cref="ForwardingTable.Replace"/>; what was learned from remotes that nothing names
    /// any longer goes in the same moment. Writer only.
    /// </summary>
    /// <inheritdoc cref="ForwardingTable.Replace"/>
    public ForwardingReplacement ReplaceForwarding(FdbOrigin origin, IEnumerable<KeyValuePair<ForwardingKey, FdbRemote>> entries)
    {
        ForwardingTable.ForwardingPlan plan = Forwarding.Prepare(origin, entries);
        HashSet<ValueIPAddress> departed = [];
        foreach ((ValueIPAddress remote, long difference) in plan.NamedDifference())
        {
            if (difference != 0 && Name(remote, difference))
            {
                departed.Add(remote);
            }
        }

        plan.RemoveLearned(departed);
        return plan.Commit();
    }

    /// <inheritdoc cref="ForwardingTable.Age"/>
    public int Age(long now, long maxAge) => Forwarding.Age(now, maxAge);

    private void SetForwarding(Vni vni, MacAddress mac, FdbEntry entry)
    {
        bool wasNamed = TryGetNamed(vni, mac, out ValueIPAddress before);
        Forwarding.Set(vni, mac, entry);

        // First the new, then the old: if both are the same remote it must not be forgotten in between.
        Retain(entry.Remote);
        if (wasNamed)
        {
            Release(before);
        }
    }

    private void RemoveForwarding(Vni vni, MacAddress mac)
    {
        bool wasNamed = TryGetNamed(vni, mac, out ValueIPAddress before);
        Forwarding.Remove(vni, mac);
        if (wasNamed)
        {
            Release(before);
        }
    }

    private void SetRoute(ValueIPAddress prefix, int length, RouteEntry route)
    {
        if (route.Remote.IsUnspecified || route.Remote.IsMulticast || route.Remote.IsBroadcast)
        {
            throw new ArgumentException($"{route.Remote} is not a unicast address; a route names one remote.", nameof(route));
        }

        if (route.Mac.IsMulticast)
        {
            throw new ArgumentException($"{route.Mac} is not a unicast address; the other end of a route has one.", nameof(route));
        }

        bool wasNamed = Routes.TryGet(prefix, length, out RouteEntry before);
        Routes.Set(prefix, length, route);
        Retain(route.Remote);
        if (wasNamed)
        {
            Release(before.Remote);
        }
    }

    private void RemoveRoute(ValueIPAddress prefix, int length)
    {
        if (Routes.TryGet(prefix, length, out RouteEntry before))
        {
            Routes.Remove(prefix, length);
            Release(before.Remote);
        }
    }

    private bool TryGetNamed(Vni vni, MacAddress mac, out ValueIPAddress remote)
    {
        bool isFound = Forwarding.TryLookup(vni, mac, out FdbEntry entry);
        remote = entry.Remote;
        return isFound && entry.Origin != FdbOrigin.Learned;
    }

    private void Retain(ValueIPAddress remote) => Name(remote, 1);

    private void Release(ValueIPAddress remote)
    {
        if (Name(remote, -1))
        {
            Forwarding.RemoveLearned(remote);
        }
    }

    /// <summary>Changes how many entries name a remote.</summary>
    /// <returns>Whether none does any longer.</returns>
    private bool Name(ValueIPAddress remote, long difference)
    {
        bool isGone = _known.Add(0, remote, difference) == 0;
        if (remote.IsIPv4 && isGone)
        {
            _knownIPv4.Remove(remote.ToIPv4());
        }
        else if (remote.IsIPv4)
        {
            _knownIPv4.Add(remote.ToIPv4());
        }

        return isGone;
    }
}
