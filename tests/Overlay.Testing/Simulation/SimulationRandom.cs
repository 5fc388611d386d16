namespace Overlay.Testing.Simulation;

/// <summary>
/// The generator that everything random in a simulation comes from (SplitMix64). Its numbers are a matter of this file, not of the runtime: a seed noted
/// today replays the same run on another version of .NET.
/// </summary>
/// <param name="seed">Any number.</param>
public sealed class SimulationRandom(ulong seed)
{
    private ulong _state = seed;

    /// <summary>64 random bits.</summary>
    public ulong NextUInt64()
    {
        ulong z = _state += 0x9E37_79B9_7F4A_7C15;
        z = (z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
        return z ^ (z >> 31);
    }

    /// <summary>A number from 0 to <paramref name="below"/> − 1.</summary>
    public int Next(int below)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(below);
        return (int)Math.BigMul(NextUInt64(), (ulong)below, out _);
    }

    /// <summary>A number from <paramref name="first"/> to <paramref name="last"/>, both included.</summary>
    public int Between(int first, int last) => first + Next(last - first + 1);

    /// <summary>Whether something happens that happens in this share of cases, 0 to 1.</summary>
    public bool Hits(double share) => share > 0 && (NextUInt64() >> 11) * (1.0 / (1UL << 53)) < share;

    /// <summary>One of a list.</summary>
    public T Pick<T>(IReadOnlyList<T> list)
    {
        ArgumentNullException.ThrowIfNull(list);
        return list[Next(list.Count)];
    }

    /// <summary>Random bytes.</summary>
    public byte[] Bytes(int length)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++)
        {
            bytes[i] = (byte)NextUInt64();
        }

        return bytes;
    }

    /// <summary>A generator of its own for a part of the simulation, so that one part's use of numbers does not move the others'.</summary>
    public SimulationRandom Fork() => new(NextUInt64());
}
