using Overlay.Encapsulation;
using Overlay.Tables;

namespace Overlay.DataPath;

/// <summary>
/// The MTU of the path to each remote of a tunnel, what it was found by and when (RFC 2003 §5.1: "soft state" of the entry). Readers take no lock and
/// never allocate; writers take turns, on any thread.
/// </summary>
/// <remarks>
/// <para>
/// Three things bear on a remote. The <em>bound</em> is what configuration or route say. <em>Probing</em> finds what passes below it. <em>ICMP</em> lowers
/// what holds, never raises it, and is forgotten after <see cref="PathMtuOptions.LifetimeMilliseconds"/>, or when a probe has proved something else since:
/// a message may be forged, an answered probe is not. What holds is the smallest of the three.
/// </para>
/// <para>
/// All MTUs are bytes of the outer IP packet. A remote keeps its number until it is removed; a number that was freed goes to another remote only when there
/// are no fresh ones left. Time is monotonic milliseconds of any origin.
/// </para>
/// </remarks>
public sealed class PathMtus
{
    /// <summary>How many remotes there can be at a time. Where strangers may be remotes, a bound keeps them from filling the memory.</summary>
    public const int MaxRemotes = 65_536;

    private const int InitialCapacity = 16;

    // RFC 1191 §7.1, Table 7-1: what to try next where a router older than that RFC does not say its MTU.
    private static ReadOnlySpan<ushort> Plateaus => [65_535, 32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006, 508, 296, 68];

    private readonly Lock _gate = new();
    private readonly PathMtuOptions _options;
    private readonly AddressMap _indices = new();
    private readonly Queue<int> _freed = new();
    private Entry[] _entries = new Entry[InitialCapacity];

    // What readers see of an entry.
    private int[] _effective = new int[InitialCapacity];
    private int[] _bounds = new int[InitialCapacity];
    private int _count;
    private int _default;
    private int _smallest;
    private int _version;

