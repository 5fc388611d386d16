namespace Overlay.Tables;

/// <summary>Who makes way when the table is full.</summary>
public sealed partial class ForwardingTable
{
    /// <summary>
    /// Removes the learned entry that was not heard for the longest time: in the network if that is full, else in the table. A search gathers the
    /// oldest ones; those not heard since make way in that order, so each was the oldest when its turn came.
    /// </summary>
    /// <returns>false if none is old enough, or the last search is not long ago.</returns>
    private bool Evict(Vni vni, long now)
    {
        if (_options.WhenFull != ForwardingOverflow.EvictOldest)
        {
            return false;
        }

        Vni? network = CountOf(vni) >= _options.MaxEntriesPerVni ? vni : null;
        Queue<ForwardingKey>? oldest = _oldest;
        if (network is not null && !_oldestOfNetwork.TryGetValue(vni, out oldest))
        {
            _oldestOfNetwork.Add(vni, oldest = new Queue<ForwardingKey>());
        }

        if (EvictFirst(oldest, now))
        {
            return true;
        }

        if (now < _books.NextSearch)
        {
            return false;
        }

        _books.NextSearch = now + EvictionSearchInterval;
        if (_oldestOfNetwork.Count > EvictionQueues)
        {
            _oldestOfNetwork.Clear();
            oldest = network is null ? _oldest : _oldestOfNetwork[vni] = new Queue<ForwardingKey>();
        }

        FindOldest(oldest, network, now);
        return EvictFirst(oldest, now);
    }

    private bool EvictFirst(Queue<ForwardingKey> oldest, long now)
    {
        while (oldest.TryDequeue(out ForwardingKey key))
        {
            int slot = _slots.FindSlot(key.Vni, key.Mac, out _, out ulong value);
            if (slot >= 0 && OriginOf(value) == FdbOrigin.Learned && Idle(now, value) >= EvictionAgeMilliseconds)
            {
                Remove(key.Vni, key.Mac);
                Volatile.Write(ref _books.Evictions, _books.Evictions + 1);
                return true;
            }
        }

        return false;
    }

    private void FindOldest(Queue<ForwardingKey> oldest, Vni? network, long now)
    {
        PriorityQueue<ForwardingKey, int> found = new();
        int longest = 0;
        foreach ((ulong key, ulong value) in _slots.Entries())
        {
            if (OriginOf(value) != FdbOrigin.Learned)
            {
                continue;
            }

            int idle = Idle(now, value);
            longest = Math.Max(longest, idle);
            ForwardingKey name = ForwardingSlots.Unpack(key, value);
            if (idle < EvictionAgeMilliseconds || (network is not null && name.Vni != network))
            {
                continue;
            }

            if (found.Count < EvictionBatch)
            {
                found.Enqueue(name, idle);
            }
            else
            {
                found.EnqueueDequeue(name, idle);
            }
        }

        // The heap gives the youngest first.
        ForwardingKey[] order = new ForwardingKey[found.Count];
        for (int i = order.Length - 1; i >= 0; i--)
        {
            order[i] = found.Dequeue();
        }

        foreach (ForwardingKey key in order)
        {
            oldest.Enqueue(key);
        }

        // Until the oldest is old enough workers need not ask.
        if (network is null && order.Length == 0)
        {
            Volatile.Write(ref _books.NoEvictionBefore, now + EvictionAgeMilliseconds - longest);
        }
    }
}
