namespace Overlay.Tables;

/// <summary>Addresses that move: counted, and frozen when they do it too often (RFC 7432 §15.1).</summary>
public sealed partial class ForwardingTable
{
    /// <summary>What is known of an address once it moves there, and counted by <see cref="CountMove"/> if it does.</summary>
    private MoveRecord AfterMove(ForwardingKey key, long now)
    {
        MoveRecord next = _moving.TryGetValue(key, out MoveRecord before) && now < before.Until
            ? before with { Moves = before.Moves + 1 }
            : new MoveRecord(1, false, now + _moveWindow);
        return _options.MoveLimit > 0 && next.Moves >= _options.MoveLimit ? next with { IsFrozen = true, Until = now + _freezeTime } : next;
    }

    private void CountMove(ForwardingKey key, MoveRecord moves)
    {
        Volatile.Write(ref _books.Moves, _books.Moves + 1);
        if (_options.MoveLimit > 0)
        {
            _moving[key] = moves;
        }

        if (moves.IsFrozen)
        {
            Volatile.Write(ref _books.Freezes, _books.Freezes + 1);
            Volatile.Write(ref _books.FrozenCount, _books.FrozenCount + 1);
        }
    }

    /// <summary>Forgets how an address moved; if it was frozen it may be learned anywhere again.</summary>
    private void Thaw(ForwardingKey key)
    {
        if (!_moving.Remove(key, out MoveRecord record) || !record.IsFrozen)
        {
            return;
        }

        Volatile.Write(ref _books.FrozenCount, _books.FrozenCount - 1);
        int slot = _slots.FindSlot(key.Vni, key.Mac, out ulong[] words, out ulong value);
        if (slot >= 0)
        {
            Volatile.Write(ref words[slot], value & ~Frozen);
        }
    }

    /// <summary>Moves of one address.</summary>
    /// <param name="Moves">How many.</param>
    /// <param name="IsFrozen">Whether they were too many.</param>
    /// <param name="Until">When this is forgotten: the end of the window, which the first move opened, or of the frost.</param>
    private readonly record struct MoveRecord(int Moves, bool IsFrozen, long Until);
}
