using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Overlay.Tables;

/// <summary>What a /16 leads to, for each /24 in it, as one array that never changes.</summary>
/// <remarks>
/// <para>
/// Where there are few rules (see <see cref="RouteBand"/>) it is they themselves, 16 to 32 words with at least one behind them that has no place: the number
/// that is inherited, or 0. Two vectors of 16, which overlap if there are fewer than 32, find the first that holds. Where there are more, it is a word for
/// each /24.
/// </para>
/// <para>
/// What counts is how few lines of memory a look-up touches that the caches may not have, and how few there are in all: a million routes have 5 MB of bands,
/// and a miss of the last cache costs as much as all else together. Two bytes for each /24, found by one load, are 32 MB and take twice the time.
/// </para>
/// </remarks>
internal static class IPv4Band
{
    /// <summary>A number that says: there are longer prefixes, ask the <see cref="IPv4Network"/>.</summary>
    public const uint Further = RouteBand.NumberMask;

    /// <summary>The fewest words.</summary>
    public const int MinimumLength = 16;

    private const int MaximumRulesLength = 2 * MinimumLength;

    /// <summary>A band in which nothing leads anywhere.</summary>
    public static uint[] Empty { get; } = new uint[MinimumLength];

    /// <summary>Finds what an address leads to; 0 for nothing, or <see cref="Further"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Find(uint[] band, uint address)
    {
        uint slot = (address >> 8) & (RouteBand.Slots - 1);
        int index = (int)slot;
        if (band.Length <= MaximumRulesLength)
        {
            int rest = band.Length - MinimumLength;
            ulong holding = RouteBand.Holding(band.AsSpan(0, MinimumLength), slot) | ((ulong)RouteBand.Holding(band.AsSpan(rest), slot) << rest);
            index = BitOperations.TrailingZeroCount(holding);
        }

        return RouteBand.NumberOf(band[index]);
    }

    /// <summary>Asks for the lines of a band, so that they are there when it is looked at.</summary>
    /// <remarks>
    /// By pointer, because there is no other way to ask; nothing is read or written by it, so that there is no result to check. Of a million routes, in
    /// batches: 16 ns for one with it, 24 without.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void Prefetch(uint[] band)
    {
        if (Sse.IsSupported && band is not null)
        {
            // The length stands in front. Should the array be moved meanwhile, lines are asked for in vain; nothing is read here.
            fixed (uint* words = &MemoryMarshal.GetArrayDataReference(band))
            {
                Sse.Prefetch0(words - 4);
                Sse.Prefetch0(words + 12);
            }
        }
    }

    /// <summary>Makes a band.</summary>
    /// <param name="network">The prefixes in the /16; null for none.</param>
    /// <param name="inherited">What holds where none of them does.</param>
    public static uint[] Create(IPv4Network? network, uint inherited)
    {
        if (network is null)
        {
            return inherited == 0 ? Empty : [inherited, .. Empty.AsSpan(1)];
        }

        if (inherited == 0 && network.HostNetworks.IsEmpty && network.Words.Length <= MaximumRulesLength)
        {
            return network.Words;
        }

        ReadOnlySpan<uint> rules = network.Rules;
        ReadOnlySpan<byte> hostNetworks = network.HostNetworks;
        int count = hostNetworks.Length + rules.Length;
        if (count < MaximumRulesLength)
        {
            uint[] words = new uint[Math.Max(MinimumLength, count + 1)];
            for (int i = 0; i < hostNetworks.Length; i++)
            {
                // Before the rule of the same /24, if there is one.
                words[i] = RouteBand.Rule(RouteBand.Place(hostNetworks[i], 8), Further);
            }

            rules.CopyTo(words.AsSpan(hostNetworks.Length));
            words[count] = inherited;
            return words;
        }

        uint[] band = new uint[RouteBand.Slots];
        RouteBand.Paint(rules, inherited, band);
        foreach (byte third in hostNetworks)
        {
            band[third] = Further;
        }

        return band;
    }
}
