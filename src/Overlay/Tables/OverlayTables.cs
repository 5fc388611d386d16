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

    private bool _ageNeighbors;

    /// <summary>Makes empty tables that learn at most <see cref="ForwardingTable.DefaultMaxEntries"/> forwarding entries.</summary>
    public OverlayTables()
        : this(new ForwardingTableOptions())
    {
    }

    /// <summary>Makes empty tables.</summary>
    /// <param name="maxForwardingEntries">How many forwarding entries learning may fill, see <see cref="ForwardingTable(int)"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxForwardingEntries"/> is out of range.</exception>
    public OverlayTables(int maxForwardingEntries)
        : this(new ForwardingTableOptions { MaxEntries = maxForwardingEntries })
    {
    }

    /// <summary>Makes empty tables.</summary>
    /// <param name="forwarding">How much the forwarding table may learn, and what it makes of addresses that move.</param>
    /// <param name="neighbors">The bounds of the neighbour table; null for the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">One of the options is out of range.</exception>
    public OverlayTables(ForwardingTableOptions forwarding, NeighborTableOptions? neighbors = null)
    {
        Forwarding = new ForwardingTable(forwarding);
        Neighbors = new NeighborTable(neighbors);
    }

    /// <summary>
    /// Called on the writer's thread by <see cref="ReportMiss"/> for questions that were flooded because the answer was not known: a control plane that
    /// fills tables on demand looks the address up and applies what it finds, at once or later.
    /// </summary>
    public event Action<NeighborMiss>? NeighborMissed;

    /// <summary>Inner MAC address → remote.</summary>
    public ForwardingTable Forwarding { get; }

    /// <summary>Inner IP address → inner MAC address.</summary>
    public NeighborTable Neighbors { get; }

    /// <summary>Inner destination → remote, or one of several.</summary>
    public OverlayRoutes Routes { get; } = new();

    /// <summary>Who gets copies of what is flooded.</summary>
    public FloodList Flood { get; } = new();

    /// <summary>How many addresses <see cref="IsKnownRemote"/> knows.</summary>
    public int KnownRemoteCount => _known.Count;

    /// <summary>All addresses that <see cref="IsKnownRemote"/> knows. Any thread.</summary>
    public IReadOnlyList<ValueIPAddress> KnownRemotes() => [.. _known.Snapshot().Select(row => row.Address)];

    /// <summary>
    /// Whether a static or external forwarding entry, a route or the flood list names an address. Learned entries do not count: else one packet would
    /// open the door for the next. Any thread.
    /// </summary>
    public bool IsKnownRemote(ValueIPAddress remote) =>
        remote.IsIPv4 ? _knownIPv4.Contains(remote.ToIPv4()) : _known.TryGet(0, remote, out _);

    /// <summary>
    /// Makes a change. To set what is set already and to remove what is not there changes nothing. When the last entry that named a remote goes, so
    /// does what was learned from it: at once, from a table of more than about 150 000 entries by the end of the second round of <see cref="AgePart"/>. Writer only.
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
                Neighbors.Set(update.Vni, update.Address, update.Neighbor);
                break;
            case OverlayUpdateKind.RemoveNeighbor:
                Neighbors.Remove(update.Vni, update.Address, update.NeighborOrigin);
                break;
            case OverlayUpdateKind.SetRoute:
                SetRoute(update.RouteVni, update.Address, update.PrefixLength, update.Members ?? [new RouteMember(update.Route)]);
                break;
            case OverlayUpdateKind.RemoveRoute:
                RemoveRoute(update.RouteVni, update.Address, update.PrefixLength);
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

    /// <summary>
    /// Puts other routes in the place of all that a network has. Readers see all the old ones or all the new ones; where a prefix leads to several
    /// remotes, the flows of those that stay are not moved. Where a prefix stands twice the last one holds. Writer only.
    /// </summary>
    /// <param name="vni">The network; null for the tunnel's own.</param>
    /// <param name="routes">All routes that it has from now on.</param>
    /// <exception cref="ArgumentException">A prefix is none, or an address is not fit for its place; nothing was changed.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A length or a weight is out of range; nothing was changed.</exception>
    public void ReplaceRoutes(Vni? vni, IEnumerable<OverlayRoute> routes)
    {
        ArgumentNullException.ThrowIfNull(routes);
        Dictionary<(ValueIPAddress Prefix, int Length), RouteTarget> rows = [];
        foreach (OverlayRoute route in routes)
        {
            foreach (RouteMember member in route.Members)
            {
                CheckMember(member);
            }

            rows[(route.Prefix, route.Length)] = Routes.TryGetTarget(vni, route.Prefix, route.Length, out RouteTarget old)
                ? old.With(route.Members)
                : RouteTarget.Create(route.Members);
        }

        IReadOnlyList<RouteRow<RouteTarget>> before = Routes.Targets(vni);
        Routes.Replace(vni, rows.Select(row => new RouteRow<RouteTarget>(row.Key.Prefix, row.Key.Length, row.Value)));
        foreach (RouteTarget target in rows.Values)
        {
            Retain(target);
        }

        foreach (RouteRow<RouteTarget> row in before)
        {
            Release(row.Value);
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
            if (difference != 0 && Count(remote, difference) == 0)
            {
                departed.Add(remote);
            }
        }

        plan.RemoveLearned(departed);
        return plan.Commit();
    }

    /// <summary>Learns what a worker heard of a neighbour. Writer only, after the forwarding entries that the same worker heard of.</summary>
    /// <param name="learned">From a <see cref="LearnedNeighborQueue"/>.</param>
    /// <param name="knownOnly">As in <see cref="Learn"/>.</param>
    /// <param name="now">The time.</param>
    /// <returns>Whether a learned entry now says so, or, for what came from the device, whether one was removed.</returns>
    public bool LearnNeighbor(in LearnedNeighbor learned, bool knownOnly, long now)
    {
        if (learned.Remote.IsUnspecified)
        {
            return Neighbors.Withdraw(learned.Vni, learned.Address, learned.Mac);
        }

        if (knownOnly && !IsKnownRemote(learned.Remote))
        {
            return false;
        }

        // An address is believed only from where its MAC address lives: else any remote could speak for the hosts behind the others.
        if (!Forwarding.TryLookup(learned.Vni, learned.Mac, out FdbEntry entry) || entry.Remote != learned.Remote)
        {
            Neighbors.RefuseElsewhere();
            return false;
        }

        return Neighbors.Learn(learned.Vni, learned.Address, learned.Mac, learned.Flags, now);
    }

    /// <inheritdoc cref="NeighborTable.Replace"/>
    public void ReplaceNeighbors(NeighborOrigin origin, ReadOnlySpan<NeighborRow> rows) => Neighbors.Replace(origin, rows);

    /// <summary>Tells <see cref="NeighborMissed"/> of a miss, unless the answer has become known meanwhile. Writer only.</summary>
    /// <param name="miss">From a <see cref="NeighborMissQueue"/>.</param>
    /// <returns>Whether it is still missed.</returns>
    public bool ReportMiss(in NeighborMiss miss)
    {
        if (Neighbors.TryLookup(miss.Vni, miss.Address, out MacAddress mac) && Forwarding.TryLookup(miss.Vni, mac, out int _))
        {
            return false;
        }

        NeighborMissed?.Invoke(miss);
        return true;
    }

    /// <summary>
    /// Lets learned entries age, of the forwarding and of the neighbour table: see <see cref="ForwardingTable.Age"/> and <see cref="NeighborTable.Age"/>.
    /// Writer only, about once a second.
    /// </summary>
    /// <returns>How many were removed.</returns>
    public int Age(long now, long maxAge) => Forwarding.Age(now, maxAge) + Neighbors.Age(now, maxAge);

    /// <summary>
    /// As <see cref="Age"/>, a part of the tables at a time: see <see cref="ForwardingTable.AgePart"/>. Called until the round is over, and a second after it began again.
    /// Writer only.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="maxAge">As for <see cref="Age"/>.</param>
    /// <param name="isRound">Whether this call has ended a round through both tables.</param>
    /// <returns>How many were removed.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxAge"/> is negative.</exception>
    public int AgePart(long now, long maxAge, out bool isRound)
    {
        // First the one, then the other: a call reads a part of one.
        int removed = _ageNeighbors ? Neighbors.AgePart(now, maxAge, out isRound) : Forwarding.AgePart(now, maxAge, out isRound);
        bool wasNeighbors = _ageNeighbors;
        _ageNeighbors ^= isRound;
        isRound &= wasNeighbors;
        return removed;
    }

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

    private static void CheckMember(RouteMember member)
    {
        RouteEntry route = member.Entry;
        if (route.Remote.IsUnspecified || route.Remote.IsMulticast || route.Remote.IsBroadcast)
        {
            throw new ArgumentException($"{route.Remote} is not a unicast address; a route names remotes.", nameof(member));
        }

        if (route.Mac.IsMulticast)
        {
            throw new ArgumentException($"{route.Mac} is not a unicast address; the other end of a route has one.", nameof(member));
        }
    }

    private void SetRoute(Vni? vni, ValueIPAddress prefix, int length, IReadOnlyList<RouteMember> members)
    {
        foreach (RouteMember member in members)
        {
            CheckMember(member);
        }

        bool wasNamed = Routes.TryGetTarget(vni, prefix, length, out RouteTarget before);
        RouteTarget after = wasNamed ? before.With(members) : RouteTarget.Create(members);
        Routes.Set(vni, prefix, length, after);

        // First the new, then the old: a remote that stays must not be forgotten in between.
        Retain(after);
        if (wasNamed)
        {
            Release(before);
        }
    }

    private void RemoveRoute(Vni? vni, ValueIPAddress prefix, int length)
    {
        if (Routes.TryGetTarget(vni, prefix, length, out RouteTarget before))
        {
            Routes.Remove(vni, prefix, length);
            Release(before);
        }
    }

    private void Retain(in RouteTarget target)
    {
        foreach (RouteMember member in target.Members)
        {
            Retain(member.Entry.Remote);
        }
    }

    private void Release(in RouteTarget target)
    {
        foreach (RouteMember member in target.Members)
        {
            Release(member.Entry.Remote);
        }
    }

    private bool TryGetNamed(Vni vni, MacAddress mac, out ValueIPAddress remote)
    {
        bool isFound = Forwarding.TryLookup(vni, mac, out FdbEntry entry);
        remote = entry.Remote;
        return isFound && entry.Origin != FdbOrigin.Learned;
    }

    private void Retain(ValueIPAddress remote) => Count(remote, 1);

    private void Release(ValueIPAddress remote)
    {
        if (Count(remote, -1) == 0)
        {
            Forwarding.ForgetLearned(remote);
        }
    }

    /// <summary>Changes how many entries name a remote, and returns how many do now.</summary>
    private ulong Count(ValueIPAddress remote, long difference)
    {
        ulong count = _known.Add(0, remote, difference);
        if (remote.IsIPv4)
        {
            if (count == 0)
            {
                _knownIPv4.Remove(remote.ToIPv4());
            }
            else
            {
                _knownIPv4.Add(remote.ToIPv4());
            }
        }

        return count;
    }
}