    /// <summary>Knows of no remote yet.</summary>
    /// <param name="defaultMtu">What holds for a remote that nothing is known of, in bytes: the MTU of the link.</param>
    /// <param name="options">How far messages are believed; null for the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">An MTU below <see cref="TunnelMtu.Minimum"/>, or a lifetime of less than a second.</exception>
    public PathMtus(int defaultMtu = TunnelMtu.Maximum, PathMtuOptions? options = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(defaultMtu, TunnelMtu.Minimum);
        _options = options ?? new PathMtuOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.MinimumIPv4, TunnelMtu.Minimum, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_options.MinimumIPv4, TunnelMtu.Maximum, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.LifetimeMilliseconds, 1_000, nameof(options));
        _default = Math.Min(defaultMtu, TunnelMtu.Maximum);
        _smallest = _default;
    }

    /// <summary>What it was made with.</summary>
    public PathMtuOptions Options => _options;

    /// <summary>Remotes that something is known of.</summary>
    public int Count => _indices.Count;

    /// <summary>All numbers given out so far are below this.</summary>
    public int Capacity => Volatile.Read(ref _count);

    /// <summary>What holds for a remote that nothing is known of, in bytes.</summary>
    public int Default => Volatile.Read(ref _default);

    /// <summary>The least of all that hold, in bytes: an outer packet that is no longer passes everywhere, and nothing needs to be looked up for it.</summary>
    public int Smallest => Volatile.Read(ref _smallest);

    /// <summary>Changes whenever what holds for any remote does.</summary>
    public int Version => Volatile.Read(ref _version);

    /// <summary>The path MTU towards a remote, in bytes. Any thread.</summary>
    public int Get(ValueIPAddress remote) => TryGetIndex(remote, out int index) ? Get(index) : Default;

    /// <summary>The path MTU towards a remote by its number, in bytes. Any thread.</summary>
    /// <exception cref="IndexOutOfRangeException">The number was never given out.</exception>
    public int Get(int index)
    {
        int effective = Volatile.Read(ref Volatile.Read(ref _effective)[index]);
        return effective != 0 ? effective : Default;
    }

    /// <summary>What configuration or route allow towards a remote, whatever was learned below that, in bytes. Any thread.</summary>
    public int GetBound(ValueIPAddress remote)
    {
        int bound = TryGetIndex(remote, out int index) ? Volatile.Read(ref Volatile.Read(ref _bounds)[index]) : 0;
        return bound != 0 ? bound : Default;
    }

    /// <summary>The number of a remote, if it has one. Any thread.</summary>
    public bool TryGetIndex(ValueIPAddress remote, out int index)
    {
        bool isKnown = _indices.TryGet(0, remote, out ulong number);
        index = (int)number - 1;
        return isKnown;
    }

    /// <summary>Gives a remote a number, or finds the one that it has. Any thread.</summary>
    /// <returns>The number; −1 if there are <see cref="MaxRemotes"/> remotes.</returns>
    public int Add(ValueIPAddress remote)
    {
        lock (_gate)
        {
            if (TryGetIndex(remote, out int index))
            {
                return index;
            }

            if (_count < MaxRemotes)
            {
                index = _count;
                Reserve(index + 1);
                Volatile.Write(ref _count, index + 1);
            }
            else if (!_freed.TryDequeue(out index))
            {
                return -1;
            }

            _entries[index] = new Entry { Remote = remote, IsUsed = true };
            Publish(index);
            _indices.Set(0, remote, (ulong)index + 1);
            return index;
        }
    }

    /// <summary>Forgets a remote. Any thread.</summary>
    /// <returns>Whether it had a number.</returns>
    public bool Remove(ValueIPAddress remote)
    {
        lock (_gate)
        {
            if (!TryGetIndex(remote, out int index))
            {
                return false;
            }

            _indices.Remove(0, remote);
            _entries[index] = default;
            _freed.Enqueue(index);
            Publish(index);
            return true;
        }
    }

    /// <summary>Says what holds for remotes that nothing is known of.</summary>
    /// <param name="mtu">Bytes; more than an IP packet can have counts as that.</param>
    /// <exception cref="ArgumentOutOfRangeException">Less than <see cref="TunnelMtu.Minimum"/>.</exception>
    public void SetDefault(int mtu)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(mtu, TunnelMtu.Minimum);
        lock (_gate)
        {
            Volatile.Write(ref _default, Math.Min(mtu, TunnelMtu.Maximum));
            for (int i = 0; i < _count; i++)
            {
                // What is known of a remote without a route is bounded by the default.
                Volatile.Write(ref _effective[i], _effective[i] != 0 ? Effective(_entries[i]) : 0);
            }

            FindSmallest();
            Volatile.Write(ref _version, _version + 1);
        }
    }

    /// <summary>Says what the route to a remote allows at most. What was learned below it stays.</summary>
    /// <param name="index">The remote's number.</param>
    /// <param name="mtu">Bytes; more than an IP packet can have counts as that.</param>
    /// <param name="now">The time.</param>
    /// <exception cref="ArgumentOutOfRangeException">No remote has the number, or the MTU is less than <see cref="TunnelMtu.Minimum"/>.</exception>
    public void SetRoute(int index, int mtu, long now) => SetBound(index, mtu, PathMtuSource.Route, now);

    /// <summary>Says what the configuration allows at most, whatever the route says.</summary>
    /// <inheritdoc cref="SetRoute"/>
    public void SetConfigured(int index, int mtu, long now) => SetBound(index, mtu, PathMtuSource.Configuration, now);

    /// <summary>
    /// Takes what a router says of a packet of ours. Whoever calls has made sure that it is about such a packet: that it quotes one that a live tunnel sends to this remote.
    /// </summary>
    /// <param name="index">The remote's number.</param>
    /// <param name="mtu">The MTU in the message, in bytes; over IPv4 0 from a router that does not say it, and then see <see cref="BelowPlateau"/>.</param>
    /// <param name="now">The time.</param>
    /// <returns>
    /// false if nothing changed: it would raise what holds (RFC 1191 §3: MUST NOT), or it is below what a path of that family can have – less than 68 bytes
    /// over IPv4 (RFC 1191 §3), than 1 280 over IPv6 (RFC 8201 §4).
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException">No remote has the number.</exception>
    public bool Lower(int index, int mtu, long now)
    {
        lock (_gate)
        {
            ref Entry entry = ref Used(index);
            bool isIPv4 = entry.Remote.IsIPv4;
            if (mtu < (isIPv4 ? TunnelMtu.Minimum : PathMtuOptions.MinimumIPv6))
            {
                return false;
            }

            mtu = Math.Max(mtu, isIPv4 ? _options.MinimumIPv4 : PathMtuOptions.MinimumIPv6);
            int current = Effective(entry);
            if (mtu > current || (mtu == current && entry.Icmp != mtu))
            {
                return false;
            }

            bool isLower = mtu < current;
            entry.Icmp = mtu;
            entry.IcmpSince = now;
            Publish(index);
            return isLower;
        }
    }

    /// <summary>Takes a size that a probe has shown to pass (RFC 8899 §5.3). What ICMP said before is forgotten: this is proved.</summary>
    /// <param name="index">The remote's number.</param>
    /// <param name="mtu">The outer packet that was answered, in bytes. Nothing above the bound comes of it.</param>
    /// <param name="now">The time.</param>
    /// <exception cref="ArgumentOutOfRangeException">No remote has the number, or the MTU is less than <see cref="TunnelMtu.Minimum"/>.</exception>
    public void Found(int index, int mtu, long now)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(mtu, TunnelMtu.Minimum);
        lock (_gate)
        {
            ref Entry entry = ref Used(index);
            entry.Probe = Math.Min(mtu, TunnelMtu.Maximum);
            entry.ProbeSince = now;
            entry.Icmp = 0;
            Publish(index);
        }
    }

    /// <summary>Falls back to a size because packets of the present one vanish (RFC 8899 §4.3).</summary>
    /// <param name="index">The remote's number.</param>
    /// <param name="mtu">The base PLPMTU in bytes.</param>
    /// <param name="now">The time.</param>
    /// <exception cref="ArgumentOutOfRangeException">No remote has the number, or the MTU is less than <see cref="TunnelMtu.Minimum"/>.</exception>
    public void BlackHole(int index, int mtu, long now) => Found(index, mtu, now);

    /// <summary>Forgets what was learned of a remote: its packets take another way now, or nobody probes any longer.</summary>
    /// <param name="index">The remote's number.</param>
    /// <exception cref="ArgumentOutOfRangeException">No remote has the number.</exception>
    public void Forget(int index)
    {
        lock (_gate)
        {
            ref Entry entry = ref Used(index);
            entry.Icmp = 0;
            entry.Probe = 0;
            Publish(index);
        }
    }

    /// <summary>Forgets what ICMP said long enough ago, so that a path that grew again is found out (RFC 1191 §6.3). About once a second.</summary>
    /// <returns>How many remotes it was forgotten for.</returns>
    public int Age(long now)
    {
        int aged = 0;
        lock (_gate)
        {
            for (int i = 0; i < _count; i++)
            {
                ref Entry entry = ref _entries[i];
                if (entry.Icmp != 0 && now - entry.IcmpSince >= _options.LifetimeMilliseconds)
                {
                    entry.Icmp = 0;
                    Publish(i);
                    aged++;
                }
            }
        }

        return aged;
    }

    /// <summary>What is known of a remote. Any thread.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No remote has the number.</exception>
    public PathMtuRow Row(int index)
    {
        lock (_gate)
        {
            return ToRow(index, Used(index));
        }
    }

    /// <summary>What is known of a remote. Any thread.</summary>
    /// <returns>false if nothing is.</returns>
    public bool TryGetRow(ValueIPAddress remote, out PathMtuRow row)
    {
        lock (_gate)
        {
            bool isKnown = TryGetIndex(remote, out int index);
            row = isKnown ? ToRow(index, _entries[index]) : default;
            return isKnown;
        }
    }

    /// <summary>What is known of all remotes. Any thread.</summary>
    public IReadOnlyList<PathMtuRow> Snapshot()
    {
        List<PathMtuRow> rows = [];
        lock (_gate)
        {
            for (int i = 0; i < _count; i++)
            {
                if (_entries[i].IsUsed)
                {
                    rows.Add(ToRow(i, _entries[i]));
                }
            }
        }

        return rows;
    }

    /// <summary>The size to try where a router does not say its MTU (RFC 1191 §7.1): the next lower of those that links have.</summary>
    /// <param name="length">The total length of the packet that did not pass, in bytes.</param>
    /// <returns>At least 68.</returns>
    public static int BelowPlateau(int length)
    {
        foreach (ushort plateau in Plateaus)
        {
            if (plateau < length)
            {
                return plateau;
            }
        }

        return TunnelMtu.Minimum;
    }

    private void SetBound(int index, int mtu, PathMtuSource source, long now)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(mtu, TunnelMtu.Minimum);
        lock (_gate)
        {
            ref Entry entry = ref Used(index);
            mtu = Math.Min(mtu, TunnelMtu.Maximum);
            if (entry.Bound == mtu && entry.BoundSource == source)
            {
                return;
            }

            entry.Bound = mtu;
            entry.BoundSource = source;
            entry.BoundSince = now;
            Publish(index);
        }
    }

    private ref Entry Used(int index)
    {
        if ((uint)index >= (uint)_count || !_entries[index].IsUsed)
        {
            throw new ArgumentOutOfRangeException(nameof(index), index, "No remote has this number.");
        }

        return ref _entries[index];
    }

    private PathMtuRow ToRow(int index, in Entry entry)
    {
        int mtu = Effective(entry);
        int bound = entry.Bound != 0 ? entry.Bound : _default;
        PathMtu path = entry.Icmp == mtu ? new PathMtu(mtu, PathMtuSource.Icmp, entry.IcmpSince)
            : entry.Probe == mtu ? new PathMtu(mtu, PathMtuSource.Probe, entry.ProbeSince)
            : new PathMtu(mtu, entry.BoundSource, entry.BoundSince);
        return new PathMtuRow(index, entry.Remote, path, bound);
    }

    private int Effective(in Entry entry)
    {
        int mtu = entry.Bound != 0 ? entry.Bound : _default;
        mtu = entry.Probe != 0 ? Math.Min(mtu, entry.Probe) : mtu;
        return entry.Icmp != 0 ? Math.Min(mtu, entry.Icmp) : mtu;
    }

    // An entry that nothing is known of follows the default, which is looked up when it is read.
    private void Publish(int index)
    {
        ref readonly Entry entry = ref _entries[index];
        int before = _effective[index] != 0 ? _effective[index] : _default;
        int after = Effective(entry);
        Volatile.Write(ref _effective[index], entry.Bound != 0 || entry.Probe != 0 || entry.Icmp != 0 ? after : 0);
        Volatile.Write(ref _bounds[index], entry.Bound);
        if (after < _smallest)
        {
            Volatile.Write(ref _smallest, after);
        }
        else if (before == _smallest && after != before)
        {
            // It may have been the only one as small as that.
            FindSmallest();
        }

        if (after != before)
        {
            Volatile.Write(ref _version, _version + 1);
        }
    }

    private void FindSmallest()
    {
        int smallest = _default;
        for (int i = 0; i < _count; i++)
        {
            smallest = _effective[i] != 0 ? Math.Min(smallest, _effective[i]) : smallest;
        }

        Volatile.Write(ref _smallest, smallest);
    }

    private void Reserve(int count)
    {
        if (count <= _entries.Length)
        {
            return;
        }

        Array.Resize(ref _entries, 2 * _entries.Length);
        int[] effective = new int[_entries.Length];
        _effective.CopyTo(effective, 0);
        int[] bounds = new int[_entries.Length];
        _bounds.CopyTo(bounds, 0);
        Volatile.Write(ref _bounds, bounds);
        Volatile.Write(ref _effective, effective);
    }

    // 0 says that there is none.
    private struct Entry
    {
        public ValueIPAddress Remote;
        public bool IsUsed;
        public PathMtuSource BoundSource;
        public int Bound;
        public int Icmp;
        public int Probe;
        public long BoundSince;
        public long IcmpSince;
        public long ProbeSince;
    }
}
