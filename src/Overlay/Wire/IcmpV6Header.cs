using System.Buffers.Binary;

namespace Overlay.Wire;

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
