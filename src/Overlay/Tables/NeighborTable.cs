namespace Overlay.Tables;

/// <summary>
/// Inner neighbours: (VNI, inner IP address) → inner MAC address, from which ARP (RFC 826) and Neighbor Discovery (RFC 4861) are answered here instead
/// of being flooded (RFC 9161). One writer; any number of readers, which take no lock and never allocate.
/// </summary>
/// <remarks>
/// Reading: <see cref="TryGet"/>, <see cref="TryLookup"/>, <see cref="NeedsLearning"/>, <see cref="Snapshot"/> and the counters. All else
/// belongs to the one writer. Time is monotonic milliseconds of any origin.
/// </remarks>
public sealed class NeighborTable
{
    /// <summary>How often <see cref="NeedsLearning"/> stores the time for one entry, at most, in milliseconds.</summary>
    public const int RefreshIntervalMilliseconds = 1_000;

    /// <summary>How many slots a call of <see cref="AgePart"/> reads at most.</summary>
    public const int SweepSlots = ForwardingTable.SweepSlots;

    // The word: live, 0…, flags 3, origin 2, MAC address 48.
    private const ulong Live = 1UL << 63;
    private const int OriginShift = 48;
    private const int FlagsShift = 50;
    private const ulong MacMask = (1UL << OriginShift) - 1;

    private readonly HashSeed _seed;
    private readonly NeighborTableOptions _options;
    private readonly MoveWatch _moving;
    private NeighborMap _map;

    // The map that a round is under way in, null between rounds, and where it stands.
    private NeighborMap? _swept;
    private int _slot;
    private int _count;
    private int _learned;
    private long _moves;
    private long _refusedFull;
    private long _refusedProtected;
    private long _refusedInvalid;
    private long _refusedFrozen;
    private long _refusedElsewhere;

    /// <summary>Makes an empty table.</summary>
    /// <param name="options">Its bounds; null for the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">One of them is out of range.</exception>
    public NeighborTable(NeighborTableOptions? options = null)
        : this(options ?? NeighborTableOptions.Default, HashSeed.Create())
    {
    }

