using System.Numerics;

namespace Overlay.DataPath;

/// <summary>
/// Which reserved bits of the tunnel header came, and how often, whether the policy let the packet pass or not: what a sender wants that speaks another
/// version of the encapsulation. One counter for each bit of the eight header bytes.
/// </summary>
/// <remarks>Written by one worker, read by anybody. A packet with several bits counts at each of them.</remarks>
public sealed class ReservedBitCounters
{
    private readonly long[] _packets = new long[64];

    /// <summary>Packets that came with a bit.</summary>
    /// <param name="bit">The bit by its value: 63 is the highest of the first header byte, 0 the lowest of the eighth.</param>
    /// <exception cref="IndexOutOfRangeException">Not from 0 to 63.</exception>
    public long this[int bit] => Volatile.Read(ref _packets[bit]);

    /// <summary>Enters packets.</summary>
    /// <param name="bits">Their reserved bits, first header byte highest.</param>
    /// <param name="packets">How many wire packets.</param>
    internal void Enter(ulong bits, int packets)
    {
        for (; bits != 0; bits &= bits - 1)
        {
            _packets[BitOperations.TrailingZeroCount(bits)] += packets;
        }
    }
}
