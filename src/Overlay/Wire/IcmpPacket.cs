using System.Buffers.Binary;

namespace Overlay.Wire;

/// <summary>The type field of an ICMP message, as far as this library knows the values (RFC 792).</summary>
public enum IcmpType : byte
{
    /// <summary>Echo reply.</summary>
    EchoReply = 0,

    /// <summary>Destination unreachable; code 4 is "fragmentation needed and DF set".</summary>
    DestinationUnreachable = 3,

    /// <summary>Source quench; deprecated (RFC 6633), but an error still.</summary>
    SourceQuench = 4,

    /// <summary>Redirect.</summary>
    Redirect = 5,

    /// <summary>Echo request.</summary>
    EchoRequest = 8,

    /// <summary>Time exceeded.</summary>
    TimeExceeded = 11,

    /// <summary>Parameter problem.</summary>
    ParameterProblem = 12,
}

/// <summary>
/// A view of an ICMP message: the 8-byte header and what follows, which in error messages is the packet that caused them (RFC 792).
/// </summary>
/// <remarks>
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |     Type      |     Code      |          Checksum             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |           Identifier          |        Sequence Number        |  echo
/// |             unused            |         Next-Hop MTU          |  fragmentation needed (RFC 1191 §4)
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// </remarks>
public readonly ref struct IcmpPacket
{
    /// <summary>Bytes of the header.</summary>
    public const int HeaderLength = 8;

    internal const int CodeOffset = 1;
    internal const int ChecksumOffset = 2;
    internal const int RestOfHeaderOffset = 4;

    private readonly ReadOnlySpan<byte> _message;

    private IcmpPacket(ReadOnlySpan<byte> message) => _message = message;

    /// <summary>The type.</summary>
    public IcmpType Type => (IcmpType)_message[0];

    /// <summary>The code, whose meaning depends on the type.</summary>
    public byte Code => _message[CodeOffset];

    /// <summary>The checksum as it stands in the header.</summary>
    public ushort Checksum => BinaryPrimitives.ReadUInt16BigEndian(_message[ChecksumOffset..]);

    /// <summary>The second word of the header, whose meaning depends on the type.</summary>
    public uint RestOfHeader => BinaryPrimitives.ReadUInt32BigEndian(_message[RestOfHeaderOffset..]);

    /// <summary>The identifier of an echo message.</summary>
    public ushort Identifier => (ushort)(RestOfHeader >> 16);

    /// <summary>The sequence number of an echo message.</summary>
    public ushort SequenceNumber => (ushort)RestOfHeader;

    /// <summary>The MTU of the next hop in a "fragmentation needed" message; 0 from routers older than RFC 1191.</summary>
    public ushort NextHopMtu => (ushort)RestOfHeader;

    /// <summary>Whether this is "fragmentation needed and DF set", type 3 code 4 (RFC 1191 §4).</summary>
    public bool IsFragmentationNeeded => Type == IcmpType.DestinationUnreachable && Code == IcmpHeader.FragmentationNeededCode;

    /// <summary>All that follows the header: echo data, or the start of the packet that the message is about.</summary>
    public ReadOnlySpan<byte> Payload => _message[HeaderLength..];

    /// <summary>Whether the checksum over the whole message is right.</summary>
    public bool IsChecksumValid => InternetChecksum.IsValid(_message);

    /// <summary>Reads a message.</summary>
    /// <param name="source">The IPv4 payload: ICMP has no length field of its own.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <returns>false if the header is cut off.</returns>
    public static bool TryParse(ReadOnlySpan<byte> source, out IcmpPacket packet) => TryParse(source, out packet, out _);

    /// <summary>Reads a message and says what is wrong with it. The checksum is not verified: see <see cref="IsChecksumValid"/>.</summary>
    /// <param name="source">The IPv4 payload: ICMP has no length field of its own.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <param name="error"><see cref="WireError.Truncated"/>: fewer than 8 bytes.</param>
    public static bool TryParse(ReadOnlySpan<byte> source, out IcmpPacket packet, out WireError error)
    {
        if (source.Length < HeaderLength)
        {
            packet = default;
            error = WireError.Truncated;
            return false;
        }

        packet = new IcmpPacket(source);
        error = WireError.None;
        return true;
    }

    /// <summary>The header as a value.</summary>
    public IcmpHeader ToHeader() => new(Type, Code, RestOfHeader) { Checksum = Checksum };
}

/// <summary>The ICMP header as a value, to be built, compared and written (RFC 792).</summary>
/// <param name="Type">The type.</param>
/// <param name="Code">The code.</param>
/// <param name="RestOfHeader">The second word.</param>
public readonly record struct IcmpHeader(IcmpType Type, byte Code, uint RestOfHeader)
{
    /// <summary>The code of "fragmentation needed and DF set" among <see cref="IcmpType.DestinationUnreachable"/> (RFC 1191 §4).</summary>
    public const byte FragmentationNeededCode = 4;

    /// <summary>The checksum for <see cref="TryWrite"/>; <see cref="TryWriteMessage"/> computes it instead.</summary>
    public ushort Checksum { get; init; }

    /// <summary>The header of an echo request or reply.</summary>
    public static IcmpHeader Echo(bool reply, ushort identifier, ushort sequenceNumber) =>
        new(reply ? IcmpType.EchoReply : IcmpType.EchoRequest, 0, ((uint)identifier << 16) | sequenceNumber);

    /// <summary>The header of "fragmentation needed and DF set" (RFC 1191 §4).</summary>
    /// <param name="nextHopMtu">The largest IP packet that would have passed, in bytes.</param>
    public static IcmpHeader FragmentationNeeded(ushort nextHopMtu) => new(IcmpType.DestinationUnreachable, FragmentationNeededCode, nextHopMtu);

    /// <summary>Writes the 8 bytes of the header, with <see cref="Checksum"/> as it is.</summary>
    /// <returns>false, with nothing written, if <paramref name="destination"/> is too short.</returns>
    public bool TryWrite(Span<byte> destination, out int bytesWritten)
    {
        if (destination.Length < IcmpPacket.HeaderLength)
        {
            bytesWritten = 0;
            return false;
        }

        destination = destination[..IcmpPacket.HeaderLength];
        destination[0] = (byte)Type;
        destination[IcmpPacket.CodeOffset] = Code;
        BinaryPrimitives.WriteUInt16BigEndian(destination[IcmpPacket.ChecksumOffset..], Checksum);
        BinaryPrimitives.WriteUInt32BigEndian(destination[IcmpPacket.RestOfHeaderOffset..], RestOfHeader);
        bytesWritten = IcmpPacket.HeaderLength;
        return true;
    }

    /// <summary>Writes a whole message, header and payload, and computes its checksum.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="payload">What follows the header; it may lie in <paramref name="destination"/> already.</param>
    /// <param name="bytesWritten">8 and the length of the payload.</param>
    /// <returns>false, with nothing written, if <paramref name="destination"/> is too short.</returns>
    public bool TryWriteMessage(Span<byte> destination, ReadOnlySpan<byte> payload, out int bytesWritten)
    {
        int length = IcmpPacket.HeaderLength + payload.Length;
        if (destination.Length < length)
        {
            bytesWritten = 0;
            return false;
        }

        Span<byte> message = destination[..length];
        payload.CopyTo(message[IcmpPacket.HeaderLength..]);
        (this with { Checksum = 0 }).TryWrite(message, out _);
        BinaryPrimitives.WriteUInt16BigEndian(message[IcmpPacket.ChecksumOffset..], InternetChecksum.Compute(message));
        bytesWritten = length;
        return true;
    }
}
