namespace Overlay.Tables;

/// <summary>Ageing, and forgetting remotes, a part of a large table at a time.</summary>
public sealed partial class ForwardingTable
{
    /// <summary>How many slots a call of <see cref="AgePart"/> reads at most. A large table has 1.3 to 2.9 slots per entry.</summary>
    public const int SweepSlots = 65_536;

    private const int SweepSegments = SweepSlots / ForwardingSlots.SegmentSlots;

    // Less than a control plane can notice: writing so many segments anew, which is more work, takes about 3 ms.
    private const int EagerSegments = 32;

    /// <summary>
    /// As <see cref="Age"/>, a part of the table at a time, so that no call takes long however large it is: called until the round is over, and a second later again. An entry
    /// goes in the first round that begins after it has become old, if its host is not heard before its turn; and if it is old when its turn comes, already in this one. Writer only.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="maxAge">As for <see cref="Age"/>.</param>
    /// <param name="isRound">Whether this call has ended a round: every entry that was there all the time was looked at.</param>
    /// <returns>How many were removed.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxAge"/> is negative.</exception>
    public int AgePart(long now, long maxAge, out bool isRound)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxAge);
        int before = _books.Count;
        bool ages = maxAge <= MaxAgeLimit;
        if (ages || _departed.Count > 0)
        {
            int left = SweepSegments;
            do
            {
                _position = _slots.RemoveFrom(
                    _position,
                    value => OriginOf(value) == FdbOrigin.Learned &&
                        ((ages && Idle(now, value) >= maxAge) || (_departed.Count > 0 && _departed.ContainsKey((int)(value & IndexMask)))),
                    (key, value) => Forget(ForwardingSlots.Unpack(key, value), value));
                left--;
            }
            while (_position != 0 && left > 0);
        }
        else
        {
            _position = 0;
        }

        isRound = _position == 0;
        if (isRound)
        {
            EndRound(now);
        }

        return before - _books.Count;
    }

    /// <summary>
    /// Removes what was learned from a remote that nothing names any longer: at once, or, where the table is large, in the rounds of <see cref="AgePart"/> that end next, at
    /// the latest in the second one. Many that leave together cost no more than one. Writer only.
    /// </summary>
    internal void ForgetLearned(ValueIPAddress remote)
    {
        int index = _remotes.Find(new FdbRemote(remote));
        if (index < 0)
        {
            return;
        }

        if (_slots.Current.Segments.Length <= EagerSegments)
        {
            RemoveLearned(remote);
        }
        else
        {
            // What the round under way has passed, the next one looks at.
            _departed[index] = _position == 0 ? 1 : 2;
        }
    }

    private void EndRound(long now)
    {
        foreach ((int index, int rounds) in _departed)
        {
            // Before its index could mean another remote: that is in quarantine for longer.
            if (rounds == 1)
            {
                _departed.Remove(index);
            }
            else
            {
                _departed[index] = rounds - 1;
            }
        }

        foreach ((ForwardingKey key, MoveRecord record) in _moving)
        {
            if (now >= record.Until)
            {
                Thaw(key);
            }
        }

        _remotes.Maintain(now);
    }
}
