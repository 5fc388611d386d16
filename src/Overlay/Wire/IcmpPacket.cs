using System.Buffers.Binary;

namespace Overlay.Wire;

// RFC 792; the third word depends on the type:
//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |     Type      |     Code      |          Checksum             |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |           Identifier          |        Sequence Number        |  echo
// |             unused            |         Next-Hop MTU          |  fragmentation needed (RFC 1191 §4)
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+

/// <summary>A view of an ICMP message: the 8-byte header and what follows, which in error messages is the packet that caused them (RFC 792).</summary>
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
