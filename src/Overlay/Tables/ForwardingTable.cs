using System.Runtime.InteropServices;

namespace Overlay.Tables;

/// <summary>
/// The forwarding database of a VTEP: (VNI, inner MAC address) → remote (RFC 7348 §4.1). One writer; any number of readers, which take no lock,
/// never wait and never allocate.
/// </summary>
/// <remarks>
/// <para>
/// An entry is one word beside its key (<see cref="ForwardingSlots"/>), so it is seen whole or not at all, and it is replaced by one store. The table takes
/// at most 48 bytes per entry from some thousand entries on, also while it grows, and no change of one entry copies more than 16 384 slots.
/// </para>
/// <para>
/// Reading: <see cref="TryLookup(Vni, MacAddress, out FdbEntry)"/>, <see cref="Lookup"/>, <see cref="NeedsLearning"/>, <see cref="GetRemote"/>,
/// <see cref="CountOf"/>, <see cref="Snapshot"/> and the counters. All else belongs to the one writer. Time is monotonic milliseconds of any origin.
/// </para>
/// </remarks>
public sealed partial class ForwardingTable
{
    /// <summary>How many entries learning may fill unless told otherwise.</summary>
    public const int DefaultMaxEntries = 65_536;

    /// <summary>The largest number of entries that learning may be allowed to fill.</summary>
    public const int MaxEntriesLimit = 1 << 22;

    /// <summary>How often <see cref="NeedsLearning"/> stores the time for one entry, at most, in milliseconds.</summary>
    public const int RefreshIntervalMilliseconds = 1_000;

    /// <summary>
    /// How long a host must not have been heard before its entry makes way in a full table, in milliseconds. Twice the interval at which hearing is noted:
    /// a host that talks is never taken for a silent one.
    /// </summary>
    public const int EvictionAgeMilliseconds = 2 * RefreshIntervalMilliseconds;

    /// <summary>The longest <c>maxAge</c> for which <see cref="Age"/> removes anything, in milliseconds: 12.4 days.</summary>
    public const int MaxAgeLimit = int.MaxValue >> 1;

    /// <summary>How long a remote index stays unused before it may stand for another remote, in milliseconds.</summary>
    public const int RemoteQuarantineMilliseconds = InternedRemotes.QuarantineMilliseconds;

    private const int MinimumRemoteLimit = 1_024;

    // How many keys are hashed and their lines asked for before the first is looked at: about as many loads as a core has under way at once.
    private const int GroupSize = 32;

    // A search for old entries reads the whole table, so one finds many, and there are at most ten a second.
    private const int EvictionBatch = 1_024;
    private const int EvictionSearchInterval = 100;
    private const int EvictionQueues = 256;

    // The value word: high VNI 8, frozen 1, heard 31, origin + 1 2, remote index 22.
    private const ulong Frozen = 1UL << 55;
    private const int HeardShift = 24;
    private const uint HeardMask = int.MaxValue;
    private const ulong IndexMask = (1UL << ForwardingSlots.StateShift) - 1;

    private readonly HashSeed _seed;
    private readonly ForwardingTableOptions _options;
    private readonly long _moveWindow;
    private readonly long _freezeTime;
    private readonly int _remoteLimit;
    private readonly InternedRemotes _remotes = new();
    private readonly AddressMap _counts = new();
    private readonly AddressMap _own = new();

    // Remotes that were forgotten while the table was large, and in how many rounds what was learned from them is still looked for.
    private readonly Dictionary<int, int> _departed = [];
    private readonly Dictionary<ForwardingKey, MoveRecord> _moving = [];
    private readonly Dictionary<Vni, Queue<ForwardingKey>> _oldestOfNetwork = [];
    private readonly Queue<ForwardingKey> _oldest = new();
    private ForwardingSlots _slots;
    private ulong _position;
    private Books _books = new() { NextSearch = long.MinValue, NoEvictionBefore = long.MinValue };

