using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Overlay.Wire;

/// <summary>The fragment header of an IPv6 packet (RFC 8200 §4.5). The default value: there is none.</summary>
/// <param name="IsPresent">Whether the packet has a fragment header.</param>
/// <param name="Offset">Where the bytes belong in the datagram, in bytes: a multiple of 8 up to 65 528.</param>
/// <param name="MoreFragments">The M flag.</param>
/// <param name="Identification">Identification.</param>
public readonly record struct IPv6Fragment(bool IsPresent, int Offset, bool MoreFragments, uint Identification)
{
    /// <summary>Whether the packet lacks the start of its datagram, and with it the transport header.</summary>
    public bool IsNonFirst => Offset != 0;

    /// <summary>Whether the packet is a whole datagram in spite of the header (RFC 6946).</summary>
    public bool IsAtomic => IsPresent && Offset == 0 && !MoreFragments;
}

/// <summary>An IPv6 packet (RFC 8200 §3).</summary>
/// <remarks>
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-------+---------------+---------------------------------------+
/// |Version| Traffic Class |           Flow Label                  |
/// +-------+---------------+-------+---------------+---------------+
/// |         Payload Length        |  Next Header  |   Hop Limit   |
/// +-------------------------------+---------------+---------------+
/// |                 Source Address (16 bytes)                     |
/// +---------------------------------------------------------------+
/// |               Destination Address (16 bytes)                  |
/// +---------------------------------------------------------------+
/// </code>
/// A view reads the memory it was parsed from; it must not outlive it. The default value is no packet. Jumbograms (RFC 2675) are not read as such:
/// their payload length is zero.
/// </remarks>
public readonly ref struct IPv6Packet
{
    /// <summary>Bytes of the header, 40.</summary>
    public const int HeaderLength = 40;

    /// <summary>The largest flow label, 2²⁰ − 1.</summary>
    public const uint MaximumFlowLabel = 0xF_FFFF;

    /// <summary>Extension headers that are looked through; a packet with more has no transport that could be found.</summary>
    public const int MaximumExtensionHeaders = 8;

    internal const int PayloadLengthOffset = 4;
    internal const int NextHeaderOffset = 6;
    internal const int HopLimitOffset = 7;
    internal const int SourceOffset = 8;
    internal const int DestinationOffset = 24;
    internal const int TrafficClassShift = 20;

    private const int ExtensionHeaderUnit = 8;

    private readonly ref readonly byte _start;
    private readonly int _length;

    private IPv6Packet(ReadOnlySpan<byte> packet)
    {
        _start = ref MemoryMarshal.GetReference(packet);
        _length = packet.Length;
    }

    /// <summary>Traffic class: DSCP (RFC 2474) and ECN (RFC 3168).</summary>
    public byte TrafficClass => (byte)(FirstWord >> TrafficClassShift);

    /// <summary>The ECN field.</summary>
    public Ecn Ecn => (Ecn)((FirstWord >> TrafficClassShift) & 3);

    /// <summary>Flow label, 20 bits.</summary>
    public uint FlowLabel => FirstWord & MaximumFlowLabel;

    /// <summary>Bytes behind the header as it says, extension headers included.</summary>
    public ushort PayloadLength => BinaryPrimitives.ReadUInt16BigEndian(Header[PayloadLengthOffset..]);

    /// <summary>What follows the header: an extension header or the transport.</summary>
    public IPProtocol NextHeader => (IPProtocol)Header[NextHeaderOffset];

    /// <summary>Hop limit.</summary>
    public byte HopLimit => Header[HopLimitOffset];

    /// <summary>Source address. An IPv4-mapped one reads as IPv4 address: see <see cref="ValueIPAddress"/>.</summary>
    public ValueIPAddress Source => ValueIPAddress.ReadIPv6(Header[SourceOffset..]);

    /// <summary>Destination address. An IPv4-mapped one reads as IPv4 address: see <see cref="ValueIPAddress"/>.</summary>
    public ValueIPAddress Destination => ValueIPAddress.ReadIPv6(Header[DestinationOffset..]);

    /// <summary>What follows the header, extension headers included, to the payload length.</summary>
    public ReadOnlySpan<byte> Payload => Bytes[HeaderLength..];

    /// <summary>Header and payload; less than the header says only in a packet from <see cref="TryParseTruncated"/>.</summary>
    public ReadOnlySpan<byte> Bytes => MemoryMarshal.CreateReadOnlySpan(in _start, _length);

    /// <summary>Whether bytes are missing at the end, which only <see cref="TryParseTruncated"/> allows.</summary>
    public bool IsTruncated => _length - HeaderLength < PayloadLength;

    private ReadOnlySpan<byte> Header => MemoryMarshal.CreateReadOnlySpan(in _start, HeaderLength);

    private uint FirstWord => BinaryPrimitives.ReadUInt32BigEndian(Header);

    /// <summary>Takes a packet; bytes behind its payload length are left out.</summary>
    /// <returns>false if the bytes are no whole IPv6 packet.</returns>
    public static bool TryParse(ReadOnlySpan<byte> source, out IPv6Packet packet) => TryParse(source, out packet, out _);

    /// <inheritdoc cref="TryParse(ReadOnlySpan{byte}, out IPv6Packet)"/>
    /// <param name="source">The bytes, from the version on; padding may follow.</param>
    /// <param name="packet">The view.</param>
    /// <param name="error">
    /// <see cref="WireError.Truncated"/>: the bytes end before the header or the payload length; <see cref="WireError.Version"/>: not 6.
    /// </param>
    public static bool TryParse(ReadOnlySpan<byte> source, out IPv6Packet packet, out WireError error)
    {
        error = Check(source, out int length);
        if (error == WireError.None)
        {
            if (length <= source.Length)
            {
                packet = new IPv6Packet(source[..length]);
                return true;
            }

            error = WireError.Truncated;
        }

        packet = default;
        return false;
    }

    /// <summary>
    /// Takes a packet that may end early, as the one quoted in an ICMPv6 error does (RFC 4443 §3): the header must be whole, the payload is what
    /// there is.
    /// </summary>
    public static bool TryParseTruncated(ReadOnlySpan<byte> source, out IPv6Packet packet)
    {
        if (Check(source, out int length) == WireError.None)
        {
            packet = new IPv6Packet(source[..Math.Min(length, source.Length)]);
            return true;
        }

        packet = default;
        return false;
    }

    /// <summary>The header as value.</summary>
    public IPv6Header ToHeader() => new(Source, Destination, NextHeader)
    {
        PayloadLength = PayloadLength,
        TrafficClass = TrafficClass,
        FlowLabel = FlowLabel,
        HopLimit = HopLimit,
    };

    /// <summary>Walks the extension headers to the transport.</summary>
    /// <inheritdoc cref="TryGetTransport(out IPProtocol, out ReadOnlySpan{byte}, out IPv6Fragment)"/>
    public bool TryGetTransport(out IPProtocol protocol, out ReadOnlySpan<byte> transport) => TryGetTransport(out protocol, out transport, out _);

    /// <summary>
    /// Walks the extension headers to the transport: hop-by-hop options (only as the first, RFC 8200 §4.1), routing, fragment, destination options
    /// and authentication, at most <see cref="MaximumExtensionHeaders"/>.
    /// </summary>
    /// <param name="protocol">
    /// What <paramref name="transport"/> is; ESP and "no next header" count as transport. In a fragment that is not the first: what its fragment
    /// header names, which need not be the transport.
    /// </param>
    /// <param name="transport">The transport header and what follows it; in a fragment that is not the first, the bytes of the fragment.</param>
    /// <param name="fragment">The fragment header, if one was met.</param>
    /// <returns>
    /// false if the packet is a fragment but not the first (<see cref="IPv6Fragment.IsNonFirst"/>), or the chain is too long, out of order or cut.
    /// </returns>
    public bool TryGetTransport(out IPProtocol protocol, out ReadOnlySpan<byte> transport, out IPv6Fragment fragment)
    {
        protocol = NextHeader;
        transport = Payload;
        fragment = default;
        for (int i = 0; i <= MaximumExtensionHeaders; i++)
        {
            int length = ExtensionHeaderLength(protocol, i == 0, transport);
            if (length == 0)
            {
                // Hop-by-hop options anywhere but at first.
                return protocol != IPProtocol.HopByHopOptions;
            }

            if (length > transport.Length)
            {
                return false;
            }

            if (protocol == IPProtocol.FragmentHeader)
            {
                if (fragment.IsPresent || !IPv6FragmentPacket.TryParse(transport, out IPv6FragmentPacket header))
                {
                    return false;
                }

                fragment = new IPv6Fragment(true, header.FragmentOffset, header.MoreFragments, header.Identification);
            }

            if (i == MaximumExtensionHeaders)
            {
                return false;
            }

            protocol = (IPProtocol)transport[0];
            transport = transport[length..];
            if (fragment.IsNonFirst)
            {
                return false;
            }
        }

        return false;
    }

    /// <summary>
    /// Finds the tunnel encapsulation limit of a packet that is to enter a tunnel (RFC 2473 §4.1.1): in the destination options of an unfragmented
    /// packet, behind at most <see cref="MaximumExtensionHeaders"/> extension headers.
    /// </summary>
    /// <param name="limit">How many more tunnels the packet may enter. With 0 it must not enter this one.</param>
    /// <param name="offset">
    /// Where the limit lies, in bytes from the start of the packet: the pointer of the ICMPv6 parameter problem that goes to the source if the limit
    /// is 0.
    /// </param>
    /// <returns>false if there is none, or the headers before it are cut or malformed.</returns>
    public bool TryGetEncapsulationLimit(out byte limit, out int offset)
    {
        IPProtocol protocol = NextHeader;
        ReadOnlySpan<byte> rest = Payload;
        for (int i = 0; i < MaximumExtensionHeaders; i++)
        {
            int length = ExtensionHeaderLength(protocol, i == 0, rest);
            if (length == 0 || length > rest.Length)
            {
                break;
            }

            if (protocol == IPProtocol.DestinationOptions)
            {
                if (!IPv6OptionsPacket.TryParse(rest, out IPv6OptionsPacket options))
                {
                    break;
                }

                if (options.TryGetEncapsulationLimit(out limit, out int offsetInHeader))
                {
                    offset = _length - rest.Length + offsetInHeader;
                    return true;
                }
            }

            if (protocol == IPProtocol.FragmentHeader &&
                (!IPv6FragmentPacket.TryParse(rest, out IPv6FragmentPacket fragment) || fragment.FragmentOffset != 0 || fragment.MoreFragments))
            {
                break;
            }

            protocol = (IPProtocol)rest[0];
            rest = rest[length..];
        }

        limit = 0;
        offset = 0;
        return false;
    }

    /// <summary>
    /// Bytes of an extension header; 0 if the protocol is none that is looked through here, more than there can be if its length field is cut off.
    /// </summary>
    // Inlined: nearly every packet has no extension header, and pays for one comparison instead of a call.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int ExtensionHeaderLength(IPProtocol protocol, bool isFirst, ReadOnlySpan<byte> header)
    {
        switch (protocol)
        {
            case IPProtocol.HopByHopOptions when isFirst:
            case IPProtocol.RoutingHeader:
            case IPProtocol.DestinationOptions:
                // Hdr Ext Len counts 8-octet units, not including the first (RFC 8200 §4.3).
                return header.Length < ExtensionHeaderUnit ? int.MaxValue : (header[1] + 1) * ExtensionHeaderUnit;
            case IPProtocol.AuthenticationHeader:
                // Payload Len counts 4-octet units, minus 2 (RFC 4302 §2.2).
                return header.Length < ExtensionHeaderUnit ? int.MaxValue : (header[1] + 2) * 4;
            case IPProtocol.FragmentHeader:
                return IPv6FragmentPacket.HeaderLength;
            default:
                return 0;
        }
    }

    private static WireError Check(ReadOnlySpan<byte> source, out int length)
    {
        length = 0;
        if (source.Length < HeaderLength)
        {
            return WireError.Truncated;
        }

        length = HeaderLength + BinaryPrimitives.ReadUInt16BigEndian(source[PayloadLengthOffset..]);
        return source[0] >> 4 == 6 ? WireError.None : WireError.Version;
    }
}

