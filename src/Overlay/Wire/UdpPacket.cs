using System.Buffers.Binary;

namespace Overlay.Wire;

/// <summary>A view of a UDP datagram: the 8-byte header and the payload, cut to the length field (RFC 768).</summary>
/// <remarks>
/// <code>
///  0      7 8     15 16    23 24    31
/// +--------+--------+--------+--------+
/// |     Source      |   Destination   |
/// |      Port       |      Port       |
/// +--------+--------+--------+--------+
/// |     Length      |    Checksum     |
/// +--------+--------+--------+--------+
/// </code>
/// </remarks>
public readonly ref struct UdpPacket
{
    /// <summary>Bytes of the header.</summary>
    public const int HeaderLength = 8;

    internal const int SourcePortOffset = 0;
    internal const int DestinationPortOffset = 2;
    internal const int LengthOffset = 4;
    internal const int ChecksumOffset = 6;

    private readonly ReadOnlySpan<byte> _header;
    private readonly ReadOnlySpan<byte> _payload;

    private UdpPacket(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload)
    {
        _header = header;
        _payload = payload;
    }

    /// <summary>The source port; 0 if the sender wants no answer.</summary>
    public ushort SourcePort => BinaryPrimitives.ReadUInt16BigEndian(_header);

    /// <summary>The destination port.</summary>
    public ushort DestinationPort => BinaryPrimitives.ReadUInt16BigEndian(_header[DestinationPortOffset..]);

    /// <summary>The "length" field: bytes of header and payload, 8 to 65 535.</summary>
    public ushort Length => BinaryPrimitives.ReadUInt16BigEndian(_header[LengthOffset..]);

    /// <summary>The checksum as it stands in the header.</summary>
    public ushort Checksum => BinaryPrimitives.ReadUInt16BigEndian(_header[ChecksumOffset..]);

    /// <summary>
    /// Whether the sender computed a checksum. "An all zero transmitted checksum value means that the transmitter generated no checksum"
    /// (RFC 768); over IPv6 that is permitted to tunnels only (RFC 6935 §5).
    /// </summary>
    public bool HasChecksum => Checksum != 0;

    /// <summary>The payload: as many bytes as the length field says, whatever the buffer holds behind them.</summary>
    public ReadOnlySpan<byte> Payload => _payload;

    /// <summary>Whether the checksum over pseudo-header and datagram is right. Without one, see <see cref="HasChecksum"/>, it is not.</summary>
    /// <param name="source">The IP source address.</param>
    /// <param name="destination">The IP destination address.</param>
    public bool IsChecksumValid(ValueIPAddress source, ValueIPAddress destination)
    {
        int length = HeaderLength + _payload.Length;
        ulong seed = InternetChecksum.Partial(_header, InternetChecksum.PseudoHeader(source, destination, IPProtocol.Udp, length));
        return HasChecksum && InternetChecksum.IsValid(_payload, seed);
    }

    /// <summary>Reads a datagram.</summary>
    /// <param name="source">The IP payload.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <returns>false if the header is cut off or the length field fits neither header nor buffer.</returns>
    public static bool TryParse(ReadOnlySpan<byte> source, out UdpPacket packet) => TryParse(source, out packet, out _);

    /// <summary>Reads a datagram and says what is wrong with it.</summary>
    /// <param name="source">The IP payload.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <param name="error">
    /// <see cref="WireError.Truncated"/>: fewer than 8 bytes, or fewer than the length field says. <see cref="WireError.TotalLength"/>: the
    /// length field is below 8; so is 0, which RFC 2675 gives to jumbograms: those cannot travel here.
    /// </param>
    public static bool TryParse(ReadOnlySpan<byte> source, out UdpPacket packet, out WireError error)
    {
        packet = default;
        if (source.Length < HeaderLength)
        {
            error = WireError.Truncated;
            return false;
        }

        int length = BinaryPrimitives.ReadUInt16BigEndian(source[LengthOffset..]);
        if (length < HeaderLength)
        {
            error = WireError.TotalLength;
            return false;
        }

        if (length > source.Length)
        {
            error = WireError.Truncated;
            return false;
        }

        packet = new UdpPacket(source[..HeaderLength], source[HeaderLength..length]);
        error = WireError.None;
        return true;
    }

    /// <summary>
    /// The checksum to be sent over a datagram whose checksum field is zero: never zero. "If the computed checksum is zero, it is transmitted as all
    /// ones", since zero means that there is none (RFC 768).
    /// </summary>
    /// <param name="datagram">Header and payload.</param>
    /// <param name="source">The IP source address.</param>
    /// <param name="destination">The IP destination address.</param>
    public static ushort ComputeChecksum(ReadOnlySpan<byte> datagram, ValueIPAddress source, ValueIPAddress destination)
    {
        ulong pseudoHeader = InternetChecksum.PseudoHeader(source, destination, IPProtocol.Udp, datagram.Length);
        ushort checksum = InternetChecksum.Compute(datagram, pseudoHeader);
        return checksum == 0 ? ushort.MaxValue : checksum;
    }

    /// <summary>The header as a value.</summary>
    public UdpHeader ToHeader() => new(SourcePort, DestinationPort, Length, Checksum);
}

/// <summary>The UDP header as a value, to be built, compared and written (RFC 768).</summary>
/// <param name="SourcePort">The source port.</param>
/// <param name="DestinationPort">The destination port.</param>
/// <param name="Length">Bytes of header and payload, 8 to 65 535.</param>
/// <param name="Checksum">The checksum; 0 for none.</param>
public readonly record struct UdpHeader(ushort SourcePort, ushort DestinationPort, ushort Length, ushort Checksum = 0)
{
    /// <summary>Writes the 8 bytes.</summary>
    /// <returns>false, with nothing written, if <paramref name="destination"/> is too short.</returns>
    /// <exception cref="InvalidOperationException"><see cref="Length"/> is below 8, as it is in the default value.</exception>
    public bool TryWrite(Span<byte> destination, out int bytesWritten)
    {
        if (Length < UdpPacket.HeaderLength)
        {
            throw new InvalidOperationException($"A UDP datagram has at least {UdpPacket.HeaderLength} bytes, not {Length}.");
        }

        bytesWritten = 0;
        if (destination.Length < UdpPacket.HeaderLength)
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
