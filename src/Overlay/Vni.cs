using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Overlay;

/// <summary>
/// A VXLAN network identifier: 24 bits, 0 to 16 777 215 (RFC 7348 §5). A larger number cannot be represented, so it is checked once, here.
/// </summary>
public readonly struct Vni : IEquatable<Vni>, IComparable<Vni>, ISpanFormattable, IUtf8SpanFormattable, ISpanParsable<Vni>
{
    /// <summary>The largest identifier, 2²⁴ − 1.</summary>
    public const uint MaxValue = 0xFF_FFFF;

    /// <summary>Makes an identifier.</summary>
    /// <param name="value">0 to <see cref="MaxValue"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="value"/> needs more than 24 bits.</exception>
    public Vni(uint value)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, MaxValue);
        Value = value;
    }

    private Vni(uint value, bool _) => Value = value;

    /// <summary>The number, 0 to <see cref="MaxValue"/>.</summary>
    public uint Value { get; }

    /// <summary>Makes an identifier if the number fits 24 bits.</summary>
    public static bool TryCreate(uint value, out Vni vni)
    {
        vni = new Vni(value & MaxValue, false);
        return value <= MaxValue;
    }

    /// <summary>The identifier in the upper 24 bits of a big-endian word, as VXLAN and Geneve carry it.</summary>
    internal static Vni FromUpper24(uint word) => new(word >> 8, false);

    /// <inheritdoc/>
    public bool Equals(Vni other) => Value == other.Value;

    /// <inheritdoc/>
    public override bool Equals([NotNullWhen(true)] object? obj) => obj is Vni other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => (int)Value;

    /// <inheritdoc/>
    public int CompareTo(Vni other) => Value.CompareTo(other.Value);

    /// <summary>The decimal number.</summary>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public string ToString(string? format, IFormatProvider? formatProvider) => Value.ToString(format, formatProvider ?? CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public bool TryFormat(Span<char> destination, out int charsWritten, ReadOnlySpan<char> format = default, IFormatProvider? provider = null) =>
        Value.TryFormat(destination, out charsWritten, format, provider ?? CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public bool TryFormat(Span<byte> utf8Destination, out int bytesWritten, ReadOnlySpan<char> format = default, IFormatProvider? provider = null) =>
        Value.TryFormat(utf8Destination, out bytesWritten, format, provider ?? CultureInfo.InvariantCulture);

    /// <summary>Reads a decimal number.</summary>
    /// <exception cref="FormatException">Not a decimal number from 0 to 16 777 215.</exception>
    public static Vni Parse(ReadOnlySpan<char> s, IFormatProvider? provider = null) =>
        TryParse(s, provider, out Vni result) ? result : throw new FormatException($"'{s}' is not a VNI: a decimal number from 0 to {MaxValue} is.");

    /// <inheritdoc cref="Parse(ReadOnlySpan{char}, IFormatProvider?)"/>
    public static Vni Parse(string s, IFormatProvider? provider = null)
    {
        ArgumentNullException.ThrowIfNull(s);
        return Parse(s.AsSpan(), provider);
    }

    /// <summary>Reads a decimal number.</summary>
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out Vni result)
    {
        result = default;
        return uint.TryParse(s, NumberStyles.None, CultureInfo.InvariantCulture, out uint value) && TryCreate(value, out result);
    }

    /// <inheritdoc cref="TryParse(ReadOnlySpan{char}, IFormatProvider?, out Vni)"/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out Vni result) => TryParse(s.AsSpan(), provider, out result);

    /// <summary>Whether both are the same identifier.</summary>
    public static bool operator ==(Vni left, Vni right) => left.Equals(right);

    /// <summary>Whether they differ.</summary>
    public static bool operator !=(Vni left, Vni right) => !left.Equals(right);

    /// <summary>Order by number.</summary>
    public static bool operator <(Vni left, Vni right) => left.Value < right.Value;

    /// <summary>Order by number.</summary>
    public static bool operator >(Vni left, Vni right) => left.Value > right.Value;

    /// <summary>Order by number.</summary>
    public static bool operator <=(Vni left, Vni right) => left.Value <= right.Value;

    /// <summary>Order by number.</summary>
    public static bool operator >=(Vni left, Vni right) => left.Value >= right.Value;
}
