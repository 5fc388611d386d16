using System.Buffers.Binary;

namespace Overlay.Wire;

// RFC 4443 §2.1; the word behind the checksum is part of the message body and depends on the type:
//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |     Type      |     Code      |          Checksum             |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |           Identifier          |        Sequence Number        |  echo (§4.1)
// |                             MTU                               |  packet too big (§3.2)
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+

/// <summary>A view of an ICMPv6 message: type, code, checksum, the word behind them that all messages here have, and what follows (RFC 4443).</summary>
public readonly ref struct IcmpV6Packet
{
    /// <summary>Bytes of the header, the first word of the message body included.</summary>
    public const int HeaderLength = 8;

    internal const int CodeOffset = 1;
    internal const int ChecksumOffset = 2;
    internal const int RestOfHeaderOffset = 4;

    private readonly ReadOnlySpan<byte> _message;

    private IcmpV6Packet(ReadOnlySpan<byte> message) => _message = message;

    /// <summary>The type.</summary>
    public IcmpV6Type Type => (IcmpV6Type)_message[0];

    /// <summary>Whether the type is below 128: an error message (RFC 4443 §2.1), about which no error is ever sent (§2.4 e).</summary>
    public bool IsError => _message[0] < 128;

    /// <summary>The code, whose meaning depends on the type.</summary>
    public byte Code => _message[CodeOffset];

    /// <summary>The checksum as it stands in the header.</summary>
    public ushort Checksum => BinaryPrimitives.ReadUInt16BigEndian(_message[ChecksumOffset..]);

    /// <summary>The word behind the checksum, whose meaning depends on the type.</summary>
    public uint RestOfHeader => BinaryPrimitives.ReadUInt32BigEndian(_message[RestOfHeaderOffset..]);

    /// <summary>The identifier of an echo message.</summary>
    public ushort Identifier => (ushort)(RestOfHeader >> 16);

    /// <summary>The sequence number of an echo message.</summary>
    public ushort SequenceNumber => (ushort)RestOfHeader;

    /// <summary>The MTU of the next hop in a "packet too big" message.</summary>
    public uint NextHopMtu => RestOfHeader;

    /// <summary>All that follows the 8 bytes.</summary>
    public ReadOnlySpan<byte> Payload => _message[HeaderLength..];

    /// <summary>Whether the checksum over pseudo-header and message is right (RFC 4443 §2.3).</summary>
    /// <param name="source">The IPv6 source address.</param>
    /// <param name="destination">The IPv6 destination address; behind a routing header the final one.</param>
    public bool IsChecksumValid(ValueIPAddress source, ValueIPAddress destination) =>
        InternetChecksum.IsValid(_message, InternetChecksum.PseudoHeader(source, destination, IPProtocol.IcmpV6, _message.Length));

    /// <summary>Reads a message.</summary>
    /// <param name="source">The upper-layer payload of the IPv6 packet: ICMPv6 has no length field of its own.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <returns>false if the header is cut off.</returns>
    public static bool TryParse(ReadOnlySpan<byte> source, out IcmpV6Packet packet) => TryParse(source, out packet, out _);

    /// <summary>Reads a message and says what is wrong with it. The checksum is not verified: see <see cref="IsChecksumValid"/>.</summary>
    /// <param name="source">The upper-layer payload of the IPv6 packet: ICMPv6 has no length field of its own.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <param name="error"><see cref="WireError.Truncated"/>: fewer than 8 bytes.</param>
    public static bool TryParse(ReadOnlySpan<byte> source, out IcmpV6Packet packet, out WireError error)
    {
        if (source.Length < HeaderLength)
        {
            packet = default;
            error = WireError.Truncated;
            return false;
        }

        packet = new IcmpV6Packet(source);
        error = WireError.None;
        return true;
    }

    /// <summary>The header as a value.</summary>
    public IcmpV6Header ToHeader() => new(Type, Code, RestOfHeader) { Checksum = Checksum };
}
