using System.Numerics;
using System.Runtime.CompilerServices;

namespace Overlay.Tables;

/// <summary>
/// The forwarding database of a VTEP: (VNI, inner MAC address) → remote (RFC 7348 §4.1). One writer; any number of readers, which take no lock,
/// never wait and never allocate.
/// </summary>
/// <remarks>
/// <para>
/// Open addressing with linear probing, at most half full. A slot is a key word (MAC address, low 16 bits of the VNI) and a value word (high 8 bits
/// of the VNI, origin, remote index). A slot belongs to its key for the life of the array: removing marks the value, and only the same key may use the
/// slot again. So a reader that finds its key needs one more load and can neither see half an entry nor another's. When half of an array is
/// used up, the live entries move to a new one, which is published by one store.
/// </para>
/// <para>
/// Reading: <see cref="TryLookup(Vni, MacAddress, out FdbEntry)"/>, <see cref="NeedsLearning"/>, <see cref="GetRemote"/>, <see cref="Snapshot"/> and the
/// counters. All else belongs to the one writer. Time is monotonic milliseconds of any origin.
/// </para>
/// </remarks>
public sealed class ForwardingTable
{
    /// <summary>How many entries learning may fill unless told otherwise.</summary>
    public const int DefaultMaxEntries = 65_536;

    /// <summary>The largest number of entries that learning may be allowed to fill.</summary>
    public const int MaxEntriesLimit = 1 << 22;

    /// <summary>How often <see cref="NeedsLearning"/> stores the time for one entry, at most, in milliseconds.</summary>
    public const int RefreshIntervalMilliseconds = 1_000;

    /// <summary>How long a remote index stays unused before it may stand for another remote, in milliseconds.</summary>
    public const int RemoteQuarantineMilliseconds = InternedRemotes.QuarantineMilliseconds;

    private const int MinimumCapacity = 64;
    private const int MinimumRemoteLimit = 1_024;

    // The value word: L U 28×0, origin 2, high VNI 8, remote index 24.
    // Next to the bits of the VNI, so that one comparison asks for both.
    private const ulong Live = 1UL << 32;
    private const ulong Used = 1UL << 62;
    private const int OriginShift = 33;
    private const int VniShift = 24;
    private const ulong OriginMask = 0x3UL << OriginShift;
    private const ulong VniMask = 0xFFUL << VniShift;
    private const uint LiveAndVniMask = (uint)((Live | VniMask) >> VniShift);
    private const ulong IndexMask = (1UL << VniShift) - 1;

    private readonly HashSeed _seed;
    private readonly InternedRemotes _remotes = new();
    private readonly int _remoteLimit;
    private Store _store = new(MinimumCapacity);
    private int _used;
    private int _count;
    private long _moves;
    private long _refusedFull;
    private long _refusedProtected;
    private long _refusedInvalid;

    /// <summary>Makes an empty table.</summary>
    /// <param name="maxEntries">
    /// Nothing more is learned when the table holds so many entries of any origin: 1 to <see cref="MaxEntriesLimit"/>. It does not bind
    /// <see cref="Set"/>: strangers fill a table by packets, only its owner by configuration.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxEntries"/> is out of range.</exception>
    public ForwardingTable(int maxEntries = DefaultMaxEntries)
        : this(maxEntries, HashSeed.Create())
    {
    }

    internal ForwardingTable(int maxEntries, HashSeed seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxEntries, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxEntries, MaxEntriesLimit);
        MaxEntries = maxEntries;
        _seed = seed;

