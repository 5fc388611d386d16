namespace Overlay.DataPath;

/// <summary>The sequence numbers of one GRE tunnel, received: which comes next from each remote (RFC 2890 §2.2).</summary>
/// <remarks>
/// A packet is late if one with a higher number came before; numbers wrap, so that "higher" means by less than half of them. Linux then waits until the
/// numbers catch up, which takes as long as the tunnel had been up if the other end begins anew. Here a number that is far behind, or 0, which "the first
/// datagram is sent with", begins the count anew.
/// </remarks>
internal sealed class GreSequence
{
    /// <summary>How far behind a number is late; further behind it is a new count. No path delays a packet by so many others.</summary>
    public const int LateWithin = 4096;

    // With the policy "any" remotes are anybody's choice; the bound keeps them from eating the memory.
    private const int MaxRemotes = 4096;

    private readonly Dictionary<ValueIPAddress, uint> _next = [];

    /// <summary>Takes the number of a packet.</summary>
    /// <param name="remote">Who sent it.</param>
    /// <param name="number">Its number.</param>
    /// <returns>Whether the packet is in order; if not, nothing changes.</returns>
    public bool Accept(ValueIPAddress remote, uint number)
    {
        if (_next.TryGetValue(remote, out uint next))
        {
            int ahead = unchecked((int)(number - next));
            if (ahead < 0 && ahead >= -LateWithin && (number != 0 || ahead == -1))
            {
                return false;
            }
        }
        else if (_next.Count == MaxRemotes)
        {
            _next.Clear();
        }

        _next[remote] = unchecked(number + 1);
        return true;
    }
}
