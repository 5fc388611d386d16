using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Overlay.Tables;

/// <summary>
/// The hash table under the <see cref="ForwardingTable"/>: (VNI, MAC address) → a word that is never zero while the key is there. One writer; any
/// number of readers, which take no lock, never wait and never allocate.
/// </summary>
/// <remarks>
/// <para>
/// A line is one cache line of four keys and their four values, so a look-up that finds its key at home touches one line; when a line is full the next
/// one of the segment is taken. A slot belongs to its key for the life of the segment: removing takes the state out of the value, and only the same key
/// may use the slot again. So a reader that found its key needs one more load and can neither see half an entry nor another's.
/// </para>
/// <para>
/// The table is cut into segments by the upper bits of the hash (extendible hashing). A segment that is full is split in two, one full of removed keys is
/// written anew, two that have become sparse are merged; each of these copies one segment or two into new ones, and one store of a new directory
/// publishes them. So no insertion takes longer than the copy of one segment, and a growing table holds nothing twice. Readers that still walk a
/// superseded segment see what was true when they took the directory; the garbage collector frees it after them.
/// </para>
/// </remarks>
internal sealed class ForwardingSlots
{
    /// <summary>Slots of a segment once there are several: copying it takes about 0.1 ms.</summary>
    public const int SegmentSlots = 8_192;

    /// <summary>Slots of the only segment of a small table, at least.</summary>
    public const int MinimumSlots = 64;

    /// <summary>Where the state is in a value: 0 for a key that was removed, else 1 to 3.</summary>
    public const int StateShift = 22;

    // Of the rest of a value the upper eight bits are those of the VNI.
    private const int VniShift = 56;
    private const int LineSlots = 4;
    private const int LineWords = 2 * LineSlots;
    private const int LineBytes = LineWords * sizeof(ulong);
    private const int MaximumDepth = 15;

    private readonly HashSeed _seed;
    private Directory _directory;

    /// <summary>Makes an empty table.</summary>
    /// <param name="seed">The secret of its hash.</param>
    /// <param name="expected">How many keys will be put in: so many fit before anything is split.</param>
    public ForwardingSlots(HashSeed seed, int expected = 0)
    {
        _seed = seed;
        int slots = MinimumSlots;
        while (slots < SegmentSlots && expected > SplitAt(slots))
        {
            slots *= 2;
        }

        // Some segments get more than their share: five standard deviations are room enough.
        int share = SplitAt(SegmentSlots) - (5 * (int)Math.Sqrt(SegmentSlots));
        int depth = 0;
        while (expected > SplitAt(SegmentSlots) && (long)share << depth < expected)
        {
            depth++;
        }

        Segment[] segments = new Segment[Math.Max(2, 1 << depth)];
        for (int i = 0; i < segments.Length; i++)
        {
            segments[i] = depth == 0 && i > 0 ? segments[0] : new Segment(slots, depth);
        }

        _directory = new Directory(segments);
    }