        // Each move to a new remote costs an index for the time of the quarantine; without a bound a stranger who forges sources could fill the memory.
        _remoteLimit = Math.Max(2 * maxEntries, MinimumRemoteLimit);
    }

    /// <summary>How many entries learning may fill.</summary>
    public int MaxEntries { get; }

    /// <summary>Entries of all origins.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>How often a learned MAC address turned up behind another remote.</summary>
    public long Moves => Volatile.Read(ref _moves);

    /// <summary>What was not learned, and why.</summary>
    public LearnRefusals Refusals => new(Volatile.Read(ref _refusedFull), Volatile.Read(ref _refusedProtected), Volatile.Read(ref _refusedInvalid));

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
        ulong value = Find(vni, mac);
        if (value == 0)
        {
            entry = default;
            return false;
        }

        FdbRemote remote = _remotes.Get((int)(value & IndexMask));
        entry = new FdbEntry(remote.Address, remote.Port, OriginOf(value));
        return true;
    }

    /// <summary>
    /// Finds where frames to a MAC address go, as an index of a remote: whoever keeps a prepared header per remote saves a second look-up.
    /// </summary>
    /// <param name="vni">The network.</param>
    /// <param name="mac">The inner destination.</param>
    /// <param name="remoteIndex">0 to <see cref="RemoteCapacity"/> − 1. It stands for one remote and port until <see cref="RemoteQuarantineMilliseconds"/> after its last use.</param>
    public bool TryLookup(Vni vni, MacAddress mac, out int remoteIndex)
    {
        ulong value = Find(vni, mac);
        remoteIndex = (int)(value & IndexMask);
        return value != 0;
    }

    /// <summary>What a remote index stands for.</summary>
    /// <param name="remoteIndex">From <see cref="TryLookup(Vni, MacAddress, out int)"/>.</param>
    /// <exception cref="IndexOutOfRangeException">No index of this table.</exception>
    public FdbRemote GetRemote(int remoteIndex) => _remotes.Get(remoteIndex);

    /// <summary>
    /// Asked by a worker for each received frame: must (VNI, inner source, outer source) go to the writer? True if the address is new or at another
    /// remote. Otherwise the entry is marked as heard, at most once in <see cref="RefreshIntervalMilliseconds"/>. What <see cref="Learn"/> would refuse is
    /// refused and counted here, so that a flood of it does not fill the queue.
    /// </summary>
    public bool NeedsLearning(Vni vni, MacAddress mac, ValueIPAddress remote, long now)
    {
        Store store = Volatile.Read(ref _store);
        int slot = Find(store, vni, mac, out ulong value);
        if (slot >= 0)
        {
            bool isSame = _remotes.Get((int)(value & IndexMask)).Address == remote;
            if (OriginOf(value) != FdbOrigin.Learned)
            {
                if (!isSame)
                {
                    Interlocked.Increment(ref _refusedProtected);
                }

                return false;
            }

            if (!isSame)
            {
                return IsLearnable(mac, remote);
            }

            ref uint heard = ref store.Heard[slot];
            if (Idle(now, Volatile.Read(ref heard)) >= RefreshIntervalMilliseconds)
            {
                Volatile.Write(ref heard, (uint)now);
            }

            return false;
        }

        if (!IsLearnable(mac, remote))
        {
            return false;
        }

        if (Count >= MaxEntries)
        {
            Interlocked.Increment(ref _refusedFull);
            return false;
        }

        return true;
    }

    /// <summary>Learns an address, or marks it as heard. Writer only.</summary>
    /// <returns>
    /// Whether a learned entry now says so. false, and counted in <see cref="Refusals"/>: the MAC address is multicast or zero, the remote is not unicast, an
    /// entry of another origin names another remote, or the table is full.
    /// </returns>
    public bool Learn(Vni vni, MacAddress mac, ValueIPAddress remote, long now)
    {
        if (!IsLearnable(mac, remote))
        {
            return false;
        }

        int slot = Find(_store, vni, mac, out ulong old);
        if (slot >= 0)
        {
            bool isSame = _remotes.Get((int)(old & IndexMask)).Address == remote;
            if (OriginOf(old) != FdbOrigin.Learned)
            {
                if (!isSame)
                {
                    Interlocked.Increment(ref _refusedProtected);
                }

                return false;
            }

            if (isSame)
            {
                Volatile.Write(ref _store.Heard[slot], (uint)now);
                return true;
            }
        }

        int index = slot < 0 && _count >= MaxEntries ? -1 : _remotes.Acquire(new FdbRemote(remote), _remoteLimit);
        if (index < 0)
        {
            Interlocked.Increment(ref _refusedFull);
            return false;
        }

        if (slot >= 0)
        {
            Volatile.Write(ref _moves, _moves + 1);
        }

        Put(vni, mac, Pack(vni, index, FdbOrigin.Learned), now);
        return true;
    }

    /// <summary>Sets an entry, whatever was there before. Writer only.</summary>
    /// <param name="vni">The network.</param>
    /// <param name="mac">A unicast address.</param>
    /// <param name="entry">Static or external, with a unicast remote.</param>
    /// <returns>Whether there was no entry before.</returns>
    /// <exception cref="ArgumentException">
    /// The MAC address is multicast or zero (those go by the <see cref="FloodList"/>), the remote is not unicast, or the origin is
    /// <see cref="FdbOrigin.Learned"/> (those come by <see cref="Learn"/>).
    /// </exception>
    /// <exception cref="InvalidOperationException">2²⁴ remotes are in use or in quarantine.</exception>
    public bool Set(Vni vni, MacAddress mac, FdbEntry entry)
    {
        if (!IsUnicast(mac))
        {
            throw new ArgumentException($"{mac} is not a unicast address; frames to such addresses go by the flood list.", nameof(mac));
        }

        if (!IsUnicast(entry.Remote))
        {
            throw new ArgumentException($"{entry.Remote} is not a unicast address; an entry names one remote.", nameof(entry));
        }

        if (entry.Origin is not (FdbOrigin.Static or FdbOrigin.External))
        {
            throw new ArgumentException("Only static and external entries are set; the others are learned.", nameof(entry));
        }

        int index = _remotes.Acquire(new FdbRemote(entry.Remote, entry.Port), InternedRemotes.MaxIndices);
        return index >= 0
            ? Put(vni, mac, Pack(vni, index, entry.Origin), 0)
            : throw new InvalidOperationException($"The table stands for {InternedRemotes.MaxIndices} remotes already.");
    }

    /// <summary>Removes an entry of any origin. Writer only.</summary>
    /// <returns>Whether there was one.</returns>
    public bool Remove(Vni vni, MacAddress mac)
    {
        int slot = Find(_store, vni, mac, out _);
        if (slot < 0)
        {
            return false;
        }

        RemoveAt(slot);
        return true;
    }

    /// <summary>
    /// Removes the learned entries whose host was not heard for <paramref name="maxAge"/>; that frames are sent to it keeps no entry. Also takes unused
    /// remote indices out of quarantine, so it is to be called about once a second even if nothing is learned. Writer only.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="maxAge">
    /// Milliseconds. An entry goes when it has been idle for so long or longer: 0 removes all learned ones, more than <see cref="int.MaxValue"/>
    /// (24.8 days) none. Since hearing is noted once a second, an entry may go up to a second early.
    /// </param>
    /// <returns>How many were removed.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxAge"/> is negative.</exception>
    public int Age(long now, long maxAge)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxAge);
        int before = _count;
        if (maxAge <= int.MaxValue)
        {
            Store store = _store;
            for (int i = 0; i < store.Slots.Length; i++)
            {
                if (IsLearned(store.Slots[i].Value) && Idle(now, Volatile.Read(ref store.Heard[i])) >= maxAge)
                {
                    RemoveAt(i);
                }
            }

            ShrinkIfSparse();
        }

        _remotes.Maintain(now);
        return before - _count;
    }

    /// <summary>Removes what was learned from a remote. Writer only.</summary>
    /// <returns>How many were removed.</returns>
    public int RemoveLearned(ValueIPAddress remote)
    {
        int index = _remotes.Find(new FdbRemote(remote));
        if (index < 0)
        {
            return 0;
        }

        int before = _count;
        Store store = _store;
        for (int i = 0; i < store.Slots.Length; i++)
        {
            ulong value = store.Slots[i].Value;
            if (IsLearned(value) && (int)(value & IndexMask) == index)
            {
                RemoveAt(i);
            }
        }

        ShrinkIfSparse();
        return before - _count;
    }

    /// <summary>All entries, in no order. Any thread; entries that change meanwhile are seen before or after the change.</summary>
    /// <param name="now">The time, from which the idle times are counted.</param>
    public IReadOnlyList<ForwardingRow> Snapshot(long now)
    {
        Store store = Volatile.Read(ref _store);
        List<ForwardingRow> rows = new(Count);
        for (int i = 0; i < store.Slots.Length; i++)
        {
            ulong value = Volatile.Read(ref store.Slots[i].Value);
            if ((value & Live) != 0)
            {
                ulong key = store.Slots[i].Key;
                FdbRemote remote = _remotes.Get((int)(value & IndexMask));
                rows.Add(new ForwardingRow(
                    new Vni((uint)((value & VniMask) >> (VniShift - 16)) | (ushort)key),
                    MacAddress.FromValue(key >> 16),
                    new FdbEntry(remote.Address, remote.Port, OriginOf(value)),
                    IsLearned(value) ? Math.Max(0, Idle(now, Volatile.Read(ref store.Heard[i]))) : 0));
            }
        }

        return rows;
    }

    private static bool IsUnicast(MacAddress mac) => !mac.IsMulticast && !mac.IsZero;

    private static bool IsUnicast(ValueIPAddress remote) => !remote.IsUnspecified && !remote.IsMulticast && !remote.IsBroadcast;

    // Both are a few instructions, but the JIT's budget ends before them where the look-up is inlined (seen in the disassembly).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong KeyOf(Vni vni, MacAddress mac) => (mac.Value << 16) | (ushort)vni.Value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong VniBitsOf(Vni vni) => (ulong)(vni.Value >> 16) << VniShift;

    private static ulong Pack(Vni vni, int index, FdbOrigin origin) =>
        Live | Used | ((ulong)origin << OriginShift) | VniBitsOf(vni) | (uint)index;

    private static FdbOrigin OriginOf(ulong value) => (FdbOrigin)((value & OriginMask) >> OriginShift);

    private static bool IsLearned(ulong value) => (value & (Live | OriginMask)) == Live;

    /// <summary>
    /// Milliseconds since an entry was heard, by the low 32 bits: right while entries are aged more often than every 24 days. Negative if a worker
    /// read its clock after the writer did.
    /// </summary>
    private static int Idle(long now, uint heard) => (int)((uint)now - heard);

    private bool IsLearnable(MacAddress mac, ValueIPAddress remote)
    {
        if (IsUnicast(mac) && IsUnicast(remote))
        {
            return true;
        }

        Interlocked.Increment(ref _refusedInvalid);
        return false;
    }

    private ulong Find(Vni vni, MacAddress mac)
    {
        Find(Volatile.Read(ref _store), vni, mac, out ulong value);
        return value;
    }

    /// <summary>The slot and value of a live entry; −1 and 0 if there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Find(Store store, Vni vni, MacAddress mac, out ulong value)
    {
        Slot[] slots = store.Slots;
        ulong key = KeyOf(vni, mac);
        uint liveInNetwork = (uint)((Live | VniBitsOf(vni)) >> VniShift);
        for (uint position = _seed.Mix(key, vni.Value); ; position++)
        {
            int i = (int)(position & (uint)(slots.Length - 1));
            ref Slot slot = ref slots[i];
            ulong found = Volatile.Read(ref slot.Key);
            if (found == key)
            {
                value = Volatile.Read(ref slot.Value);
                if (((uint)(value >> VniShift) & LiveAndVniMask) == liveInNetwork)
                {
                    return i;
                }

                // The end for a zero MAC address, whose key may look like an empty slot, and for an entry just being stored: nothing lies behind either.
                if (value == 0)
                {
                    return -1;
                }
            }
            else if (found == 0)
            {
                // No entry has a zero key, since none has a zero MAC address; half of the slots are empty, so the walk ends.
                value = 0;
                return -1;
            }
        }
    }

    /// <summary>Stores an entry. The caller holds a reference to its remote; that of an entry replaced is given back.</summary>
    /// <returns>Whether there was no entry before.</returns>
    private bool Put(Vni vni, MacAddress mac, ulong value, long now)
    {
        int i = FindOwn(_store, vni, mac);
        if (_store.Slots[i].Key == 0)
        {
            if (2 * (_used + 1) > _store.Slots.Length)
            {
                Rebuild();
                i = FindOwn(_store, vni, mac);
            }

            _used++;
        }

        ref Slot slot = ref _store.Slots[i];
        ulong old = slot.Value;
        Volatile.Write(ref _store.Heard[i], (uint)now);
        slot.Key = KeyOf(vni, mac);
        Volatile.Write(ref slot.Value, value);
        if ((old & Live) != 0)
        {
            _remotes.Release((int)(old & IndexMask));
            return false;
        }

        Volatile.Write(ref _count, _count + 1);
        return true;
    }

    private void RemoveAt(int i)
    {
        ref Slot slot = ref _store.Slots[i];
        ulong old = slot.Value;
        Volatile.Write(ref slot.Value, Used | (old & VniMask));
        Volatile.Write(ref _count, _count - 1);
        _remotes.Release((int)(old & IndexMask));
    }

    /// <summary>The slot that belongs to a key, live or not, else the empty one it will get.</summary>
    private int FindOwn(Store store, Vni vni, MacAddress mac)
    {
        Slot[] slots = store.Slots;
        ulong key = KeyOf(vni, mac);
        for (uint position = _seed.Mix(key, vni.Value); ; position++)
        {
            int i = (int)(position & (uint)(slots.Length - 1));
            if (slots[i].Key == 0 || (slots[i].Key == key && (slots[i].Value & VniMask) == VniBitsOf(vni)))
            {
                return i;
            }
        }
    }

    /// <summary>After many entries went, a small array serves better than a large one full of marks.</summary>
    private void ShrinkIfSparse()
    {
        if (_store.Slots.Length > MinimumCapacity && _count < _used / 4)
        {
            Rebuild();
        }
    }

    /// <summary>Moves the live entries to a new array, at most a third full, so that the next rebuild is far.</summary>
    private void Rebuild()
    {
        Store old = _store;
        Store store = new((int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(MinimumCapacity, 3 * (_count + 1))));
        int used = 0;
        for (int i = 0; i < old.Slots.Length; i++)
        {
            Slot slot = old.Slots[i];
            if ((slot.Value & Live) != 0)
            {
                uint vni = (uint)((slot.Value & VniMask) >> (VniShift - 16)) | (ushort)slot.Key;
                uint position = _seed.Mix(slot.Key, vni);
                while (store.Slots[position & (uint)(store.Slots.Length - 1)].Key != 0)
                {
                    position++;
                }

                int target = (int)(position & (uint)(store.Slots.Length - 1));
                store.Slots[target] = slot;
                store.Heard[target] = Volatile.Read(ref old.Heard[i]);
                used++;
            }
        }

        _used = used;
        Volatile.Write(ref _store, store);
    }

    private struct Slot
    {
        public ulong Key;
        public ulong Value;
    }

    /// <summary>Slots and, apart from them so that look-ups do not fetch it, when the host of each was last heard.</summary>
    private sealed class Store(int capacity)
    {
        public readonly Slot[] Slots = new Slot[capacity];
        public readonly uint[] Heard = new uint[capacity];
    }
}
