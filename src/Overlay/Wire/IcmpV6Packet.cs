using System.Buffers.Binary;

namespace Overlay.Wire;

/// <summary>The type field of an ICMPv6 message, as far as this library knows the values (RFC 4443, RFC 4861, RFC 3810).</summary>
public enum IcmpV6Type : byte
{
    /// <summary>Destination unreachable (RFC 4443 §3.1).</summary>
    DestinationUnreachable = 1,

    /// <summary>Packet too big (RFC 4443 §3.2).</summary>
    PacketTooBig = 2,

    /// <summary>Time exceeded (RFC 4443 §3.3).</summary>
    TimeExceeded = 3,

    /// <summary>Parameter problem (RFC 4443 §3.4).</summary>
    ParameterProblem = 4,

    /// <summary>Echo request (RFC 4443 §4.1).</summary>
    EchoRequest = 128,

    /// <summary>Echo reply (RFC 4443 §4.2).</summary>
    EchoReply = 129,

    /// <summary>Router solicitation (RFC 4861 §4.1).</summary>
    RouterSolicitation = 133,

    /// <summary>Router advertisement (RFC 4861 §4.2).</summary>
    RouterAdvertisement = 134,

    /// <summary>Neighbour solicitation (RFC 4861 §4.3).</summary>
    NeighborSolicitation = 135,

    /// <summary>Neighbour advertisement (RFC 4861 §4.4).</summary>
    NeighborAdvertisement = 136,

    /// <summary>Redirect (RFC 4861 §4.5).</summary>
    Redirect = 137,
}

/// <summary>
/// A view of an ICMPv6 message: type, code, checksum, the word behind them that all messages here have, and what follows (RFC 4443).
/// </summary>
/// <remarks>
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |     Type      |     Code      |          Checksum             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |           Identifier          |        Sequence Number        |  echo (§4.1)
/// |                             MTU                               |  packet too big (§3.2)
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// </remarks>
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

/// <summary>The first 8 bytes of an ICMPv6 message as a value, to be built, compared and written (RFC 4443 §2.1).</summary>
/// <param name="Type">The type.</param>
/// <param name="Code">The code.</param>
/// <param name="RestOfHeader">The word behind the checksum.</param>
public readonly record struct IcmpV6Header(IcmpV6Type Type, byte Code, uint RestOfHeader)
{
    /// <summary>The checksum for <see cref="TryWrite"/>; <see cref="TryWriteMessage"/> computes it instead.</summary>
    public ushort Checksum { get; init; }

    /// <summary>The header of an echo request or reply (RFC 4443 §4).</summary>
    public static IcmpV6Header Echo(bool reply, ushort identifier, ushort sequenceNumber) =>
        new(reply ? IcmpV6Type.EchoReply : IcmpV6Type.EchoRequest, 0, ((uint)identifier << 16) | sequenceNumber);

    /// <summary>The header of "packet too big" (RFC 4443 §3.2).</summary>
    /// <param name="nextHopMtu">The largest IP packet that would have passed, in bytes.</param>
    public static IcmpV6Header PacketTooBig(uint nextHopMtu) => new(IcmpV6Type.PacketTooBig, 0, nextHopMtu);

    /// <summary>Writes the 8 bytes, with <see cref="Checksum"/> as it is.</summary>
    /// <returns>false, with nothing written, if <paramref name="destination"/> is too short.</returns>
    public bool TryWrite(Span<byte> destination, out int bytesWritten)
    {
        if (destination.Length < IcmpV6Packet.HeaderLength)
        {
            bytesWritten = 0;
            return false;
        }

        destination = destination[..IcmpV6Packet.HeaderLength];
        destination[0] = (byte)Type;
        destination[IcmpV6Packet.CodeOffset] = Code;
        BinaryPrimitives.WriteUInt16BigEndian(destination[IcmpV6Packet.ChecksumOffset..], Checksum);
        BinaryPrimitives.WriteUInt32BigEndian(destination[IcmpV6Packet.RestOfHeaderOffset..], RestOfHeader);
        bytesWritten = IcmpV6Packet.HeaderLength;
        return true;
    }

    /// <summary>Writes a whole message, header and payload, and computes its checksum (RFC 4443 §2.3).</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="sourceAddress">The IPv6 source address.</param>
    /// <param name="destinationAddress">The IPv6 destination address.</param>
    /// <param name="payload">What follows the header; it may lie in <paramref name="destination"/> already.</param>
    /// <param name="bytesWritten">8 and the length of the payload.</param>
    /// <returns>false, with nothing written, if <paramref name="destination"/> is too short.</returns>
    public bool TryWriteMessage(
        Span<byte> destination, ValueIPAddress sourceAddress, ValueIPAddress destinationAddress, ReadOnlySpan<byte> payload, out int bytesWritten)
    {
        int length = IcmpV6Packet.HeaderLength + payload.Length;
        if (destination.Length < length)
        {
            bytesWritten = 0;
            return false;
        }

        Span<byte> message = destination[..length];
        payload.CopyTo(message[IcmpV6Packet.HeaderLength..]);
        (this with { Checksum = 0 }).TryWrite(message, out _);
        ulong pseudoHeader = InternetChecksum.PseudoHeader(sourceAddress, destinationAddress, IPProtocol.IcmpV6, length);
        BinaryPrimitives.WriteUInt16BigEndian(message[IcmpV6Packet.ChecksumOffset..], InternetChecksum.Compute(message, pseudoHeader));
        bytesWritten = length;
        return true;
    }
}