    /// <summary>What readers walk. A reader that asks for many keys takes it once and sees one moment of what is split or replaced.</summary>
    public Directory Current
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Volatile.Read(ref _directory);
    }

    /// <summary>The hash of a key.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong HashOf(ulong key, Vni vni) => _seed.MixWide(key, vni.Value);

    /// <summary>Bytes of slots and directory.</summary>
    public long Bytes => Current.Distinct().Sum(static segment => (long)segment.Words.Length * sizeof(ulong)) + (Current.Segments.Length * 16L);

    /// <summary>
    /// The key word: MAC address, and the VNI added. With the upper 8 bits of the VNI, which are in the value, that is one to one; it is not 0 for an address
    /// that may be stored.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong KeyOf(Vni vni, MacAddress mac) => (mac.Value << 16) + vni.Value;

    /// <summary>The upper 8 bits of the VNI, where they are in a value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong VniBitsOf(Vni vni) => (ulong)(vni.Value >> 16) << VniShift;

    /// <summary>The VNI and MAC address of a slot.</summary>
    public static ForwardingKey Unpack(ulong key, ulong value)
    {
        Vni vni = VniOf(key, value);
        return new ForwardingKey(vni, MacAddress.FromValue((key - vni.Value) >> 16));
    }

    /// <summary>Whether a value is an entry.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsLive(ulong value) => ((uint)value & (3u << StateShift)) != 0;

    /// <summary>The value of a key; one that is not live if there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Find(Vni vni, MacAddress mac)
    {
        ulong key = KeyOf(vni, mac);
        return Find(Current, HashOf(key, vni), key, vni);
    }

    /// <summary>The value of a key, by its hash: the line at home here, what is rare elsewhere.</summary>
    /// <remarks>
    /// By pointer: the arrays are pinned, the position is masked to their lines, and the directory, which holds them, is kept alive to the end. A checked
    /// access reads the array's header, which lies on a cache line and a page of its own for each segment: of a million entries 10 000 hot ones are found
    /// in 10.0 ns instead of 11.4. <see cref="FindSlot"/> is the checked twin.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe ulong Find(Directory directory, ulong hash, ulong key, Vni vni)
    {
        ulong* line = directory.LineOf(hash, hash >> 32);
        Vector256<ulong> keys = Vector256.Load(line);
        uint hits = Vector256.Equals(keys, Vector256.Create(key)).ExtractMostSignificantBits();
        if (hits != 0)
        {
            ulong value = Volatile.Read(ref *(line + (uint)BitOperations.TrailingZeroCount(hits) + LineSlots));
            if (IsOf(value, vni))
            {
                GC.KeepAlive(directory);
                return value;
            }
        }
        else if (Vector256.EqualsAny(keys, Vector256<ulong>.Zero))
        {
            GC.KeepAlive(directory);
            return 0;
        }

        return FindFurther(directory, hash, key, vni);
    }

    /// <summary>The value of a key that is not the first of its name in its line at home: in a later line, or behind another network's.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static unsafe ulong FindFurther(Directory directory, ulong hash, ulong key, Vni vni)
    {
        for (ulong position = hash >> 32; ; position += LineBytes)
        {
            ulong* line = directory.LineOf(hash, position);
            Vector256<ulong> keys = Vector256.Load(line);
            for (uint hits = Vector256.Equals(keys, Vector256.Create(key)).ExtractMostSignificantBits(); hits != 0; hits &= hits - 1)
            {
                ulong value = Volatile.Read(ref *(line + (uint)BitOperations.TrailingZeroCount(hits) + LineSlots));
                if (IsOf(value, vni))
                {
                    GC.KeepAlive(directory);
                    return value;
                }
            }

            if (Vector256.EqualsAny(keys, Vector256<ulong>.Zero))
            {
                GC.KeepAlive(directory);
                return 0;
            }
        }
    }

    /// <summary>Where the value of a key is, for who changes or refreshes it: the index in <paramref name="words"/>; −1 if there is none.</summary>
    public int FindSlot(Vni vni, MacAddress mac, out ulong[] words, out ulong value)
    {
        ulong key = KeyOf(vni, mac);
        ulong hash = HashOf(key, vni);
        Segment segment = Current.SegmentOf(hash);
        words = segment.Words;
        for (ulong position = hash >> 32; ; position += LineBytes)
        {
            int line = segment.LineOf(position);
            for (int i = line; i < line + LineSlots; i++)
            {
                ulong found = Volatile.Read(ref words[i]);
                if (found == 0)
                {
                    value = 0;
                    return -1;
                }

                value = Volatile.Read(ref words[i + LineSlots]);
                if (found == key && IsOf(value, vni))
                {
                    return IsLive(value) ? i + LineSlots : -1;
                }
            }
        }
    }

    /// <summary>Puts a value in, whatever was there. Writer only.</summary>
    /// <returns>The value there was; 0 if there was no entry.</returns>
    public ulong Put(Vni vni, MacAddress mac, ulong value)
    {
        ulong key = KeyOf(vni, mac);
        ulong hash = HashOf(key, vni);
        while (true)
        {
            Segment segment = _directory.SegmentOf(hash);
            int slot = segment.Own(hash, key, vni);
            ulong[] words = segment.Words;
            bool isNew = words[slot] == 0;
            ulong old = words[slot + LineSlots];
            bool wasLive = IsLive(old);
            if (!wasLive && (segment.Live >= SplitAt(segment.Slots) || (isNew && segment.Used >= RenewAt(segment.Slots))))
            {
                Renew(hash);
                continue;
            }

            // The value first: who sees the key sees the value too.
            Volatile.Write(ref words[slot + LineSlots], value);
            if (isNew)
            {
                Volatile.Write(ref words[slot], key);
                segment.Used++;
            }

            segment.Live += wasLive ? 0 : 1;
            return wasLive ? old : 0;
        }
    }

    /// <summary>Removes a key. Writer only.</summary>
    /// <returns>The value there was; 0 if there was none.</returns>
    public ulong Remove(Vni vni, MacAddress mac)
    {
        ulong key = KeyOf(vni, mac);
        ulong hash = HashOf(key, vni);
        Segment segment = _directory.SegmentOf(hash);
        int value = segment.Own(hash, key, vni) + LineSlots;
        ulong old = segment.Words[value];
        if (!IsLive(old))
        {
            return 0;
        }

        segment.Clear(value);
        Join(hash);
        return old;
    }

    /// <summary>Removes the entries whose value answers to a condition. Writer only.</summary>
    /// <inheritdoc cref="RemoveFrom" path="/param"/>
    public void RemoveWhere(Predicate<ulong> isGone, Action<ulong, ulong> removed)
    {
        ulong position = 0;
        do
        {
            position = RemoveFrom(position, isGone, removed);
        }
        while (position != 0);
    }

    /// <summary>
    /// Removes the entries of one segment whose value answers to a condition. Whatever is put in, split and merged between two calls, a key that is there from
    /// the first to the last is looked at, perhaps twice. Writer only.
    /// </summary>
    /// <param name="position">0, or what the last call returned.</param>
    /// <param name="isGone">The condition.</param>
    /// <param name="removed">Told the key and value of each after it was removed; must not write the table.</param>
    /// <returns>Where the next segment begins; 0 if this was the last one.</returns>
    public ulong RemoveFrom(ulong position, Predicate<ulong> isGone, Action<ulong, ulong> removed)
    {
        Segment segment = _directory.SegmentOf(position);
        for (int line = segment.Start; line < segment.End; line += LineWords)
        {
            for (int i = line; i < line + LineSlots; i++)
            {
                ulong value = Volatile.Read(ref segment.Words[i + LineSlots]);
                if (IsLive(value) && isGone(value))
                {
                    segment.Clear(i + LineSlots);
                    removed(segment.Words[i], value);
                }
            }
        }

        // What has become sparse is merged only now, so that the walk above keeps its footing.
        Join(position);
        return (position | (ulong.MaxValue >> segment.Depth)) + 1;
    }

    /// <summary>All keys that have a value, with it. Any thread; what changes meanwhile is seen before or after.</summary>
    public IEnumerable<(ulong Key, ulong Value)> Entries()
    {
        foreach (Segment segment in Current.Distinct())
        {
            for (int line = segment.Start; line < segment.End; line += LineWords)
            {
                for (int i = line; i < line + LineSlots; i++)
                {
                    // The key first: the writer stores it last, so behind a key there is its value, but not the other way round.
                    ulong key = Volatile.Read(ref segment.Words[i]);
                    ulong value = Volatile.Read(ref segment.Words[i + LineSlots]);
                    if (key != 0 && IsLive(value))
                    {
                        yield return (key, value);
                    }
                }
            }
        }
    }

    private static Vni VniOf(ulong key, ulong value) => new((uint)(value >> VniShift << 16) | (ushort)key);

    /// <summary>Whether a value has the upper bits of a network; the lower ones are in the key.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsOf(ulong value, Vni vni) => (value ^ ((ulong)vni.Value << (VniShift - 16))) >> VniShift == 0;

    /// <summary>Adds the entries of one segment to a list: those with a hash from a position on. Any thread.</summary>
    /// <remarks>
    /// However segments are split and merged between two calls, a key that is there all the time is read once: a segment holds all keys of a range of hashes, and a
    /// merged one is read from where its other half ended.
    /// </remarks>
    /// <param name="position">0, or what the last call returned.</param>
    /// <param name="entries">Takes the entries; at most <see cref="SegmentSlots"/>.</param>
    /// <returns>Where the next segment begins; 0 if this was the last one.</returns>
    public ulong ReadFrom(ulong position, List<(ulong Key, ulong Value)> entries)
    {
        Segment segment = Current.SegmentOf(position);
        for (int line = segment.Start; line < segment.End; line += LineWords)
        {
            for (int i = line; i < line + LineSlots; i++)
            {
                ulong key = Volatile.Read(ref segment.Words[i]);
                ulong value = Volatile.Read(ref segment.Words[i + LineSlots]);
                if (key != 0 && IsLive(value) && HashOf(key, VniOf(key, value)) >= position)
                {
                    entries.Add((key, value));
                }
            }
        }

        return (position | (ulong.MaxValue >> segment.Depth)) + 1;
    }

    // Entries by which a segment is split: two halves of 3/8 hold 43 bytes per entry.
    private static int SplitAt(int slots) => slots / 4 * 3;

    // Keys, also removed ones, by which a segment is written anew: walks over lines stay short, and at least 1/8 of the slots become free.
    private static int RenewAt(int slots) => slots / 8 * 7;

    // Entries of two halves by which they are merged: at 7/20 each they hold 46 bytes per entry, and the whole is not at once split again.
    private static int MergeAt(int slots) => slots / 10 * 7;

    /// <summary>Makes room where a hash belongs: splits the segment if it is full of entries, else writes it anew without the removed keys.</summary>
    private void Renew(ulong hash)
    {
        Segment old = _directory.SegmentOf(hash);
        if (old.Live < SplitAt(old.Slots) || old.Slots < SegmentSlots)
        {
            Segment renewed = new(old.Live < SplitAt(old.Slots) ? old.Slots : old.Slots * 2, old.Depth);
            Distribute(old, renewed, renewed);
            Replace(old, null, renewed, renewed);
            return;
        }

        if (old.Depth == MaximumDepth)
        {
            throw new InvalidOperationException($"The hashes of {old.Live} keys begin with the same {MaximumDepth} bits; the hash is broken.");
        }

        Segment low = new(old.Slots, old.Depth + 1);
        Segment high = new(old.Slots, old.Depth + 1);
        Distribute(old, low, high);
        Replace(old, null, low, high);
    }

    /// <summary>Merges the segment where a hash belongs with its other half while both are sparse; an only segment is made smaller.</summary>
    private void Join(ulong hash)
    {
        while (true)
        {
            Segment one = _directory.SegmentOf(hash);
            if (one.Depth == 0)
            {
                int slots = one.Slots;
                while (slots > MinimumSlots && one.Live <= MergeAt(slots) / 2)
                {
                    slots /= 2;
                }

                if (slots < one.Slots)
                {
                    Segment smaller = new(slots, 0);
                    Distribute(one, smaller, smaller);
                    Replace(one, null, smaller, smaller);
                }

                return;
            }

            Segment other = _directory.SegmentOf(hash ^ (1UL << (64 - one.Depth)));
            if (other.Depth != one.Depth || one.Live + other.Live > MergeAt(one.Slots))
            {
                return;
            }

            Segment merged = new(one.Slots, one.Depth - 1);
            Distribute(one, merged, merged);
            Distribute(other, merged, merged);
            Replace(one, other, merged, merged);
        }
    }

    /// <summary>Copies the entries of a segment, those whose next bit is set to <paramref name="high"/>.</summary>
    private void Distribute(Segment from, Segment low, Segment high)
    {
        for (int line = from.Start; line < from.End; line += LineWords)
        {
            for (int i = line; i < line + LineSlots; i++)
            {
                // Read once: a worker may refresh it meanwhile. What it stores after this is lost, and stored again with the next frame.
                ulong value = Volatile.Read(ref from.Words[i + LineSlots]);
                if (IsLive(value))
                {
                    ulong key = from.Words[i];
                    Vni vni = VniOf(key, value);
                    ulong hash = HashOf(key, vni);
                    Segment to = (hash >> (63 - from.Depth) & 1) == 0 ? low : high;
                    int slot = to.Own(hash, key, vni);
                    to.Words[slot] = key;
                    to.Words[slot + LineSlots] = value;
                    to.Used++;
                    to.Live++;
                }
            }
        }
    }

    /// <summary>Publishes a directory in which a segment, and perhaps its other half, has made way for others.</summary>
    private void Replace(Segment old, Segment? otherHalf, Segment low, Segment high)
    {
        Segment[] before = _directory.Segments;
        int spread = 1 << low.Depth > before.Length ? 2 : 1;
        Segment[] after = new Segment[before.Length * spread];
        for (int i = 0; i < after.Length; i++)
        {
            Segment segment = before[i / spread];
            bool isHigh = ((uint)i >> (BitOperations.Log2((uint)after.Length) - 1 - old.Depth) & 1) != 0;
            after[i] = segment == old || segment == otherHalf ? isHigh ? high : low : segment;
        }

        while (after.Length > 2 && Array.TrueForAll(after, segment => 1 << segment.Depth < after.Length))
        {
            after = [.. after.Where((_, i) => i % 2 == 0)];
        }

        Volatile.Write(ref _directory, new Directory(after));
    }

    /// <summary>The segments by the upper bits of the hash. It never changes; its segments do.</summary>
    internal sealed class Directory
    {
        private readonly nint[] _lines;
        private readonly unsafe nint* _pinnedLines;
        private readonly int _shift;
        private readonly ulong _mask;

        /// <summary>Makes a directory.</summary>
        /// <param name="segments">A power of two of them, at least two; each as often as the bits it does not ask for allow.</param>
        public unsafe Directory(Segment[] segments)
        {
            Segments = segments;
            _mask = ((ulong)(segments[0].Slots / LineSlots) - 1) * LineBytes;
            _shift = 64 - BitOperations.Log2((uint)segments.Length);
            _lines = GC.AllocateUninitializedArray<nint>(segments.Length, pinned: true);
            for (int i = 0; i < segments.Length; i++)
            {
                _lines[i] = Marshal.UnsafeAddrOfPinnedArrayElement(segments[i].Words, segments[i].Start);
            }

            _pinnedLines = (nint*)Marshal.UnsafeAddrOfPinnedArrayElement(_lines, 0);
        }

        /// <summary>The segments.</summary>
        public Segment[] Segments { get; }

        /// <summary>The segment of a hash.</summary>
        public Segment SegmentOf(ulong hash) => Segments[(int)(hash >> _shift)];

        /// <summary>Each segment once.</summary>
        public IEnumerable<Segment> Distinct()
        {
            for (int i = 0; i < Segments.Length; i += Math.Max(1, Segments.Length >> Segments[i].Depth))
            {
                yield return Segments[i];
            }
        }

        /// <summary>Asks for the line where a key is at home, so that it is there when it is looked at.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public unsafe void Prefetch(ulong hash)
        {
            if (Sse.IsSupported)
            {
                Sse.Prefetch0(LineOf(hash, hash >> 32));
            }
        }

        /// <summary>A line of the segment of a hash; who uses it keeps this directory alive until then.</summary>
        /// <param name="hash">Its upper bits say which segment: the shift leaves as many as there are segments.</param>
        /// <param name="position">Which line, in bytes; only the bits count that name a line of the segment.</param>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public unsafe ulong* LineOf(ulong hash, ulong position) => (ulong*)((ulong)_pinnedLines[hash >> _shift] + (position & _mask));
    }

    /// <summary>The slots of all keys whose hashes begin with the same bits.</summary>
    internal sealed class Segment
    {
        /// <summary>Makes an empty segment.</summary>
        public Segment(int slots, int depth)
        {
            Slots = slots;
            Depth = depth;

            // Pinned, so that a line stays a line of the processor's cache when the heap is compacted.
            Words = GC.AllocateArray<ulong>((2 * slots) + LineWords, pinned: true);
            Start = (int)(-Marshal.UnsafeAddrOfPinnedArrayElement(Words, 0) & (LineBytes - 1)) / sizeof(ulong);
        }

        /// <summary>The lines, from <see cref="Start"/>: four keys and four values each.</summary>
        public ulong[] Words { get; }

        /// <summary>The index of the first line.</summary>
        public int Start { get; }

        /// <summary>The index behind the last line.</summary>
        public int End => Start + (2 * Slots);

        /// <summary>How many keys fit.</summary>
        public int Slots { get; }

        /// <summary>How many upper bits of the hash the keys have in common.</summary>
        public int Depth { get; }

        /// <summary>Slots that belong to a key. Writer only.</summary>
        public int Used { get; set; }

        /// <summary>Keys that have a value. Writer only.</summary>
        public int Live { get; set; }

        /// <summary>The index of a line.</summary>
        /// <param name="position">Which, in bytes; only the bits count that name a line.</param>
        public int LineOf(ulong position) => Start + (int)(position & (((ulong)(Slots / LineSlots) - 1) * LineBytes)) / sizeof(ulong);

        /// <summary>The slot that belongs to a key, live or not, else the empty one it will get.</summary>
        public int Own(ulong hash, ulong key, Vni vni)
        {
            for (ulong position = hash >> 32; ; position += LineBytes)
            {
                int line = LineOf(position);
                for (int i = line; i < line + LineSlots; i++)
                {
                    if (Words[i] == 0 || (Words[i] == key && IsOf(Words[i + LineSlots], vni)))
                    {
                        return i;
                    }
                }
            }
        }

        /// <summary>Takes the value from a key that has one; the slot stays the key's.</summary>
        public void Clear(int value)
        {
            Volatile.Write(ref Words[value], Words[value] >> VniShift << VniShift);
            Live--;
        }
    }
}