    /// <summary>Makes an empty table that learns at most <see cref="DefaultMaxEntries"/> entries.</summary>
    public ForwardingTable()
        : this(new ForwardingTableOptions())
    {
    }

    /// <summary>Makes an empty table.</summary>
    /// <param name="maxEntries">See <see cref="ForwardingTableOptions.MaxEntries"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxEntries"/> is out of range.</exception>
    public ForwardingTable(int maxEntries)
        : this(new ForwardingTableOptions { MaxEntries = maxEntries })
    {
    }

    /// <summary>Makes an empty table.</summary>
    /// <param name="options">How much it may learn, and what it makes of addresses that move.</param>
    /// <exception cref="ArgumentOutOfRangeException">One of the options is out of range.</exception>
    public ForwardingTable(ForwardingTableOptions options)
        : this(options, HashSeed.Create())
    {
    }

    internal ForwardingTable(ForwardingTableOptions options, HashSeed seed)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        _options = options;
        _moveWindow = (long)options.MoveWindow.TotalMilliseconds;
        _freezeTime = (long)options.FreezeTime.TotalMilliseconds;
        _seed = seed;
        _slots = new ForwardingSlots(seed);

        // Each move to a new remote costs an index for the time of the quarantine; without a bound a stranger who forges sources could fill the memory.
        _remoteLimit = Math.Min(Math.Max(2 * options.MaxEntries, MinimumRemoteLimit), InternedRemotes.MaxIndices);
    }

    /// <summary>How many entries learning may fill.</summary>
    public int MaxEntries => _options.MaxEntries;

    /// <summary>What the table was made with.</summary>
    public ForwardingTableOptions Options => _options;

    /// <summary>Entries of all origins.</summary>
    public int Count => Volatile.Read(ref _books.Count);

    /// <summary>How often a learned MAC address turned up behind another remote, and moved there.</summary>
    public long Moves => Volatile.Read(ref _books.Moves);

    /// <summary>How often a MAC address was frozen because it moved too often (RFC 7432 §15.1).</summary>
    public long Freezes => Volatile.Read(ref _books.Freezes);

    /// <summary>How many MAC addresses are frozen.</summary>
    public int FrozenCount => Volatile.Read(ref _books.FrozenCount);

    /// <summary>How many learned entries made way for others because the table was full.</summary>
    public long Evictions => Volatile.Read(ref _books.Evictions);

    /// <summary>What was not learned, and why.</summary>
    public LearnRefusals Refusals => new(
        Volatile.Read(ref _books.RefusedFull),
        Volatile.Read(ref _books.RefusedProtected),
        Volatile.Read(ref _books.RefusedInvalid),
        Volatile.Read(ref _books.RefusedOwn),
        Volatile.Read(ref _books.RefusedFrozen),
        Volatile.Read(ref _books.RefusedUnpermitted));

    /// <summary>
    /// Bytes that the table holds: slots, remotes and what is counted per network. Without what readers still hold of superseded arrays, and without
    /// the records of addresses that moved lately. Writer only.
    /// </summary>
    public long Bytes => _slots.Bytes + _remotes.Bytes + _counts.Bytes + _own.Bytes;

    /// <summary>The part of <see cref="Bytes"/> that grows with the entries.</summary>
    internal long SlotBytes => _slots.Bytes;

    /// <summary>All remote indices given out so far are below this.</summary>
    public int RemoteCapacity => _remotes.Capacity;

    /// <summary>
    /// Changes before a remote index gets a new meaning. Who keeps something per index reads this after the look-up, and if it changed
    /// compares <see cref="GetRemote"/> with what was kept.
    /// </summary>
    public int RemotesVersion => _remotes.Version;

    /// <summary>Finds where frames to a MAC address go.</summary>
    public bool TryLookup(Vni vni, MacAddress mac, out FdbEntry entry)
    {
        ulong value = Volatile.Read(ref _slots).Find(vni, mac);
        if (!ForwardingSlots.IsLive(value))
        {
            entry = default;
            return false;
        }

        entry = EntryOf(value);
        return true;
    }

    /// <summary>
    /// Finds where frames to a MAC address go, as an index of a remote: whoever keeps a prepared header per remote saves a second look-up.
    /// </summary>
    /// <param name="vni">The network.</param>
    /// <param name="mac">The inner destination.</param>
    /// <param name="remoteIndex">0 to <see cref="RemoteCapacity"/> − 1. It stands for one remote, port and VNI until <see cref="RemoteQuarantineMilliseconds"/> after its last use.</param>
    public bool TryLookup(Vni vni, MacAddress mac, out int remoteIndex)
    {
        ulong value = Volatile.Read(ref _slots).Find(vni, mac);
        remoteIndex = (int)(value & IndexMask);
        return ForwardingSlots.IsLive(value);
    }

    /// <summary>
    /// Finds where frames to many MAC addresses go, as indices of remotes. The keys' cache lines are asked for in groups, so that memory is waited for once
    /// per group and not once per key. All keys are looked up on one side of a <see cref="Replace"/>.
    /// </summary>
    /// <param name="keys">Networks and inner destinations.</param>
    /// <param name="remoteIndices">An index for each key, as from <see cref="TryLookup(Vni, MacAddress, out int)"/>; −1 where there is no entry.</param>
    /// <returns>How many keys have an entry.</returns>
    /// <exception cref="ArgumentException"><paramref name="remoteIndices"/> is shorter than <paramref name="keys"/>.</exception>
    public int Lookup(ReadOnlySpan<ForwardingKey> keys, Span<int> remoteIndices)
    {
        if (remoteIndices.Length < keys.Length)
        {
            throw new ArgumentException($"{keys.Length} keys have {keys.Length} answers; there is room for {remoteIndices.Length}.", nameof(remoteIndices));
        }

        ForwardingSlots slots = Volatile.Read(ref _slots);
        ForwardingSlots.Directory directory = slots.Current;
        Span<ulong> hashes = stackalloc ulong[GroupSize];
        int found = 0;
        while (!keys.IsEmpty)
        {
            ReadOnlySpan<ForwardingKey> group = keys[..Math.Min(keys.Length, GroupSize)];
            Span<int> answers = remoteIndices[..group.Length];
            for (int i = 0; i < group.Length && i < hashes.Length; i++)
            {
                hashes[i] = slots.HashOf(ForwardingSlots.KeyOf(group[i].Vni, group[i].Mac), group[i].Vni);
                directory.Prefetch(hashes[i]);
            }

            for (int i = 0; i < group.Length && i < hashes.Length; i++)
            {
                ulong value = ForwardingSlots.Find(
                    directory, hashes[i], ForwardingSlots.KeyOf(group[i].Vni, group[i].Mac), group[i].Vni);
                bool isFound = ForwardingSlots.IsLive(value);
                answers[i] = isFound ? (int)(value & IndexMask) : -1;
                found += isFound ? 1 : 0;
            }

            keys = keys[group.Length..];
            remoteIndices = remoteIndices[group.Length..];
        }

        return found;
    }

    /// <summary>What a remote index stands for.</summary>
    /// <param name="remoteIndex">From <see cref="TryLookup(Vni, MacAddress, out int)"/>.</param>
    /// <exception cref="IndexOutOfRangeException">No index of this table.</exception>
    public FdbRemote GetRemote(int remoteIndex) => _remotes.Get(remoteIndex);

    /// <summary>The same without a copy, for who takes the fields at once.</summary>
    internal ref readonly FdbRemote RemoteOf(int remoteIndex) => ref _remotes.Get(remoteIndex);

    /// <summary>Entries of all origins in one network. Any thread.</summary>
    public int CountOf(Vni vni) => _counts.TryGet(vni.Value, default, out ulong count) ? (int)count : 0;

    /// <summary>
    /// Asked by a worker for each received frame: must (VNI, inner source, outer source) go to the writer? True if the address is new or at another
    /// remote. Otherwise the entry is marked as heard, at most once in <see cref="RefreshIntervalMilliseconds"/>. What <see cref="Learn(Vni, MacAddress, ValueIPAddress, long)"/> would refuse is
    /// refused and counted here, so that a flood of it does not fill the queue.
    /// </summary>
    public bool NeedsLearning(Vni vni, MacAddress mac, ValueIPAddress remote, long now)
    {
        int slot = Volatile.Read(ref _slots).FindSlot(vni, mac, out ulong[] words, out ulong value);
        if (slot < 0)
        {
            return IsLearnable(vni, mac, remote) && (!IsFull(vni) || MayEvict(now));
        }

        bool isSame = _remotes.Get((int)(value & IndexMask)).Address == remote;
        if (OriginOf(value) != FdbOrigin.Learned)
        {
            if (!isSame)
            {
                Interlocked.Increment(ref _books.RefusedProtected);
            }

            return false;
        }

        if (isSame)
        {
            // Only if the entry is still what it was: the writer's word stands.
            if (Idle(now, value) >= RefreshIntervalMilliseconds)
            {
                Interlocked.CompareExchange(ref words[slot], Heard(value, now), value);
            }

            return false;
        }

        if ((value & Frozen) != 0)
        {
            Interlocked.Increment(ref _books.RefusedFrozen);
            return false;
        }

        return IsLearnable(vni, mac, remote);
    }

    /// <summary>Learns an address, or marks it as heard. Writer only.</summary>
    /// <returns>
    /// Whether a learned entry now says so. false, and counted in <see cref="Refusals"/>: the MAC address is multicast, zero or this VTEP's own, the remote is
    /// not unicast, an entry of another origin names another remote, the address is frozen elsewhere, or the table is full.
    /// </returns>
    public bool Learn(Vni vni, MacAddress mac, ValueIPAddress remote, long now)
    {
        if (!IsLearnable(vni, mac, remote))
        {
            return false;
        }

        int slot = _slots.FindSlot(vni, mac, out ulong[] words, out ulong old);
        if (slot < 0)
        {
            return (!IsFull(vni) || Evict(vni, now) || Refuse(ref _books.RefusedFull)) && Learn(vni, mac, remote, 0, now);
        }

        bool isSame = _remotes.Get((int)(old & IndexMask)).Address == remote;
        if (OriginOf(old) != FdbOrigin.Learned)
        {
            return !isSame && Refuse(ref _books.RefusedProtected);
        }

        if (isSame)
        {
            Volatile.Write(ref words[slot], Heard(old, now));
            return true;
        }

        ForwardingKey key = new(vni, mac);
        if ((old & Frozen) != 0)
        {
            if (now < _moving[key].Until)
            {
                return Refuse(ref _books.RefusedFrozen);
            }

            Thaw(key);
        }

        MoveRecord moves = AfterMove(key, now);
        if (!Learn(vni, mac, remote, moves.IsFrozen ? Frozen : 0, now))
        {
            return false;
        }

        CountMove(key, moves);
        return true;
    }

    /// <summary>Sets an entry, whatever was there before. Writer only.</summary>
    /// <param name="vni">The network.</param>
    /// <param name="mac">A unicast address.</param>
    /// <param name="entry">Static or external, with a unicast remote.</param>
    /// <returns>Whether there was no entry before.</returns>
    /// <exception cref="ArgumentException">
    /// The MAC address is multicast or zero (those go by the <see cref="FloodList"/>), the remote is not unicast, or the origin is
    /// <see cref="FdbOrigin.Learned"/> (those come by <see cref="Learn(Vni, MacAddress, ValueIPAddress, long)"/>).
    /// </exception>
    /// <exception cref="InvalidOperationException">2²² remotes are in use or in quarantine.</exception>
    public bool Set(Vni vni, MacAddress mac, FdbEntry entry)
    {
        CheckKey(mac, nameof(mac));
        CheckOrigin(entry.Origin, nameof(entry));
        int index = Acquire(new FdbRemote(entry.Remote, entry.Port) { Vni = entry.Vni }, nameof(entry));
        return Put(vni, mac, Pack(vni, index, entry.Origin, 0));
    }

    /// <summary>Removes an entry of any origin. If it was frozen, it may be learned anywhere again. Writer only.</summary>
    /// <returns>Whether there was one.</returns>
    public bool Remove(Vni vni, MacAddress mac)
    {
        ulong old = _slots.Remove(vni, mac);
        if (old == 0)
        {
            return false;
        }

        Forget(new ForwardingKey(vni, mac), old);
        return true;
    }

    /// <summary>
    /// Replaces all entries of one origin by a set, and readers see all of it at once: one store publishes it. Entries of other origins stay, but learned
    /// ones whose key the set has, and external ones whose key a static set has. Writer only.
    /// </summary>
    /// <param name="origin">Static or external.</param>
    /// <param name="entries">The set. Of two with the same key the later one counts.</param>
    /// <exception cref="ArgumentException">The origin is <see cref="FdbOrigin.Learned"/>, or an address in the set is not unicast; nothing was changed.</exception>
    /// <exception cref="InvalidOperationException">2²² remotes are in use or in quarantine; nothing was changed.</exception>
    public ForwardingReplacement Replace(FdbOrigin origin, IEnumerable<KeyValuePair<ForwardingKey, FdbRemote>> entries) => Prepare(origin, entries).Commit();

    /// <summary>
    /// Says that a MAC address is this VTEP's: it is not learned, and what was learned of it is removed. Static and external entries may name it. Writer only.
    /// </summary>
    /// <returns>Whether it was not known to be so.</returns>
    /// <exception cref="ArgumentException">The MAC address is multicast or zero.</exception>
    public bool AddOwn(Vni vni, MacAddress mac)
    {
        CheckKey(mac, nameof(mac));
        if (_slots.FindSlot(vni, mac, out _, out ulong value) >= 0 && OriginOf(value) == FdbOrigin.Learned)
        {
            Remove(vni, mac);
        }

        return _own.Set(vni.Value, OwnKey(mac), 1);
    }

    /// <summary>Says that a MAC address is no longer this VTEP's. Writer only.</summary>
    /// <returns>Whether it was.</returns>
    public bool RemoveOwn(Vni vni, MacAddress mac) => _own.Remove(vni.Value, OwnKey(mac));

    /// <summary>Whether a MAC address is this VTEP's. Any thread.</summary>
    public bool IsOwn(Vni vni, MacAddress mac) => _own.Count > 0 && _own.TryGet(vni.Value, OwnKey(mac), out _);

    /// <summary>
    /// Removes the learned entries whose host was not heard for <paramref name="maxAge"/>; that frames are sent to it keeps no entry. Also thaws what was
    /// frozen long enough and takes unused remote indices out of quarantine, so it is to be called about once a second even if nothing is learned. It reads the
    /// whole table; <see cref="AgePart"/> does the same a part at a time. Writer only.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="maxAge">
    /// Milliseconds. An entry goes when it has been idle for so long or longer: 0 removes all learned ones, more than <see cref="MaxAgeLimit"/>
    /// (12.4 days) none. Since hearing is noted once a second, an entry may go up to a second early.
    /// </param>
    /// <returns>How many were removed.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxAge"/> is negative.</exception>
    public int Age(long now, long maxAge)
    {
        _position = 0;
        int removed = 0;
        bool isRound;
        do
        {
            removed += AgePart(now, maxAge, out isRound);
        }
        while (!isRound);

        _departed.Clear();
        return removed;
    }

    /// <summary>Removes what was learned from a remote. Writer only.</summary>
    /// <returns>How many were removed.</returns>
    public int RemoveLearned(ValueIPAddress remote)
    {
        int index = _remotes.Find(new FdbRemote(remote));
        return index >= 0 ? RemoveLearned(_slots, value => (int)(value & IndexMask) == index) : 0;
    }

    /// <summary>All entries, in no order. Any thread; entries that change meanwhile are seen before or after the change.</summary>
    /// <param name="now">The time, from which the idle times are counted.</param>
    public IReadOnlyList<ForwardingRow> Snapshot(long now)
    {
        List<ForwardingRow> rows = new(Count);
        foreach ((ulong key, ulong value) in Volatile.Read(ref _slots).Entries())
        {
            rows.Add(RowOf(key, value, now));
        }

        return rows;
    }

    /// <summary>Builds what <see cref="Replace"/> publishes; nothing is changed yet but the references of remotes.</summary>
    internal ForwardingPlan Prepare(FdbOrigin origin, IEnumerable<KeyValuePair<ForwardingKey, FdbRemote>> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        CheckOrigin(origin, nameof(origin));
        return new ForwardingPlan(this, origin, entries);
    }

    /// <summary>Counts an address whose remote may not teach.</summary>
    internal bool RefuseUnpermitted() => Refuse(ref _books.RefusedUnpermitted);

    private static bool IsUnicast(MacAddress mac) => !mac.IsMulticast && !mac.IsZero;

    private static bool IsUnicast(ValueIPAddress remote) => !remote.IsUnspecified && !remote.IsMulticast && !remote.IsBroadcast;

    private static void CheckKey(MacAddress mac, string parameter)
    {
        if (!IsUnicast(mac))
        {
            throw new ArgumentException($"{mac} is not a unicast address; frames to such addresses go by the flood list.", parameter);
        }
    }

    private static void CheckOrigin(FdbOrigin origin, string parameter)
    {
        if (origin is not (FdbOrigin.Static or FdbOrigin.External))
        {
            throw new ArgumentException("Only static and external entries are set; the others are learned.", parameter);
        }
    }

    private static ValueIPAddress OwnKey(MacAddress mac) => ValueIPAddress.FromHighLow(0, mac.Value);

    private static ulong Pack(Vni vni, int index, FdbOrigin origin, long now) =>
        Heard(ForwardingSlots.VniBitsOf(vni) | (((ulong)origin + 1) << ForwardingSlots.StateShift) | (uint)index, now);

    private static FdbOrigin OriginOf(ulong value) => (FdbOrigin)((value >> ForwardingSlots.StateShift & 3) - 1);

    private static ulong Heard(ulong value, long now) => (value & ~((ulong)HeardMask << HeardShift)) | ((ulong)((uint)now & HeardMask) << HeardShift);

    /// <summary>
    /// Milliseconds since an entry was heard, by the low 31 bits: right while entries are aged more often than every 12 days. Negative if a worker
    /// read its clock after the writer did.
    /// </summary>
    private static int Idle(long now, ulong value) => (int)(((uint)now - (uint)(value >> HeardShift)) << 1) >> 1;

    // Says no, and counts it.
    private static bool Refuse(ref long counter)
    {
        Interlocked.Increment(ref counter);
        return false;
    }

    private FdbEntry EntryOf(ulong value)
    {
        FdbRemote remote = _remotes.Get((int)(value & IndexMask));
        return new FdbEntry(remote.Address, remote.Port, OriginOf(value)) { Vni = remote.Vni };
    }

    private bool IsLearnable(Vni vni, MacAddress mac, ValueIPAddress remote) =>
        IsUnicast(mac) && IsUnicast(remote) ? !IsOwn(vni, mac) || Refuse(ref _books.RefusedOwn) : Refuse(ref _books.RefusedInvalid);

    private bool IsFull(Vni vni) => Count >= _options.MaxEntries || (_options.MaxEntriesPerVni < _options.MaxEntries && CountOf(vni) >= _options.MaxEntriesPerVni);

    /// <summary>Whether the writer may find an entry that makes way; if not it is counted, and the queue spared.</summary>
    private bool MayEvict(long now) =>
        (_options.WhenFull == ForwardingOverflow.EvictOldest && now >= Volatile.Read(ref _books.NoEvictionBefore)) || Refuse(ref _books.RefusedFull);

    private bool Learn(Vni vni, MacAddress mac, ValueIPAddress remote, ulong frozen, long now)
    {
        int index = _remotes.Acquire(new FdbRemote(remote), _remoteLimit);
        if (index < 0)
        {
            return Refuse(ref _books.RefusedFull);
        }

        Put(vni, mac, Pack(vni, index, FdbOrigin.Learned, now) | frozen);
        return true;
    }

    private int Acquire(FdbRemote remote, string parameter)
    {
        if (!IsUnicast(remote.Address))
        {
            throw new ArgumentException($"{remote.Address} is not a unicast address; an entry names one remote.", parameter);
        }

        int index = _remotes.Acquire(remote, InternedRemotes.MaxIndices);
        return index >= 0 ? index : throw new InvalidOperationException($"The table stands for {InternedRemotes.MaxIndices} remotes already.");
    }

    /// <summary>Stores an entry. The caller holds a reference to its remote; that of an entry replaced is given back.</summary>
    /// <returns>Whether there was no entry before.</returns>
    private bool Put(Vni vni, MacAddress mac, ulong value)
    {
        ulong old = _slots.Put(vni, mac, value);
        if (old == 0)
        {
            _counts.Add(vni.Value, default, 1);
            Volatile.Write(ref _books.Count, _books.Count + 1);
            return true;
        }

        _remotes.Release((int)(old & IndexMask));
        if (OriginOf(value) != FdbOrigin.Learned && OriginOf(old) == FdbOrigin.Learned)
        {
            Thaw(new ForwardingKey(vni, mac));
        }

        return false;
    }

    /// <summary>Settles the books for an entry that was taken out of its slot.</summary>
    private void Forget(ForwardingKey key, ulong old)
    {
        _remotes.Release((int)(old & IndexMask));
        _counts.Add(key.Vni.Value, default, -1);
        Volatile.Write(ref _books.Count, _books.Count - 1);
        Thaw(key);
    }

    private int RemoveLearned(ForwardingSlots slots, Predicate<ulong> isGone)
    {
        int before = _books.Count;
        slots.RemoveWhere(
            value => OriginOf(value) == FdbOrigin.Learned && isGone(value),
            (key, value) => Forget(ForwardingSlots.Unpack(key, value), value));
        return before - _books.Count;
    }

    /// <summary>
    /// What is counted, on lines of its own (two, since processors fetch pairs): a flood of addresses that are refused must not take the line away from which
    /// every look-up reads where the slots are.
    /// </summary>
    [StructLayout(LayoutKind.Explicit, Size = 384)]
    private struct Books
    {
        [FieldOffset(128)]
        public long RefusedFull;

        [FieldOffset(136)]
        public long RefusedProtected;

        [FieldOffset(144)]
        public long RefusedInvalid;

        [FieldOffset(152)]
        public long RefusedOwn;

        [FieldOffset(160)]
        public long RefusedFrozen;

        [FieldOffset(168)]
        public long RefusedUnpermitted;

        [FieldOffset(176)]
        public long Moves;

        [FieldOffset(184)]
        public long Freezes;

        [FieldOffset(192)]
        public long Evictions;

        [FieldOffset(200)]
        public int Count;

        [FieldOffset(204)]
        public int FrozenCount;

        [FieldOffset(208)]
        public long NextSearch;

        [FieldOffset(216)]
        public long NoEvictionBefore;
    }
}
