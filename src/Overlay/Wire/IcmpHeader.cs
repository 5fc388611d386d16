using System.Buffers.Binary;

namespace Overlay.Wire;

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
