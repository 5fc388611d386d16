namespace Overlay.Tables;

/// <summary>
/// The remotes that the flows to a prefix are spread over (ECMP, RFC 2992 names the problem): a flow has a bucket, and a bucket has a remote. Immutable;
/// <see cref="WithMembers"/> makes the group that follows, in which as few buckets as possible change hands.
/// </summary>
/// <remarks>
/// There are <see cref="BucketCount"/> buckets, dealt out by weight one by one to whoever has fewest for his weight. Therefore two members of equal
/// weight differ by one bucket at most; no member has less than his share, rounded down; a member that leaves moves only its own flows; and one that comes takes
/// buckets up to its share, and nobody else's flows move. A weight below a 1024th of the sum may get no bucket.
/// </remarks>
public sealed class RouteGroup : IEquatable<RouteGroup>
{
    /// <summary>How many buckets the flows are sorted into.</summary>
    public const int BucketCount = 1 << BucketBits;

    /// <summary>The most remotes: each of them, of equal weight, has 8 buckets.</summary>
    public const int MaxMembers = 128;

    /// <summary>The largest weight.</summary>
    public const int MaxWeight = 255;

    private const int BucketBits = 10;

    // The fractional bits of the golden ratio: what differs anywhere in the hash differs in the upper bits of the product.
    private const uint Spread = 0x9E37_79B1;

    private readonly RouteMember[] _members;
    private readonly byte[] _buckets;
    private readonly int _hashCode;

    /// <summary>Makes a group.</summary>
    /// <param name="members">The remotes, each once.</param>
    /// <exception cref="ArgumentException">There is none, one stands twice, or there are more than <see cref="MaxMembers"/>.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A weight is less than 1 or more than <see cref="MaxWeight"/>.</exception>
    public RouteGroup(IEnumerable<RouteMember> members)
        : this(Check(members), null)
    {
    }

    private RouteGroup(RouteMember[] members, RouteGroup? before)
    {
        _members = members;
        _buckets = new byte[BucketCount];
        Span<int> counts = stackalloc int[MaxMembers];
        List<int> free = Keep(before, counts);
        foreach (int bucket in free)
        {
            Give(bucket, Neediest(counts), counts);
        }

        // Whoever came takes from those who have most for their weight, as long as that makes it fairer.
        while (true)
        {
            int to = Neediest(counts);
            int from = Richest(counts);
            if (counts[from] * _members[to].Weight <= (counts[to] + 1) * _members[from].Weight)
            {
                break;
            }

            int bucket = Array.LastIndexOf(_buckets, (byte)from);
            counts[from]--;
            Give(bucket, to, counts);
        }

        HashCode hash = default;
        hash.AddBytes(_buckets);
        foreach (RouteMember member in _members)
        {
            hash.Add(member);
        }

        _hashCode = hash.ToHashCode();
    }

    /// <summary>The remotes.</summary>
    public IReadOnlyList<RouteMember> Members => _members;

    /// <summary>The bucket of a flow: 0 to <see cref="BucketCount"/> - 1.</summary>
    /// <param name="flowHash">The hash of the flow's addresses and ports.</param>
    public static int BucketOf(uint flowHash) => (int)((flowHash * Spread) >> (32 - BucketBits));

    /// <summary>Where a flow goes: always to the same remote, as long as that is a member.</summary>
    /// <param name="flowHash">The hash of the flow's addresses and ports.</param>
    public RouteEntry Select(uint flowHash) => _members[_buckets[BucketOf(flowHash)]].Entry;

    /// <summary>The group that follows this one: only flows of members that have left or lost weight, and those that a new one gets, go elsewhere.</summary>
    /// <param name="members">All remotes of the new group. One is the same if remote and MAC address are; its weight may differ.</param>
    /// <exception cref="ArgumentException">There is none, one stands twice, or there are more than <see cref="MaxMembers"/>.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A weight is less than 1 or more than <see cref="MaxWeight"/>.</exception>
    public RouteGroup WithMembers(IEnumerable<RouteMember> members) => new(Check(members), this);

    /// <summary>Whether both have the same members and send every flow the same way.</summary>
    public bool Equals(RouteGroup? other) => ReferenceEquals(this, other) || (other is not null && _hashCode == other._hashCode
        && _buckets.AsSpan().SequenceEqual(other._buckets) && _members.AsSpan().SequenceEqual(other._members));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as RouteGroup);

    /// <inheritdoc/>
    public override int GetHashCode() => _hashCode;

    private static RouteMember[] Check(IEnumerable<RouteMember> members)
    {
        ArgumentNullException.ThrowIfNull(members);
        RouteMember[] array = [.. members];
        if (array.Length is 0 or > MaxMembers)
        {
            throw new ArgumentException($"A route leads to 1 to {MaxMembers} remotes, not {array.Length}.", nameof(members));
        }

        HashSet<RouteEntry> seen = [];
        foreach (RouteMember member in array)
        {
            if (member.Weight is < 1 or > MaxWeight)
            {
                throw new ArgumentOutOfRangeException(nameof(members), member.Weight, $"The weight of {member.Entry.Remote} is not in 1 to {MaxWeight}.");
            }

            if (!seen.Add(member.Entry))
            {
                throw new ArgumentException($"{member.Entry.Remote} stands twice among the remotes of a route; a weight gives it a larger share.", nameof(members));
            }
        }

        return array;
    }

    /// <summary>Leaves the buckets of members that stay where they are; returns the others.</summary>
    private List<int> Keep(RouteGroup? before, Span<int> counts)
    {
        List<int> free = [];
        int[] now = [.. before is null ? [] : before._members.Select(old => Array.FindIndex(_members, member => member.Entry == old.Entry))];
        for (int bucket = 0; bucket < BucketCount; bucket++)
        {
            int member = before is null ? -1 : now[before._buckets[bucket]];
            if (member < 0)
            {
                free.Add(bucket);
            }
            else
            {
                Give(bucket, member, counts);
            }
        }

        return free;
    }

    private void Give(int bucket, int member, Span<int> counts)
    {
        _buckets[bucket] = (byte)member;
        counts[member]++;
    }

    /// <summary>Who would have least for his weight with one bucket more.</summary>
    private int Neediest(ReadOnlySpan<int> counts)
    {
        int best = 0;
        for (int i = 1; i < _members.Length; i++)
        {
            best = (counts[i] + 1) * _members[best].Weight < (counts[best] + 1) * _members[i].Weight ? i : best;
        }

        return best;
    }

    /// <summary>Who has most for his weight.</summary>
    private int Richest(ReadOnlySpan<int> counts)
    {
        int best = 0;
        for (int i = 1; i < _members.Length; i++)
        {
            best = counts[i] * _members[best].Weight > counts[best] * _members[i].Weight ? i : best;
        }

        return best;
    }
}
