namespace Overlay.Capture;

/// <summary>How an interface counts time: <c>if_tsresol</c> and <c>if_tsoffset</c> (pcapng §4.2).</summary>
/// <param name="Resolution">Highest bit clear: ticks of 10⁻ⁿ seconds; set: of 2⁻ⁿ seconds; n in the lower seven bits.</param>
/// <param name="OffsetSeconds">Seconds to be added to each time.</param>
internal readonly record struct TimestampClock(byte Resolution, long OffsetSeconds)
{
    public const byte Microseconds = 6;
    public const byte Nanoseconds = 9;

    private const byte BinaryFlag = 0x80;
    private const uint NanosecondsPerSecond = 1_000_000_000;

    /// <summary>Nanoseconds since 1970, rounded down.</summary>
    /// <returns>false if they do not fit 64 bits.</returns>
    public bool TryGetNanoseconds(ulong ticks, out long nanoseconds)
    {
        int exponent = Resolution & ~BinaryFlag;
        UInt128 value;
        if ((Resolution & BinaryFlag) != 0)
        {
            value = ((UInt128)ticks * NanosecondsPerSecond) >> exponent;
        }
        else if (exponent <= Nanoseconds)
        {
            value = (UInt128)ticks * PowerOfTen(Nanoseconds - exponent);
        }
        else
        {
            // 10²⁰ is more than 64 bits of ticks: what is finer is less than a nanosecond in all.
            value = exponent - Nanoseconds >= 20 ? 0 : ticks / PowerOfTen(exponent - Nanoseconds);
        }

        Int128 total = (Int128)value + ((Int128)OffsetSeconds * NanosecondsPerSecond);
        bool fits = total >= long.MinValue && total <= long.MaxValue;
        nanoseconds = fits ? (long)total : 0;
        return fits;
    }

    private static ulong PowerOfTen(int exponent)
    {
        ulong power = 1;
        for (int i = 0; i < exponent; i++)
        {
            power *= 10;
        }

        return power;
    }
}
