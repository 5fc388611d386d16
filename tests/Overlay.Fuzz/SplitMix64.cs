namespace Overlay.Fuzz;

/// <summary>A small generator whose whole state is its seed (Steele, Lea, Flood 2014): the same numbers everywhere.</summary>
internal struct SplitMix64(ulong seed)
{
    private ulong _state = seed;

    /// <summary>The next 64 bits.</summary>
    public ulong Next()
    {
        ulong z = _state += 0x9E37_79B9_7F4A_7C15;
        z = (z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
        return z ^ (z >> 31);
    }

    /// <summary>A number from 0 to <paramref name="limit"/> - 1; 0 if there is none.</summary>
    public int Below(int limit) => (int)(((Next() >> 32) * (ulong)Math.Max(limit, 1)) >> 32);

    /// <summary>True once in <paramref name="n"/> times.</summary>
    public bool OneIn(int n) => Below(n) == 0;

    /// <summary>A seed for a part of the work, which no other part has.</summary>
    public static ulong Derive(ulong seed, params ReadOnlySpan<ulong> parts)
    {
        SplitMix64 generator = new(seed);
        ulong derived = generator.Next();
        foreach (ulong part in parts)
        {
            generator = new SplitMix64(derived ^ (part * 0xD6E8_FEB8_6659_FD93));
            derived = generator.Next();
        }

        return derived;
    }
}
