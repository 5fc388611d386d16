using System.Buffers.Binary;

namespace Overlay.Wire;

/// <summary>The UDP header as a value, to be built, compared and written (RFC 768).</summary>
/// <param name="SourcePort">The source port.</param>
/// <param name="DestinationPort">The destination port.</param>
/// <param name="Length">Bytes of header and payload, 8 to 65 535.</param>
/// <param name="Checksum">The checksum; 0 for none.</param>
public readonly record struct UdpHeader(ushort SourcePort, ushort DestinationPort, ushort Length, ushort Checksum = 0)
{
    /// <summary>Writes the 8 bytes.</summary>
    /// <returns>
    /// false, with nothing written, if <paramref name="destination"/> is too short or <see cref="Length"/> is below 8, as it is in the default value.
    /// </returns>
    public bool TryWrite(Span<byte> destination, out int bytesWritten)
    {
        bytesWritten = 0;
        if (destination.Length < UdpPacket.HeaderLength || Length < UdpPacket.HeaderLength)
        {
            return false;
        }

        destination = destination[..UdpPacket.HeaderLength];
        BinaryPrimitives.WriteUInt16BigEndian(destination[UdpPacket.SourcePortOffset..], SourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(destination[UdpPacket.DestinationPortOffset..], DestinationPort);
        BinaryPrimitives.WriteUInt16BigEndian(destination[UdpPacket.LengthOffset..], Length);
        BinaryPrimitives.WriteUInt16BigEndian(destination[UdpPacket.ChecksumOffset..], Checksum);
        bytesWritten = UdpPacket.HeaderLength;
        return true;
    }
}