/// <summary>An IPv6 header as value: build, compare, write.</summary>
/// <param name="Source">Source address, IPv6.</param>
/// <param name="Destination">Destination address, IPv6.</param>
/// <param name="NextHeader">What follows the header.</param>
public readonly record struct IPv6Header(ValueIPAddress Source, ValueIPAddress Destination, IPProtocol NextHeader)
{
    /// <summary>Bytes on the wire, 40.</summary>
    public const int Length = IPv6Packet.HeaderLength;

    private readonly uint _flowLabel;

    /// <summary>Bytes behind the header, extension headers included.</summary>
    public ushort PayloadLength { get; init; }

    /// <summary>Traffic class: DSCP and ECN.</summary>
    public byte TrafficClass { get; init; }

    /// <summary>Flow label.</summary>
    /// <exception cref="ArgumentOutOfRangeException">More than 20 bits.</exception>
    public uint FlowLabel
    {
        get => _flowLabel;
        init
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, IPv6Packet.MaximumFlowLabel);
            _flowLabel = value;
        }
    }

    /// <summary>Hop limit; 64 unless set.</summary>
    public byte HopLimit { get; init; } = 64;

    /// <summary>Writes the header.</summary>
    /// <param name="destination">Takes 40 bytes.</param>
    /// <param name="bytesWritten">40, or 0.</param>
    /// <returns>false, with nothing written, if <paramref name="destination"/> is too short.</returns>
    /// <exception cref="InvalidOperationException">An address is IPv4, or IPv4-mapped, which must not appear on the wire (RFC 4942 §2.2).</exception>
    public bool TryWrite(Span<byte> destination, out int bytesWritten)
    {
        if (Source.IsIPv4 || Destination.IsIPv4)
        {
            throw new InvalidOperationException($"{Source} to {Destination}: an IPv6 packet has IPv6 addresses.");
        }

        bytesWritten = 0;
        if (destination.Length < Length)
        {
            return false;
        }

        destination = destination[..Length];
        BinaryPrimitives.WriteUInt32BigEndian(destination, (6u << 28) | ((uint)TrafficClass << IPv6Packet.TrafficClassShift) | FlowLabel);
        BinaryPrimitives.WriteUInt16BigEndian(destination[IPv6Packet.PayloadLengthOffset..], PayloadLength);
        destination[IPv6Packet.NextHeaderOffset] = (byte)NextHeader;
        destination[IPv6Packet.HopLimitOffset] = HopLimit;
        Source.TryWriteBytes(destination[IPv6Packet.SourceOffset..], out _);
        Destination.TryWriteBytes(destination[IPv6Packet.DestinationOffset..], out _);
        bytesWritten = Length;
        return true;
    }
}
