using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Overlay.Wire;

namespace Overlay.Encapsulation;

/// <summary>
/// Writes the outer headers of GRE for one (local, remote): IP and the GRE header of 4 to 16 bytes (RFC 2784, RFC 2890). What it carries are IP
/// packets, whose version decides the protocol type, or Ethernet frames. Immutable and thread-safe: sequence numbers are the caller's to count.
/// </summary>
/// <remarks>
/// <see cref="Encapsulate(ReadOnlySpan{byte}, Span{byte}, out int, uint)"/> copies and chooses by itself; <see cref="WriteOuter"/> writes in front of
/// a packet where it lies, for a caller who has decided already. The inner packet is never changed: decrementing its TTL belongs to forwarding.
/// </remarks>
public sealed class GreEncapsulator
{
    private readonly OuterIPTemplate _template;
    private readonly GreEncapsulatorOptions _options;
    private readonly int _sequenceNumberOffset;

    /// <summary>Prepares the headers.</summary>
    /// <param name="local">The outer source address.</param>
    /// <param name="remote">The outer destination address, of the same family.</param>
    /// <param name="options">The rest; null takes the defaults.</param>
    /// <exception cref="ArgumentException">An address is unspecified, the families differ, or both ends are the same.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The TTL is 0, or DSCP above 63.</exception>
    public GreEncapsulator(ValueIPAddress local, ValueIPAddress remote, GreEncapsulatorOptions? options = null)
    {
        _options = options ?? GreEncapsulatorOptions.Default;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_options.Dscp, 63, nameof(options));
        HeaderLength = GrePacket.LengthOf(_options.Flags);
        _template = new OuterIPTemplate(local, remote, _options.Ttl, HeaderLength);
        GreHeader header = new(_options.Ethernet ? EtherType.TransparentEthernetBridging : default)
        {
            Checksum = _options.Checksum ? (ushort)0 : null,
            Key = _options.Key,
            SequenceNumber = _options.SequenceNumbers ? 0 : null,
        };
        _ = header.TryWrite(_template.Suffix, out _);
        _sequenceNumberOffset = GrePacket.SequenceNumberOffset(_options.Flags);
    }

    /// <summary>The outer source address.</summary>
    public ValueIPAddress Local => _template.Local;

    /// <summary>The outer destination address.</summary>
    public ValueIPAddress Remote => _template.Remote;

    /// <summary>Bytes of the GRE header: 4, and 4 more for each of checksum, key and sequence number.</summary>
    public int HeaderLength { get; }

    /// <summary>The bytes that stand in front of the inner packet: 20 or 40, and <see cref="HeaderLength"/>.</summary>
    public int Overhead => _template.Length + HeaderLength;

    /// <summary>The longest inner packet in bytes: what the 16 bits of the outer length leave.</summary>
    public int MaxPayloadLength => _template.MaxPayloadLength - HeaderLength;

    /// <summary>
    /// Copies a packet or frame behind its outer headers. The outer ECN field follows the inner one (RFC 6040 §4.1); outer DF is set if the options say
    /// so, or if the inner packet is IPv4, has DF, and is not within Ethernet; over IPv6 the flow label is a hash of the inner flow; DSCP and TTL are
    /// those of the options.
    /// </summary>
    /// <param name="payload">The inner IPv4 or IPv6 packet, of which bytes behind its own length are left out; or the inner frame without FCS.</param>
    /// <param name="destination">Where to; it may hold <paramref name="payload"/>.</param>
    /// <param name="bytesWritten"><see cref="Overhead"/> and the length of the payload; 0 unless <see cref="OperationStatus.Done"/>.</param>
    /// <param name="sequenceNumber">The number of the packet, counted from 0 (RFC 2890 §2.2); not used without sequence numbers.</param>
    /// <returns>
    /// <see cref="OperationStatus.Done"/>; <see cref="OperationStatus.DestinationTooSmall"/>; <see cref="OperationStatus.InvalidData"/>, if
    /// <paramref name="payload"/> is not a whole IPv4 or IPv6 packet, or ends within its Ethernet header; exceeds <see cref="MaxPayloadLength"/>; or is an
    /// IP packet that has a TTL of 0, comes from the other end or is one of this very tunnel, which would loop.
    /// </returns>
    public OperationStatus Encapsulate(ReadOnlySpan<byte> payload, Span<byte> destination, out int bytesWritten, uint sequenceNumber = 0)
    {
        bytesWritten = 0;
        uint hash;
        Ecn innerEcn;
        bool dontFragment = _options.DontFragment;
        if (_options.Ethernet)
        {
            if (!EthernetFrame.TryParse(payload, out EthernetFrame frame))
            {
                return OperationStatus.InvalidData;
            }

            hash = FlowHash.Compute(frame, _options.FlowHashSeed);
            innerEcn = InnerHeader.GetEcn(frame.EtherType, frame.Payload);
        }
        else if (TryReadIP(ref payload, ref dontFragment))
        {
            hash = FlowHash.ComputeIP(payload, _options.FlowHashSeed);
            innerEcn = InnerHeader.GetEcn(payload);
        }
        else
        {
            return OperationStatus.InvalidData;
        }

        var fields = new OuterHeaderFields
        {
            FlowLabel = _template.IsIPv4 ? 0 : FlowHash.ToFlowLabel(hash),
            TrafficClass = (byte)((_options.Dscp << 2) | (byte)EcnTunnel.Outer(innerEcn, _options.Ecn)),
            DontFragment = dontFragment,
        };
        return Encapsulate(payload, fields, destination, out bytesWritten, sequenceNumber);
    }

    /// <summary>Copies a packet or frame behind outer headers with the given fields; of an IP packet only the version is looked at.</summary>
    /// <param name="payload">The inner IPv4 or IPv6 packet, or the inner frame.</param>
    /// <param name="fields">What differs per packet.</param>
    /// <param name="destination">Where to; it may hold <paramref name="payload"/>.</param>
    /// <param name="bytesWritten"><see cref="Overhead"/> and the length of the payload; 0 unless <see cref="OperationStatus.Done"/>.</param>
    /// <param name="sequenceNumber">The number of the packet; not used without sequence numbers.</param>
    /// <returns>
    /// <see cref="OperationStatus.Done"/>; <see cref="OperationStatus.DestinationTooSmall"/>; <see cref="OperationStatus.InvalidData"/>, if the version of
    /// an IP packet is neither 4 nor 6, a frame ends within its Ethernet header, or either is empty or exceeds <see cref="MaxPayloadLength"/>.
    /// </returns>
    public OperationStatus Encapsulate(
        ReadOnlySpan<byte> payload, in OuterHeaderFields fields, Span<byte> destination, out int bytesWritten, uint sequenceNumber = 0)
    {
        bytesWritten = 0;
        bool fits = _options.Ethernet ? payload.Length >= EthernetFrame.MinimumHeaderLength : !payload.IsEmpty && TryGetType(payload[0], out _);
        if (!fits || payload.Length > MaxPayloadLength)
        {
            return OperationStatus.InvalidData;
        }

        int length = Overhead + payload.Length;
        if (destination.Length < length)
        {
            return OperationStatus.DestinationTooSmall;
        }

        payload.CopyTo(destination[Overhead..]);
        WriteOuter(destination[..length], payload.Length, fields, sequenceNumber);
        bytesWritten = length;
        return OperationStatus.Done;
    }

    /// <summary>Writes the outer headers in front of a packet or frame where it lies.</summary>
    /// <param name="headroom">
    /// Memory of which the first <see cref="Overhead"/> bytes are written; the payload follows, and at least its first byte must be there: the version of
    /// an IP packet decides the protocol type. If the options ask for the checksum, all of the payload must be there.
    /// </param>
    /// <param name="payloadLength">Bytes of the inner packet or frame: 1 to <see cref="MaxPayloadLength"/>.</param>
    /// <param name="fields">What differs per packet.</param>
    /// <param name="sequenceNumber">The number of the packet; not used without sequence numbers.</param>
    /// <exception cref="ArgumentException"><paramref name="headroom"/> is too short, or what follows is neither IPv4 nor IPv6 where it must be.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="payloadLength"/> is out of range.</exception>
    public void WriteOuter(Span<byte> headroom, int payloadLength, in OuterHeaderFields fields, uint sequenceNumber = 0)
    {
        if (headroom.Length <= Overhead || (uint)(payloadLength - 1) >= (uint)MaxPayloadLength ||
            (_options.Checksum && headroom.Length - Overhead < payloadLength))
        {
            ThrowArgument(headroom.Length, payloadLength);
        }

        EtherType type = EtherType.TransparentEthernetBridging;
        if (!_options.Ethernet && !TryGetType(headroom[Overhead], out type))
        {
            ThrowVersion();
        }

        _template.Bytes.CopyTo(headroom);
        if (_template.IsIPv4)
        {
            _template.FinishIPv4(headroom, Overhead + payloadLength, IPProtocol.Gre, fields);
        }
        else
        {
            _template.FinishIPv6(headroom, HeaderLength + payloadLength, IPProtocol.Gre, fields);
        }

        Span<byte> header = headroom.Slice(_template.Length, HeaderLength);
        BinaryPrimitives.WriteUInt16BigEndian(header[GrePacket.ProtocolTypeOffset..], (ushort)type);
        if (_options.SequenceNumbers)
        {
            BinaryPrimitives.WriteUInt32BigEndian(header[_sequenceNumberOffset..], sequenceNumber);
        }

        if (_options.Checksum)
        {
            // The field is zero in the template, as it must be while the sum is taken (RFC 2784 §2.5).
            ushort checksum = GrePacket.ComputeChecksum(headroom.Slice(_template.Length, HeaderLength + payloadLength));
            BinaryPrimitives.WriteUInt16BigEndian(header[GrePacket.ChecksumOffset..], checksum);
        }
    }

    /// <summary>Whether this is a whole IP packet that may enter the tunnel; <paramref name="packet"/> is cut to its own length.</summary>
    private bool TryReadIP(ref ReadOnlySpan<byte> packet, ref bool dontFragment)
    {
        ValueIPAddress source, destination;
        byte ttl;
        if (IPv4Packet.TryParse(packet, out IPv4Packet ipv4))
        {
            packet = ipv4.Bytes;
            (source, destination, ttl) = (ipv4.Source, ipv4.Destination, ipv4.TimeToLive);
            dontFragment |= ipv4.DontFragment;
        }
        else if (IPv6Packet.TryParse(packet, out IPv6Packet ipv6))
        {
            packet = ipv6.Bytes;
            (source, destination, ttl) = (ipv6.Source, ipv6.Destination, ipv6.HopLimit);
        }
        else
        {
            return false;
        }

        return ttl != 0 && source != Remote && !(source == Local && destination == Remote);
    }

    private static bool TryGetType(byte firstByte, out EtherType type)
    {
        int version = firstByte >> 4;
        type = version == 4 ? EtherType.IPv4 : EtherType.IPv6;
        return version is 4 or 6;
    }

    [DoesNotReturn]
    private void ThrowArgument(int headroom, int payloadLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(payloadLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payloadLength, MaxPayloadLength);
        throw new ArgumentException(
            $"The outer headers take {Overhead} bytes, and {(_options.Checksum ? $"{payloadLength} bytes under the checksum follow" : "a packet follows")}; there are {headroom}.",
            nameof(headroom));
    }

    [DoesNotReturn]
    private static void ThrowVersion() =>
        throw new ArgumentException("What follows the outer headers is neither IPv4 nor IPv6.", "headroom");
}
