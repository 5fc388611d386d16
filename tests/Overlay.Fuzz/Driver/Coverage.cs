using System.Numerics;
using System.Runtime.InteropServices;
using SharpFuzz.Common;

namespace Overlay.Fuzz.Driver;

/// <summary>
/// What instrumented code says of its way: it counts in a map, at the hash of the last branch and this one (as AFL does). In code that was not
/// instrumented the map stays empty.
/// </summary>
internal sealed unsafe class Coverage : IDisposable
{
    /// <summary>Bytes of the map.</summary>
    public const int MapLength = 65_536;

    private byte* _map = (byte*)NativeMemory.AlignedAlloc(MapLength, 64);

    /// <summary>Makes the map, and lets instrumented code write to it: it must stand before any such code runs.</summary>
    public Coverage()
    {
        Map.Clear();
        Trace.SharedMem = _map;
    }

    /// <summary>Whether anything has been counted since the last <see cref="Reset"/>.</summary>
    public bool HasAny => Map.ContainsAnyExcept((byte)0);

    private Span<byte> Map => new(_map, MapLength);

    /// <summary>Before an input.</summary>
    public void Reset()
    {
        Map.Clear();
        Trace.PrevLocation = 0;
    }

    /// <summary>Adds what was counted to what is known.</summary>
    /// <param name="known">For each place of the map the classes of counts (once, twice, … more) that were seen.</param>
    /// <param name="branches">Grows by the places that are new altogether.</param>
    /// <returns>Whether there was anything new.</returns>
    public bool AddTo(Span<byte> known, ref int branches)
    {
        bool isNew = false;
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(Map);
        for (int at = words.IndexOfAnyExcept(0UL); at >= 0;)
        {
            for (int i = at * 8; i < (at * 8) + 8; i++)
            {
                byte count = _map[i];
                if (count != 0)
                {
                    byte bit = (byte)(1 << BitOperations.Log2(count));
                    branches += known[i] == 0 ? 1 : 0;
                    isNew |= (known[i] & bit) == 0;
                    known[i] |= bit;
                }
            }

            int next = words[(at + 1)..].IndexOfAnyExcept(0UL);
            at = next < 0 ? -1 : at + 1 + next;
        }

        return isNew;
    }

    public void Dispose()
    {
        if (_map is not null)
        {
            Trace.SharedMem = null;
            NativeMemory.AlignedFree(_map);
            _map = null;
        }
    }
}
