namespace Overlay.Tables;

/// <summary>
/// Counts how often neighbours change their MAC address, and freezes those that do so too often: two hosts have one address, or one of them lies (RFC 9161
/// §3.7). Holds only what moved lately, up to a bound. Writer only.
/// </summary>
internal sealed class MoveWatch(NeighborTableOptions options)
{
    /// <summary>How many addresses are watched at most.</summary>
    public const int Capacity = 4_096;

    private readonly Dictionary<(Vni, ValueIPAddress), Watched> _watched = [];

    /// <summary>Whether nothing may be learned of an address now.</summary>
    public bool IsFrozen(Vni vni, ValueIPAddress address, long now) =>
        _watched.Count > 0 && _watched.TryGetValue((vni, address), out Watched watched) && now < watched.FrozenUntil;

    /// <summary>Enters a move.</summary>
    /// <returns>Whether it may be made; false with <paramref name="frozen"/> false if there is no room to watch it.</returns>
    public bool TryMove(Vni vni, ValueIPAddress address, long now, out bool frozen)
    {
        frozen = false;
        if (!_watched.TryGetValue((vni, address), out Watched watched) || now - watched.Since >= options.MoveWindow)
        {
            watched = new Watched(now, 0, long.MinValue);
        }

        if (_watched.Count >= Capacity && !_watched.ContainsKey((vni, address)))
        {
            Forget(now);
            if (_watched.Count >= Capacity)
            {
                return false;
            }
        }

        frozen = watched.Moves + 1 >= options.MoveLimit;
        _watched[(vni, address)] = watched with { Moves = watched.Moves + 1, FrozenUntil = frozen ? now + options.FreezeTime : long.MinValue };
        return !frozen;
    }

    /// <summary>Forgets what neither moved within the window nor is frozen.</summary>
    public void Forget(long now)
    {
        foreach (((Vni, ValueIPAddress) key, Watched watched) in _watched)
        {
            if (now - watched.Since >= options.MoveWindow && now >= watched.FrozenUntil)
            {
                _watched.Remove(key);
            }
        }
    }

    private readonly record struct Watched(long Since, int Moves, long FrozenUntil);
}