    internal NeighborTable(NeighborTableOptions options, HashSeed seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxLearned, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.MaxLearned, NeighborTableOptions.MaxLearnedLimit, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MoveLimit, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MoveWindow, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.FreezeTime, 1, nameof(options));
        _options = options;
        _seed = seed;
        _moving = new MoveWatch(options);
        _map = new NeighborMap(seed, 0);
    }

    /// <summary>Entries of all origins.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Learned entries.</summary>
    public int LearnedCount => Volatile.Read(ref _learned);

    /// <summary>How many learned entries there may be.</summary>
    public int MaxLearned => _options.MaxLearned;

    /// <summary>How often a learned address changed its MAC address.</summary>
    public long Moves => Volatile.Read(ref _moves);

    /// <summary>What was not taken, and why.</summary>
    public NeighborRefusals Refusals => new(
        Volatile.Read(ref _refusedFull), Volatile.Read(ref _refusedProtected), Volatile.Read(ref _refusedInvalid), Volatile.Read(ref _refusedFrozen),
        Volatile.Read(ref _refusedElsewhere));

    /// <summary>Bytes that the entries and the room for more take.</summary>
    internal long Bytes => _map.Bytes;

    /// <summary>Finds a neighbour, with all that is known of it.</summary>
    public bool TryGet(Vni vni, ValueIPAddress address, out NeighborEntry entry)
    {
        ulong word = WordOf(Volatile.Read(ref _map), vni, address);
        entry = word == 0 ? default : EntryOf(word);
        return word != 0;
    }

    /// <summary>Finds the MAC address of a neighbour.</summary>
    public bool TryLookup(Vni vni, ValueIPAddress address, out MacAddress mac)
    {
        ulong word = WordOf(Volatile.Read(ref _map), vni, address);
        mac = MacAddress.FromValue(word & MacMask);
        return word != 0;
    }

    /// <summary>
    /// Asked by a worker for each sender that it hears: must the writer <see cref="Learn"/> it? True if it is new or says something else. Otherwise the
    /// entry is marked as heard, at most once in <see cref="RefreshIntervalMilliseconds"/>; and what would be refused is refused and counted here.
    /// </summary>
    public bool NeedsLearning(Vni vni, ValueIPAddress address, MacAddress mac, NeighborFlags flags, long now)
    {
        if (!IsHost(address) || !IsHost(mac))
        {
            Interlocked.Increment(ref _refusedInvalid);
            return false;
        }

        NeighborMap map = Volatile.Read(ref _map);
        int slot = map.Find(vni.Value, address);
        ulong word = slot < 0 ? 0 : map.Word(slot);
        if (word == 0)
        {
            if (LearnedCount < MaxLearned)
            {
                return true;
            }

            Interlocked.Increment(ref _refusedFull);
            return false;
        }

        NeighborEntry entry = EntryOf(word);
        if (entry.Origin != NeighborOrigin.Learned)
        {
            if (entry.Mac != mac)
            {
                Interlocked.Increment(ref _refusedProtected);
            }

            return false;
        }

        if (entry.Mac != mac || entry.Flags != flags)
        {
            return true;
        }

        ref uint heard = ref map.Heard(slot);
        if (Idle(now, Volatile.Read(ref heard)) >= RefreshIntervalMilliseconds)
        {
            Volatile.Write(ref heard, (uint)now);
        }

        return false;
    }

    /// <summary>Learns a neighbour, or marks it as heard. Writer only.</summary>
    /// <param name="vni">The network.</param>
    /// <param name="address">Its address.</param>
    /// <param name="mac">Its MAC address.</param>
    /// <param name="flags">Router and override, as it says. Without override another MAC address is not taken (RFC 4861 §7.2.5).</param>
    /// <param name="now">The time.</param>
    /// <returns>Whether a learned entry now says so; if not, <see cref="Refusals"/> has counted it, unless another origin says the same.</returns>
    public bool Learn(Vni vni, ValueIPAddress address, MacAddress mac, NeighborFlags flags, long now)
    {
        if (!IsHost(address) || !IsHost(mac))
        {
            Interlocked.Increment(ref _refusedInvalid);
            return false;
        }

        int slot = _map.Find(vni.Value, address);
        ulong word = slot < 0 ? 0 : _map.Word(slot);
        ulong wanted = Pack(new NeighborEntry(mac, NeighborOrigin.Learned, flags & (NeighborFlags.Router | NeighborFlags.Override)));
        if (word == 0)
        {
            if (_moving.IsFrozen(vni, address, now))
            {
                Interlocked.Increment(ref _refusedFrozen);
                return false;
            }

            if (_learned >= MaxLearned)
            {
                Interlocked.Increment(ref _refusedFull);
                return false;
            }

            Put(vni, address, wanted, now);
            return true;
        }

        NeighborEntry entry = EntryOf(word);
        bool isSame = entry.Mac == mac;
        if (entry.Origin != NeighborOrigin.Learned || (!isSame && (flags & NeighborFlags.Override) == 0))
        {
            if (!isSame)
            {
                Interlocked.Increment(ref _refusedProtected);
            }

            return false;
        }

        if (!isSame)
        {
            if (!_moving.TryMove(vni, address, now, out bool frozen))
            {
                // Nobody knows which one is right, so the hosts themselves are to be asked: without an entry questions are flooded.
                Clear(slot);
                Interlocked.Increment(ref (frozen ? ref _refusedFrozen : ref _refusedFull));
                return false;
            }

            Volatile.Write(ref _moves, _moves + 1);
        }

        Put(vni, address, wanted, now);
        return true;
    }

    /// <summary>Removes a learned entry that says another MAC address: the host was heard on this side. Writer only.</summary>
    /// <returns>Whether there was one.</returns>
    public bool Withdraw(Vni vni, ValueIPAddress address, MacAddress mac)
    {
        int slot = _map.Find(vni.Value, address);
        if (slot < 0 || _map.Word(slot) is 0 || EntryOf(_map.Word(slot)) is not { Origin: NeighborOrigin.Learned } entry || entry.Mac == mac)
        {
            return false;
        }

        Clear(slot);
        return true;
    }

    /// <summary>Sets a neighbour, unless one of a stronger origin is there: that stays, and <see cref="Refusals"/> counts it. Writer only.</summary>
    /// <returns>Whether there was none before.</returns>
    /// <exception cref="ArgumentException">An address that no host has, or the origin is <see cref="NeighborOrigin.Learned"/>.</exception>
    public bool Set(Vni vni, ValueIPAddress address, NeighborEntry entry)
    {
        Check(address, entry);
        int slot = _map.Find(vni.Value, address);
        ulong word = slot < 0 ? 0 : _map.Word(slot);
        if (word != 0 && IsStronger(EntryOf(word).Origin, entry.Origin))
        {
            Interlocked.Increment(ref _refusedProtected);
            return false;
        }

        Put(vni, address, Pack(entry), 0);
        return word == 0;
    }

    /// <inheritdoc cref="Set(Vni, ValueIPAddress, NeighborEntry)"/>
    /// <remarks>The entry is static.</remarks>
    public bool Set(Vni vni, ValueIPAddress address, MacAddress mac) => Set(vni, address, new NeighborEntry(mac));

    /// <summary>Removes a neighbour. Writer only.</summary>
    /// <param name="vni">The network.</param>
    /// <param name="address">Its address.</param>
    /// <param name="origin">Only if it is of this origin; null for any.</param>
    /// <returns>Whether there was one.</returns>
    public bool Remove(Vni vni, ValueIPAddress address, NeighborOrigin? origin = null)
    {
        int slot = _map.Find(vni.Value, address);
        if (slot < 0 || _map.Word(slot) is 0 || (origin is not null && EntryOf(_map.Word(slot)).Origin != origin))
        {
            return false;
        }

        Clear(slot);
        ShrinkIfSparse();
        return true;
    }

    /// <summary>
    /// Makes the entries of one origin exactly these, visible as a whole: a look-up finds all of the old or all of the new ones, never a gap. Entries of
    /// other origins stay, but for those of a weaker one whose address is among the rows; a row whose address has a stronger one is left out, and
    /// <see cref="Refusals"/> counts it. Writer only.
    /// </summary>
    /// <param name="origin">Static or external.</param>
    /// <param name="rows">The entries, all of that origin, each address once.</param>
    /// <exception cref="ArgumentException">A row of another origin, an address that no host has or that stands there twice; nothing was changed.</exception>
    public void Replace(NeighborOrigin origin, ReadOnlySpan<NeighborRow> rows)
    {
        if (origin == NeighborOrigin.Learned)
        {
            throw new ArgumentException("Learned neighbours come by learning.", nameof(origin));
        }

        NeighborMap map = new(_seed, checked(_count + rows.Length));
        int learned = 0;
        for (int i = 0; i < _map.Length; i++)
        {
            ulong word = _map.Word(i);
            if (word != 0 && OriginOf(word) != origin)
            {
                (uint vni, ValueIPAddress address) = _map.Key(i);
                map.Add(vni, address, word, Volatile.Read(ref _map.Heard(i)));
                learned += OriginOf(word) == NeighborOrigin.Learned ? 1 : 0;
            }
        }

        int refused = 0;
        foreach (NeighborRow row in rows)
        {
            Check(row.Address, row.Entry);
            if (row.Entry.Origin != origin)
            {
                throw new ArgumentException($"{row.Address} in {row.Vni} is {row.Entry.Origin}; all rows must be {origin}.", nameof(rows));
            }

            int slot = map.Find(row.Vni.Value, row.Address);
            if (slot < 0)
            {
                map.Add(row.Vni.Value, row.Address, Pack(row.Entry), 0);
                continue;
            }

            NeighborOrigin there = OriginOf(map.Word(slot));
            if (there == origin)
            {
                throw new ArgumentException($"{row.Address} in {row.Vni} stands there twice.", nameof(rows));
            }

            if (IsStronger(there, origin))
            {
                refused++;
                continue;
            }

            learned -= there == NeighborOrigin.Learned ? 1 : 0;
            map.SetWord(slot, Pack(row.Entry));
        }

        Interlocked.Add(ref _refusedProtected, refused);
        Volatile.Write(ref _map, map);
        // Every slot of a new map has an entry.
        Volatile.Write(ref _count, map.Used);
        Volatile.Write(ref _learned, learned);
        ShrinkIfSparse();
    }

    /// <summary>Removes the learned entries that were not heard for a time. Writer only, about once a second.</summary>
    /// <param name="now">The time.</param>
    /// <param name="maxAge">Milliseconds, as in <see cref="ForwardingTable.Age"/>: 0 removes all learned ones, more than <see cref="int.MaxValue"/> none.</param>
    /// <returns>How many were removed.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxAge"/> is negative.</exception>
    public int Age(long now, long maxAge)
    {
        _swept = null;
        int removed = 0;
        bool isRound;
        do
        {
            removed += AgePart(now, maxAge, out isRound);
        }
        while (!isRound);

        return removed;
    }

    /// <summary>As <see cref="Age"/>, a part of the table at a time: see <see cref="ForwardingTable.AgePart"/>. Writer only.</summary>
    /// <param name="now">The time.</param>
    /// <param name="maxAge">As for <see cref="Age"/>.</param>
    /// <param name="isRound">Whether this call has ended a round.</param>
    /// <returns>How many were removed.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxAge"/> is negative.</exception>
    public int AgePart(long now, long maxAge, out bool isRound)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxAge);
        if (_swept != _map)
        {
            // The table has been written anew, in another order: from the beginning.
            _swept = _map;
            _slot = 0;
        }

        int before = _learned;
        int end = before > 0 && maxAge <= int.MaxValue ? Math.Min(_map.Length, _slot + SweepSlots) : _slot = _map.Length;
        for (; _slot < end; _slot++)
        {
            if (_map.Word(_slot) is not 0 and ulong word && OriginOf(word) == NeighborOrigin.Learned &&
                Idle(now, Volatile.Read(ref _map.Heard(_slot))) >= maxAge)
            {
                Clear(_slot);
            }
        }

        isRound = end == _map.Length;
        if (isRound)
        {
            _swept = null;
            ShrinkIfSparse();
            _moving.Forget(now);
        }

        return before - _learned;
    }

    /// <summary>All entries, in no order. Any thread; entries that change meanwhile are seen before or after the change.</summary>
    /// <param name="now">The time, from which the idle times are counted; null leaves them 0.</param>
    public IReadOnlyList<NeighborRow> Snapshot(long? now = null)
    {
        NeighborMap map = Volatile.Read(ref _map);
        List<NeighborRow> rows = new(Count);
        for (int i = 0; i < map.Length; i++)
        {
            ulong word = map.Word(i);
            if (word != 0)
            {
                (uint vni, ValueIPAddress address) = map.Key(i);
                NeighborEntry entry = EntryOf(word);
                long idle = now is long at && entry.Origin == NeighborOrigin.Learned ? Math.Max(0, Idle(at, Volatile.Read(ref map.Heard(i)))) : 0;
                rows.Add(new NeighborRow(new Vni(vni), address, entry, idle));
            }
        }

        return rows;
    }

    /// <summary>Counts that a remote spoke for a MAC address that does not live behind it. Writer only.</summary>
    internal void RefuseElsewhere() => Interlocked.Increment(ref _refusedElsewhere);

    internal static bool IsHost(ValueIPAddress address) => !address.IsUnspecified && !address.IsMulticast && !address.IsBroadcast;

    private static bool IsHost(MacAddress mac) => !mac.IsMulticast && !mac.IsZero;

    private static void Check(ValueIPAddress address, in NeighborEntry entry)
    {
        if (!IsHost(address))
        {
            throw new ArgumentException($"{address} is not the address of a host.", nameof(address));
        }

        if (!IsHost(entry.Mac))
        {
            throw new ArgumentException($"{entry.Mac} is not the address of a host.", nameof(entry));
        }

        if (entry.Origin is not (NeighborOrigin.Static or NeighborOrigin.External))
        {
            throw new ArgumentException("Only static and external neighbours are set; the others are learned.", nameof(entry));
        }
    }

    private static bool IsStronger(NeighborOrigin there, NeighborOrigin other) => there == NeighborOrigin.Static && other != NeighborOrigin.Static;

    private static ulong WordOf(NeighborMap map, Vni vni, ValueIPAddress address)
    {
        int slot = map.Find(vni.Value, address);
        return slot < 0 ? 0 : map.Word(slot);
    }

    private static ulong Pack(in NeighborEntry entry) =>
        Live | ((ulong)entry.Flags << FlagsShift) | ((ulong)entry.Origin << OriginShift) | entry.Mac.Value;

    private static NeighborOrigin OriginOf(ulong word) => (NeighborOrigin)((word >> OriginShift) & 3);

    private static NeighborEntry EntryOf(ulong word) =>
        new(MacAddress.FromValue(word & MacMask), OriginOf(word), (NeighborFlags)((word >> FlagsShift) & 7));

    // Milliseconds by the low 32 bits: right while entries are aged more often than every 24 days.
    private static int Idle(long now, uint heard) => (int)((uint)now - heard);

    private void Put(Vni vni, ValueIPAddress address, ulong word, long now)
    {
        int slot = _map.Find(vni.Value, address);
        if (slot < 0)
        {
            if (!_map.HasRoom)
            {
                Rebuild(_count + 1);
            }

            _map.Add(vni.Value, address, word, (uint)now);
            Recount(0, word);
            return;
        }

        ulong old = _map.Word(slot);
        Volatile.Write(ref _map.Heard(slot), (uint)now);
        _map.SetWord(slot, word);
        Recount(old, word);
    }

    private void Clear(int slot)
    {
        ulong old = _map.Word(slot);
        _map.SetWord(slot, 0);
        Recount(old, 0);
    }

    private void Recount(ulong old, ulong now)
    {
        Volatile.Write(ref _count, _count + (now == 0 ? 0 : 1) - (old == 0 ? 0 : 1));
        Volatile.Write(ref _learned, _learned + IsLearned(now) - IsLearned(old));

        static int IsLearned(ulong word) => word != 0 && OriginOf(word) == NeighborOrigin.Learned ? 1 : 0;
    }

    private void ShrinkIfSparse()
    {
        if (_map.Length > NeighborMap.MinimumCapacity && _count < _map.Length / 8)
        {
            Rebuild(_count);
        }
    }

    private void Rebuild(int entries)
    {
        NeighborMap map = new(_seed, entries);
        for (int i = 0; i < _map.Length; i++)
        {
            ulong word = _map.Word(i);
            if (word != 0)
            {
                (uint vni, ValueIPAddress address) = _map.Key(i);
                map.Add(vni, address, word, Volatile.Read(ref _map.Heard(i)));
            }
        }

        Volatile.Write(ref _map, map);
    }
}
