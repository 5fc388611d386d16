namespace Overlay.Tables;

/// <summary>Bulk replace.</summary>
public sealed partial class ForwardingTable
{
    /// <summary>
    /// The slots that are to be published in place of all there are: what stays, and the set. Either <see cref="Commit"/> is called or, if building it
    /// failed, nothing was changed. Between the two the table must not be written.
    /// </summary>
    internal sealed class ForwardingPlan
    {
        private readonly ForwardingTable _table;
        private readonly FdbOrigin _origin;
        private readonly ForwardingSlots _before;
        private readonly ForwardingSlots _after;
        private readonly List<int> _released = [];
        private readonly Dictionary<int, int> _named = [];
        private int _removed;
        private int _overruled;

        public ForwardingPlan(ForwardingTable table, FdbOrigin origin, IEnumerable<KeyValuePair<ForwardingKey, FdbRemote>> entries)
        {
            _table = table;
            _origin = origin;
            _before = table._slots;
            int stays = 0;
            foreach ((_, ulong value) in _before.Entries())
            {
                stays += OriginOf(value) == origin ? 0 : 1;
            }

            _after = new ForwardingSlots(table._seed, stays + (entries.TryGetNonEnumeratedCount(out int expected) ? expected : 0));
            foreach ((ulong key, ulong value) in _before.Entries())
            {
                ForwardingKey name = ForwardingSlots.Unpack(key, value);
                if (OriginOf(value) != origin)
                {
                    _after.Put(name.Vni, name.Mac, value);
                }
            }

            try
            {
                foreach ((ForwardingKey key, FdbRemote remote) in entries)
                {
                    Add(key, remote);
                }
            }
            catch
            {
                // The set was bad: give back what was taken for it.
                foreach ((_, ulong value) in _after.Entries())
                {
                    if (OriginOf(value) == origin)
                    {
                        table._remotes.Release((int)(value & IndexMask));
                    }
                }

                throw;
            }

            foreach ((ulong key, ulong value) in _before.Entries())
            {
                if (OriginOf(value) == origin)
                {
                    ForwardingKey name = ForwardingSlots.Unpack(key, value);
                    ulong next = _after.Find(name.Vni, name.Mac);
                    _removed += ForwardingSlots.IsLive(next) && OriginOf(next) == origin ? 0 : 1;
                    Name(value, -1);
                    _released.Add((int)(value & IndexMask));
                }
            }
        }

        /// <summary>By how much the number of static and external entries that name a remote changes, by its address.</summary>
        public Dictionary<ValueIPAddress, long> NamedDifference()
        {
            Dictionary<ValueIPAddress, long> difference = [];
            foreach ((int index, int count) in _named)
            {
                ValueIPAddress address = _table._remotes.Get(index).Address;
                difference[address] = difference.GetValueOrDefault(address) + count;
            }

            return difference;
        }

        /// <summary>Leaves out what was learned from remotes that nothing names any longer.</summary>
        public void RemoveLearned(HashSet<ValueIPAddress> remotes)
        {
            HashSet<int> indices = [];
            foreach (ValueIPAddress remote in remotes)
            {
                int index = _table._remotes.Find(new FdbRemote(remote));
                if (index >= 0)
                {
                    indices.Add(index);
                }
            }

            if (indices.Count > 0)
            {
                _after.RemoveWhere(
                    value => OriginOf(value) == FdbOrigin.Learned && indices.Contains((int)(value & IndexMask)),
                    (_, value) => _released.Add((int)(value & IndexMask)));
            }
        }

        /// <summary>Publishes it.</summary>
        public ForwardingReplacement Commit()
        {
            int count = 0;
            int present = 0;
            Dictionary<Vni, ulong> counts = [];
            foreach ((ulong key, ulong value) in _after.Entries())
            {
                Vni vni = ForwardingSlots.Unpack(key, value).Vni;
                counts[vni] = counts.GetValueOrDefault(vni) + 1;
                present += OriginOf(value) == _origin ? 1 : 0;
                count++;
            }

            Volatile.Write(ref _table._slots, _after);
            Volatile.Write(ref _table._books.Count, count);
            foreach ((uint number, _, _) in _table._counts.Snapshot())
            {
                if (!counts.ContainsKey(new Vni(number)))
                {
                    _table._counts.Remove(number, default);
                }
            }

            foreach ((Vni vni, ulong number) in counts)
            {
                _table._counts.Set(vni.Value, default, number);
            }

            foreach (ForwardingKey key in _table._moving.Keys)
            {
                ulong value = _after.Find(key.Vni, key.Mac);
                if (!ForwardingSlots.IsLive(value) || OriginOf(value) != FdbOrigin.Learned)
                {
                    _table.Thaw(key);
                }
            }

            _released.ForEach(_table._remotes.Release);
            return new ForwardingReplacement(present, _removed, _overruled);
        }

        private void Add(ForwardingKey key, FdbRemote remote)
        {
            CheckKey(key.Mac, "entries");
            ulong old = _after.Find(key.Vni, key.Mac);
            bool isThere = ForwardingSlots.IsLive(old);
            if (isThere && OriginOf(old) == FdbOrigin.Static && _origin == FdbOrigin.External)
            {
                _overruled++;
                return;
            }

            int index = _table.Acquire(remote, "entries");
            ulong value = Pack(key.Vni, index, _origin, 0);
            _after.Put(key.Vni, key.Mac, value);
            Name(value, 1);
            if (!isThere)
            {
                return;
            }

            if (OriginOf(old) != FdbOrigin.Learned)
            {
                Name(old, -1);
            }

            // One of this set had no reader yet; the others keep theirs until the set is published.
            if (OriginOf(old) == _origin)
            {
                _table._remotes.Release((int)(old & IndexMask));
            }
            else
            {
                _released.Add((int)(old & IndexMask));
            }
        }

        private void Name(ulong value, int difference)
        {
            int index = (int)(value & IndexMask);
            _named[index] = _named.GetValueOrDefault(index) + difference;
        }
    }
}
