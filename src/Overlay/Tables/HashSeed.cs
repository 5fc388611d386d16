using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Overlay.Tables;

/// <summary>
/// The secret of one hash table. Who sends packets chooses the keys, so a fixed hash would let him fill one chain;
/// with 128 secret bits he cannot know which keys meet.
/// </summary>
internal readonly struct HashSeed(ulong first, ulong second)
{
    // 2⁶⁴ divided by the golden ratio, odd: neighbours end up far apart.
    private const ulong Multiplier = 0x9E37_79B9_7F4A_7C15;

    private readonly ulong _first = first;
    private readonly ulong _second = second;

    /// <summary>A seed nobody can predict. A GUID of version 4 carries 122 random bits; the six fixed ones do no harm.</summary>
    public static HashSeed Create()
    {
        Span<byte> bytes = stackalloc byte[16];
        Guid.NewGuid().TryWriteBytes(bytes);
        return new HashSeed(BitConverter.ToUInt64(bytes), BitConverter.ToUInt64(bytes[8..]));
    }

    /// <summary>Half of the secret, for tables with a hash of their own.</summary>
    public ulong Secret => _first;

    /// <summary>
    /// A 128-bit product folded, so that each bit of both words reaches the result, and multiplied once more: the product alone leaves keys that
    /// count upwards in a pattern, which an unlucky secret turns into long runs (a test shows it).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Mix(ulong a, ulong b) => (uint)(MixWide(a, b) >> 32);

    /// <summary>The same with 64 bits, of which the upper ones are the better.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong MixWide(ulong a, ulong b)
    {
        a ^= _first;
        b ^= _second;
        // Two multiplications are cheaper than one whose lower half comes back through memory, which is what the JIT makes of Math.BigMul.
        ulong high = Bmi2.X64.IsSupported ? Bmi2.X64.MultiplyNoFlags(a, b) : Math.BigMul(a, b, out _);
        return (high ^ (a * b)) * Multiplier;
    }
}
