using Overlay.Tables;

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

    // The value is the number with a bit above it, since 0 is no value of the map.
    private const ulong Known = 1UL << 32;

    private readonly GreSequence? _original;
    private AddressMap _next = new();

    /// <summary>Knows no remote yet.</summary>
    public GreSequence()
    {
    }

    /// <summary>Goes on where another one stands, which stays as it is.</summary>
    public GreSequence(GreSequence original) => _original = original;

    /// <summary>Takes the number of a packet.</summary>
    /// <param name="remote">Who sent it.</param>
    /// <param name="number">Its number.</param>
    /// <returns>Whether the packet is in order; if not, nothing changes.</returns>
    public bool Accept(ValueIPAddress remote, uint number)
    {
        if (TryGetNext(remote, out uint next))
        {
            int ahead = unchecked((int)(number - next));
            if (ahead < 0 && ahead >= -LateWithin && (number != 0 || ahead == -1))
            {
                return false;
            }
        }
        else if (_next.Count == MaxRemotes)
        {
            Volatile.Write(ref _next, new AddressMap());
        }

        _next.Set(0, remote, Known | unchecked(number + 1));
        return true;
    }

    /// <summary>The number that comes next from a remote. Any thread.</summary>
    /// <returns>false if nothing has come from it yet.</returns>
    public bool TryGetNext(ValueIPAddress remote, out uint next)
    {
        bool isKnown = Volatile.Read(ref _next).TryGet(0, remote, out ulong value);
        next = (uint)value;
        return isKnown || (_original is not null && _original.TryGetNext(remote, out next));
    }
}
