namespace Overlay.Tables;

/// <summary>
/// Gives each remote in use a small number, so that an entry of the forwarding table fits one word and is replaced in one store.
/// One writer; <see cref="Get"/> and <see cref="Version"/> may be called by any thread.
/// </summary>
/// <remarks>
/// A number without references is not given to another remote at once: a reader may have fetched it and not used it yet.
/// It waits until <see cref="Maintain"/> has seen <see cref="QuarantineMilliseconds"/> pass. If its remote comes back meanwhile, it gets the same number.
/// </remarks>
internal sealed class InternedRemotes
{
    /// <summary>How many numbers there can be: they have 22 bits in an entry.</summary>
    public const int MaxIndices = 1 << 22;

    /// <summary>Longer than any reader holds a number: a look-up takes nanoseconds, a batch well below a second even when its thread is put aside.</summary>
    public const int QuarantineMilliseconds = 10_000;

    private const int InitialCapacity = 16;
    private const int RemoteBytes = 32;
    private const int UseBytes = 16;
    private const int LinkBytes = 52; // key 32, value, hash and next 4 each, rounded up to 8; and the bucket
    private const long NotYetSeen = long.MinValue;

    private readonly Dictionary<FdbRemote, int> _indices = [];
    private readonly List<int> _unused = [];
    private readonly Stack<int> _free = new();
    private FdbRemote[] _remotes = new FdbRemote[InitialCapacity];
    private Use[] _uses = new Use[InitialCapacity];
    private int _count;
    private int _version;

    /// <summary>All numbers given out so far are below this.</summary>
    public int Capacity => Volatile.Read(ref _remotes).Length;

    /// <summary>Changes before a number gets a new meaning.</summary>
    public int Version => Volatile.Read(ref _version);

    /// <summary>Bytes of what is kept per remote. Writer only.</summary>
    public long Bytes => (_remotes.Length * (long)(RemoteBytes + UseBytes)) + (_indices.Capacity * (long)LinkBytes) + ((_unused.Capacity + _free.Capacity) * (long)sizeof(int));

    /// <summary>What a number stands for. The number must have been read from an entry before, which orders this read behind the writer's store.</summary>
    /// <remarks>By reference: most ask for one or two of its fields.</remarks>
    public ref readonly FdbRemote Get(int index) => ref Volatile.Read(ref _remotes)[index];

    /// <summary>The number of a remote that is referenced, else −1.</summary>
    public int Find(FdbRemote remote) => _indices.TryGetValue(remote, out int index) && _uses[index].References > 0 ? index : -1;

    /// <summary>Adds a reference and returns the number; −1 if a new number were needed and <paramref name="limit"/> are given out.</summary>
    public int Acquire(FdbRemote remote, int limit)
    {
        if (!_indices.TryGetValue(remote, out int index))
        {
            if (!_free.TryPop(out index))
            {
                if (_count >= limit)
                {
                    return -1;
                }

                index = _count++;
                Reserve(_count);
            }

            _indices.Add(remote, index);
            Volatile.Write(ref _version, _version + 1);
            _remotes[index] = remote;
        }

        _uses[index].References++;
        return index;
    }

    /// <summary>Takes a reference back.</summary>
    public void Release(int index)
    {
        ref Use use = ref _uses[index];
        if (--use.References > 0)
        {
            return;
        }

        // When it was freed is not known here; the next Maintain takes its own time for it, which is never too early.
        use.UnusedSince = NotYetSeen;
        if (!use.IsListed)
        {
            use.IsListed = true;
            _unused.Add(index);
        }
    }

    /// <summary>Frees the numbers that have been without references for the quarantine.</summary>
    public void Maintain(long now)
    {
        int kept = 0;
        for (int i = 0; i < _unused.Count; i++)
        {
            int index = _unused[i];
            ref Use use = ref _uses[index];
            if (use.References > 0)
            {
                use.IsListed = false;
                continue;
            }

            if (use.UnusedSince == NotYetSeen)
            {
                use.UnusedSince = now;
            }
            else if (now - use.UnusedSince >= QuarantineMilliseconds)
            {
                use.IsListed = false;
                _indices.Remove(_remotes[index]);
                _free.Push(index);
                continue;
            }

            _unused[kept++] = index;
        }

        _unused.RemoveRange(kept, _unused.Count - kept);
    }

    private void Reserve(int count)
    {
        if (count <= _remotes.Length)
        {
            return;
        }

        // Readers with the old array go on reading what they may ask for: only numbers below its length were in any entry then.
        FdbRemote[] remotes = new FdbRemote[_remotes.Length * 2];
        _remotes.CopyTo(remotes, 0);
        Array.Resize(ref _uses, remotes.Length);
        Volatile.Write(ref _remotes, remotes);
    }

    private struct Use
    {
        public int References;
        public bool IsListed;
        public long UnusedSince;
    }
}
