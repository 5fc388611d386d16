using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Overlay;

/// <summary>
/// An IPv4 or IPv6 address as a 16-byte value; IPv4 is kept as ::ffff:a.b.c.d, so that both families share one key shape.
/// It has no scope: a link-local address needs the link beside it.
/// </summary>
/// <remarks>
/// An IPv4-mapped IPv6 address read from the wire would be indistinguishable from IPv4. The data path therefore drops packets that carry one
/// (<see cref="DropReason.MappedAddress"/>) before any look-up.
/// </remarks>
public readonly struct ValueIPAddress : IEquatable<ValueIPAddress>, IComparable<ValueIPAddress>, ISpanFormattable, ISpanParsable<ValueIPAddress>
{
    /// <summary>Bytes of an IPv4 address on the wire.</summary>
    public const int IPv4Length = 4;

    /// <summary>Bytes of an IPv6 address on the wire.</summary>
    public const int IPv6Length = 16;

    private const ulong MappedPrefix = 0x0000_FFFF_0000_0000;

    private static readonly SearchValues<char> DottedDecimal = SearchValues.Create("0123456789.");

    private readonly ulong _high;
    private readonly ulong _low;

    private ValueIPAddress(ulong high, ulong low)
    {
        _high = high;
        _low = low;
    }

    /// <summary>Reads an address from 4 (IPv4) or 16 (IPv6) bytes in wire order.</summary>
    /// <exception cref="ArgumentException"><paramref name="bytes"/> has another length.</exception>
    public ValueIPAddress(ReadOnlySpan<byte> bytes)
    {
        this = bytes.Length switch
        {
            IPv4Length => ReadIPv4(bytes),
            IPv6Length => ReadIPv6(bytes),
            _ => throw new ArgumentException($"An IP address has {IPv4Length} or {IPv6Length} bytes, not {bytes.Length}.", nameof(bytes)),
        };
    }

    /// <summary>Whether this is an IPv4 address. The default value, ::, is not.</summary>
    public bool IsIPv4 => _high == 0 && (_low & 0xFFFF_FFFF_0000_0000) == MappedPrefix;

    /// <summary>The address family: <see cref="AddressFamily.InterNetwork"/> or <see cref="AddressFamily.InterNetworkV6"/>.</summary>
    public AddressFamily AddressFamily => IsIPv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;

    /// <summary>Bytes of the address on the wire: 4 or 16.</summary>
    public int Length => IsIPv4 ? IPv4Length : IPv6Length;

    /// <summary>Bits of the address on the wire: 32 or 128.</summary>
    public int BitLength => Length * 8;

    /// <summary>0.0.0.0 or ::.</summary>
    public bool IsUnspecified => IsIPv4 ? (uint)_low == 0 : (_high | _low) == 0;

    /// <summary>127.0.0.0/8 or ::1.</summary>
    public bool IsLoopback => IsIPv4 ? (byte)(_low >> 24) == 127 : _high == 0 && _low == 1;

    /// <summary>224.0.0.0/4 or ff00::/8.</summary>
    public bool IsMulticast => IsIPv4 ? ((uint)_low >> 28) == 0xE : (_high >> 56) == 0xFF;

    /// <summary>255.255.255.255.</summary>
    public bool IsBroadcast => IsIPv4 && (uint)_low == 0xFFFF_FFFF;

    /// <summary>169.254.0.0/16 or fe80::/10.</summary>
    public bool IsLinkLocal => IsIPv4 ? ((uint)_low >> 16) == 0xA9FE : (_high >> 54) == 0x3FA;

    /// <summary>The upper 64 bits of the 16-byte form.</summary>
    internal ulong High => _high;

    /// <summary>The lower 64 bits of the 16-byte form.</summary>
    internal ulong Low => _low;

    /// <summary>An IPv4 address from the 32-bit number whose highest byte comes first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ValueIPAddress FromIPv4(uint address) => new(0, MappedPrefix | address);

    /// <summary>The 32-bit number of an IPv4 address, first byte highest; for an IPv6 address its last 32 bits.</summary>
    public uint ToIPv4() => (uint)_low;

    /// <summary>The first four bytes of <paramref name="bytes"/>; the caller has checked the length.</summary>
    internal static ValueIPAddress ReadIPv4(ReadOnlySpan<byte> bytes) => FromIPv4(BinaryPrimitives.ReadUInt32BigEndian(bytes));

    /// <summary>The first sixteen bytes of <paramref name="bytes"/>; the caller has checked the length.</summary>
    internal static ValueIPAddress ReadIPv6(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]));

    internal static ValueIPAddress FromHighLow(ulong high, ulong low) => new(high, low);

    /// <summary>Writes 4 or 16 bytes in wire order.</summary>
    /// <returns>false, with nothing written, if <paramref name="destination"/> is too short.</returns>
    public bool TryWriteBytes(Span<byte> destination, out int bytesWritten)
    {
        int length = Length;
        if (destination.Length < length)
        {
            bytesWritten = 0;
            return false;
        }

        if (length == IPv4Length)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)_low);
        }
        else
        {
            BinaryPrimitives.WriteUInt64BigEndian(destination, _high);
            BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _low);
        }

        bytesWritten = length;
        return true;
    }

    /// <summary>Converts from the BCL's class; the scope of an IPv6 address is left out.</summary>
    public static implicit operator ValueIPAddress(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        Span<byte> bytes = stackalloc byte[IPv6Length];
        address.TryWriteBytes(bytes, out int length);
        return new ValueIPAddress(bytes[..length]);
    }

    /// <summary>Converts from the BCL's class; the scope of an IPv6 address is left out.</summary>
    public static ValueIPAddress FromIPAddress(IPAddress address) => address;

    /// <summary>Converts to the BCL's class.</summary>
    public IPAddress ToIPAddress()
    {
        Span<byte> bytes = stackalloc byte[IPv6Length];
        TryWriteBytes(bytes, out int length);
        return new IPAddress(bytes[..length]);
    }

    /// <summary>The address with all bits behind the first <paramref name="prefixLength"/> of its family cleared.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The prefix length is negative or larger than <see cref="BitLength"/>.</exception>
    public ValueIPAddress Mask(int prefixLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(prefixLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(prefixLength, BitLength);
        int bits = IsIPv4 ? prefixLength + 96 : prefixLength;
        ulong high = bits >= 64 ? _high : bits == 0 ? 0 : _high & (ulong.MaxValue << (64 - bits));
        ulong low = bits >= 128 ? _low : bits <= 64 ? 0 : _low & (ulong.MaxValue << (128 - bits));
        return new ValueIPAddress(high, low);
    }

    /// <inheritdoc/>
    public bool Equals(ValueIPAddress other) => _high == other._high && _low == other._low;

    /// <inheritdoc/>
    public override bool Equals([NotNullWhen(true)] object? obj) => obj is ValueIPAddress other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_high, _low);

    /// <summary>Order by the 16-byte form: all IPv4 addresses lie between ::fffe:ffff:ffff and ::1:0:0:0.</summary>
    public int CompareTo(ValueIPAddress other)
    {
        int high = _high.CompareTo(other._high);
        return high != 0 ? high : _low.CompareTo(other._low);
    }

    /// <summary>Dotted decimal, or the form of RFC 5952.</summary>
    public override string ToString() => ToIPAddress().ToString();

    /// <inheritdoc/>
    public string ToString(string? format, IFormatProvider? formatProvider) => ToString();

    /// <inheritdoc/>
    public bool TryFormat(Span<char> destination, out int charsWritten, ReadOnlySpan<char> format = default, IFormatProvider? provider = null) =>
        ToIPAddress().TryFormat(destination, out charsWritten);

    /// <summary>Reads dotted decimal (four parts) or IPv6 text without scope.</summary>
    /// <exception cref="FormatException">Not such a text.</exception>
    public static ValueIPAddress Parse(ReadOnlySpan<char> s, IFormatProvider? provider = null) => TryParse(s, provider, out ValueIPAddress result)
        ? result
        : throw new FormatException($"'{s}' is not an IP address: 192.0.2.1 and 2001:db8::1 are.");

    /// <inheritdoc cref="Parse(ReadOnlySpan{char}, IFormatProvider?)"/>
    public static ValueIPAddress Parse(string s, IFormatProvider? provider = null)
    {
        ArgumentNullException.ThrowIfNull(s);
        return Parse(s.AsSpan(), provider);
    }

    /// <summary>Reads dotted decimal (four parts) or IPv6 text without scope.</summary>
    /// <remarks>The BCL also takes "1", "0x7f.1" and "10.1" as IPv4; those are refused here, because they are typing errors in a configuration.</remarks>
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out ValueIPAddress result)
    {
        result = default;
        if (!IPAddress.TryParse(s, out IPAddress? address) || s.Contains('%') || address.IsIPv4MappedToIPv6 ||
            (address.AddressFamily == AddressFamily.InterNetwork && (s.Count('.') != 3 || s.ContainsAnyExcept(DottedDecimal))))
        {
            return false;
        }

        result = address;
        return true;
    }

    /// <inheritdoc cref="TryParse(ReadOnlySpan{char}, IFormatProvider?, out ValueIPAddress)"/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out ValueIPAddress result) =>
        TryParse(s.AsSpan(), provider, out result);

    /// <summary>Whether both are the same address.</summary>
    public static bool operator ==(ValueIPAddress left, ValueIPAddress right) => left.Equals(right);

    /// <summary>Whether they differ.</summary>
    public static bool operator !=(ValueIPAddress left, ValueIPAddress right) => !left.Equals(right);

    /// <summary>Order by the 16-byte form.</summary>
    public static bool operator <(ValueIPAddress left, ValueIPAddress right) => left.CompareTo(right) < 0;

    /// <summary>Order by the 16-byte form.</summary>
    public static bool operator >(ValueIPAddress left, ValueIPAddress right) => left.CompareTo(right) > 0;

    /// <summary>Order by the 16-byte form.</summary>
    public static bool operator <=(ValueIPAddress left, ValueIPAddress right) => left.CompareTo(right) <= 0;

    /// <summary>Order by the 16-byte form.</summary>
    public static bool operator >=(ValueIPAddress left, ValueIPAddress right) => left.CompareTo(right) >= 0;
}
