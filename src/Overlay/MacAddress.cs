using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net.NetworkInformation;

namespace Overlay;

/// <summary>A 48-bit MAC address (EUI-48) as a value: no allocation, comparable, usable as a key.</summary>
public readonly struct MacAddress : IEquatable<MacAddress>, IComparable<MacAddress>, ISpanFormattable, IUtf8SpanFormattable, ISpanParsable<MacAddress>
{
    /// <summary>Bytes of an address on the wire.</summary>
    public const int Length = 6;

    private const int TextLength = 17;
    private const ulong GroupBit = 0x0100_0000_0000;
    private const ulong LocalBit = 0x0200_0000_0000;

    private readonly ulong _value;

    /// <summary>Reads an address from six bytes in wire order.</summary>
    /// <exception cref="ArgumentException"><paramref name="bytes"/> is not six bytes long.</exception>
    public MacAddress(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Length)
        {
            throw new ArgumentException($"A MAC address has {Length} bytes, not {bytes.Length}.", nameof(bytes));
        }

        _value = ReadValue(bytes);
    }

    private MacAddress(ulong value) => _value = value;

    /// <summary>ff:ff:ff:ff:ff:ff.</summary>
    public static MacAddress Broadcast => new(0xFFFF_FFFF_FFFF);

    /// <summary>The address as a number, first byte highest: 0 to 2⁴⁸ − 1.</summary>
    public ulong Value => _value;

    /// <summary>Whether the group bit is set: multicast, broadcast included.</summary>
    public bool IsMulticast => (_value & GroupBit) != 0;

    /// <summary>Whether all 48 bits are set.</summary>
    public bool IsBroadcast => _value == 0xFFFF_FFFF_FFFF;

    /// <summary>Whether the address is locally administered.</summary>
    public bool IsLocal => (_value & LocalBit) != 0;

    /// <summary>Whether all bits are zero.</summary>
    public bool IsZero => _value == 0;

    /// <summary>Makes an address from a number, first byte highest.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="value"/> needs more than 48 bits.</exception>
    public static MacAddress FromValue(ulong value)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 0xFFFF_FFFF_FFFFUL);
        return new MacAddress(value);
    }

    /// <summary>The first six bytes of <paramref name="bytes"/>; the caller has checked the length.</summary>
    internal static MacAddress Read(ReadOnlySpan<byte> bytes) => new(ReadValue(bytes));

    /// <summary>The first six of eight bytes that were read big-endian: one load where two more bytes are known to follow.</summary>
    internal static MacAddress ReadFromWord(ulong word) => new(word >> 16);

    /// <summary>Writes the six bytes in wire order.</summary>
    /// <returns>false, with nothing written, if <paramref name="destination"/> is shorter than six bytes.</returns>
    public bool TryWriteBytes(Span<byte> destination)
    {
        if (destination.Length < Length)
        {
            return false;
        }

        BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)(_value >> 32));
        BinaryPrimitives.WriteUInt32BigEndian(destination[2..], (uint)_value);
        return true;
    }

    /// <summary>Converts from the BCL's class.</summary>
    /// <exception cref="ArgumentException">The address is not six bytes long.</exception>
    public static explicit operator MacAddress(PhysicalAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return new MacAddress(address.GetAddressBytes());
    }

    /// <summary>Converts to the BCL's class.</summary>
    public PhysicalAddress ToPhysicalAddress()
    {
        byte[] bytes = new byte[Length];
        TryWriteBytes(bytes);
        return new PhysicalAddress(bytes);
    }

    /// <inheritdoc/>
    public bool Equals(MacAddress other) => _value == other._value;

    /// <inheritdoc/>
    public override bool Equals([NotNullWhen(true)] object? obj) => obj is MacAddress other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _value.GetHashCode();

    /// <inheritdoc/>
    public int CompareTo(MacAddress other) => _value.CompareTo(other._value);

    /// <summary>Lower-case hexadecimal with colons, as <c>ip link</c> prints it.</summary>
    public override string ToString() => string.Create(TextLength, _value, static (span, value) => Format(value, span));

    /// <inheritdoc/>
    public string ToString(string? format, IFormatProvider? formatProvider) => ToString();

    /// <inheritdoc/>
    public bool TryFormat(Span<char> destination, out int charsWritten, ReadOnlySpan<char> format = default, IFormatProvider? provider = null)
    {
        if (destination.Length < TextLength)
        {
            charsWritten = 0;
            return false;
        }

        Format(_value, destination);
        charsWritten = TextLength;
        return true;
    }

    /// <inheritdoc/>
    public bool TryFormat(Span<byte> utf8Destination, out int bytesWritten, ReadOnlySpan<char> format = default, IFormatProvider? provider = null)
    {
        Span<char> text = stackalloc char[TextLength];
        Format(_value, text);
        return System.Text.Encoding.ASCII.TryGetBytes(text, utf8Destination, out bytesWritten);
    }

    /// <summary>Reads six hexadecimal pairs joined by colons or hyphens.</summary>
    /// <exception cref="FormatException">Not such a text.</exception>
    public static MacAddress Parse(ReadOnlySpan<char> s, IFormatProvider? provider = null) => TryParse(s, provider, out MacAddress result)
        ? result
        : throw new FormatException($"'{s}' is not a MAC address: six hexadecimal pairs joined by colons are, such as 02:00:00:00:00:01.");

    /// <inheritdoc cref="Parse(ReadOnlySpan{char}, IFormatProvider?)"/>
    public static MacAddress Parse(string s, IFormatProvider? provider = null)
    {
        ArgumentNullException.ThrowIfNull(s);
        return Parse(s.AsSpan(), provider);
    }

    /// <summary>Reads six hexadecimal pairs joined by colons or hyphens.</summary>
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out MacAddress result)
    {
        result = default;
        if (s.Length != TextLength)
        {
            return false;
        }

        ulong value = 0;
        for (int i = 0; i < Length; i++)
        {
            if ((i > 0 && s[(3 * i) - 1] is not (':' or '-')) ||
                !byte.TryParse(s.Slice(3 * i, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte part))
            {
                return false;
            }

            value = (value << 8) | part;
        }

        result = new MacAddress(value);
        return true;
    }

    /// <inheritdoc cref="TryParse(ReadOnlySpan{char}, IFormatProvider?, out MacAddress)"/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out MacAddress result) =>
        TryParse(s.AsSpan(), provider, out result);

    /// <summary>Whether both are the same address.</summary>
    public static bool operator ==(MacAddress left, MacAddress right) => left.Equals(right);

    /// <summary>Whether they differ.</summary>
    public static bool operator !=(MacAddress left, MacAddress right) => !left.Equals(right);

    /// <summary>Order by number.</summary>
    public static bool operator <(MacAddress left, MacAddress right) => left._value < right._value;

    /// <summary>Order by number.</summary>
    public static bool operator >(MacAddress left, MacAddress right) => left._value > right._value;

    /// <summary>Order by number.</summary>
    public static bool operator <=(MacAddress left, MacAddress right) => left._value <= right._value;

    /// <summary>Order by number.</summary>
    public static bool operator >=(MacAddress left, MacAddress right) => left._value >= right._value;

    private static ulong ReadValue(ReadOnlySpan<byte> bytes) =>
        ((ulong)BinaryPrimitives.ReadUInt16BigEndian(bytes) << 32) | BinaryPrimitives.ReadUInt32BigEndian(bytes[2..]);

    private static void Format(ulong value, Span<char> destination)
    {
        const string Digits = "0123456789abcdef";
        for (int i = 0; i < Length; i++)
        {
            int part = (int)(value >> (8 * (Length - 1 - i))) & 0xFF;
            destination[3 * i] = Digits[part >> 4];
            destination[(3 * i) + 1] = Digits[part & 0xF];
            if (i < Length - 1)
            {
                destination[(3 * i) + 2] = ':';
            }
        }
    }
}
