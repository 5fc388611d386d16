using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Overlay.Wire;

namespace Overlay.Encapsulation;

/// <summary>
/// Writes the outer IP header of IP in IP for one (local, remote): 20 bytes over IPv4, 40 over IPv6. The version of the inner packet decides the
/// protocol, 4 or 41: 4in4 (RFC 2003), 6in4 (RFC 4213), 4in6 and 6in6 (RFC 2473). Immutable and thread-safe.
/// </summary>
/// <remarks>
/// <see cref="Encapsulate(ReadOnlySpan{byte}, Span{byte}, out int)"/> copies and chooses by itself; <see cref="WriteOuter"/> writes in front of a
/// packet where it lies, for a caller who has decided already. The inner packet is never changed: decrementing its TTL belongs to forwarding
/// (RFC 2003 §3.1). Over IPv6 a tunnel encapsulation limit may stand between both headers, in 8 bytes of destination options (RFC 2473 §4.1.1).
/// </remarks>
public sealed class IPInIPEncapsulator
{
    /// <summary>Bytes of the destination options header with the encapsulation limit, 8 (RFC 2473 §5.1).</summary>
    public const int EncapsulationLimitLength = EncapsulationLimitHeader.Length;

    private readonly OuterIPTemplate _template;
    private readonly IPInIPEncapsulatorOptions _options;

    /// <summary>Prepares the header.</summary>
    /// <param name="local">The outer source address.</param>
    /// <param name="remote">The outer destination address, of the same family.</param>
    /// <param name="options">The rest; null takes the defaults.</param>
    /// <exception cref="ArgumentException">
    /// An address is unspecified, the families differ, or both ends are the same; or there is an encapsulation limit over IPv4, which has none.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The TTL is 0, or DSCP above 63.</exception>
    public IPInIPEncapsulator(ValueIPAddress local, ValueIPAddress remote, IPInIPEncapsulatorOptions? options = null)
    {
        _options = options ?? IPInIPEncapsulatorOptions.Default;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_options.Dscp, 63, nameof(options));
        _template = new OuterIPTemplate(local, remote, _options.Ttl);
        CheckLimit(_options.EncapsulationLimit);
    }

    /// <summary>The outer source address.</summary>
    public ValueIPAddress Local => _template.Local;

    /// <summary>The outer destination address.</summary>
    public ValueIPAddress Remote => _template.Remote;

    /// <summary>
    /// The bytes that stand in front of the inner packet: 20 or 40; with an encapsulation limit <see cref="EncapsulationLimitLength"/> more.
    /// </summary>
    public int Overhead => _template.Length;

    /// <summary>
    /// The longest inner packet in bytes: what the 16 bits of the outer length leave; with an encapsulation limit <see cref="EncapsulationLimitLength"/>
    /// less.
    /// </summary>
    public int MaxPacketLength => _template.MaxPayloadLength;

    /// <summary>
    /// Copies a packet behind its outer header. The outer ECN field follows the inner one (RFC 6040 §4.1); outer DF is set if inner DF is or the
    /// options say so; over IPv6 the flow label is a hash of the inner flow; DSCP and TTL are those of the options.
    /// A packet that carries an encapsulation limit gets one less, over IPv6; one that carries none gets that of the options (RFC 2473 §4.1.1).
    /// </summary>
    /// <param name="packet">The inner IPv4 or IPv6 packet; bytes behind its own length are left out.</param>
    /// <param name="destination">Where to; it may hold <paramref name="packet"/>.</param>
    /// <param name="bytesWritten">The bytes of outer header, limit and packet; 0 unless <see cref="OperationStatus.Done"/>.</param>
    /// <returns>
    /// <see cref="OperationStatus.Done"/>; <see cref="OperationStatus.DestinationTooSmall"/>; <see cref="OperationStatus.InvalidData"/>, if
    /// <paramref name="packet"/> is not a whole IPv4 or IPv6 packet, exceeds <see cref="MaxPacketLength"/>, has a TTL of 0, which "MUST NOT" be
    /// encapsulated (RFC 2003 §3.1), or an encapsulation limit of 0 (RFC 2473 §4.1.1), or comes from the other end or is a packet of this very tunnel (RFC 2003 §3.2, RFC 2473 §4.1.2).
    /// </returns>
    public OperationStatus Encapsulate(ReadOnlySpan<byte> packet, Span<byte> destination, out int bytesWritten)
    {
        bytesWritten = 0;
        bool dontFragment = _options.DontFragment;
        byte? encapsulationLimit = _options.EncapsulationLimit;
        ValueIPAddress innerSource, innerDestination;
        byte ttl;
        if (IPv4Packet.TryParse(packet, out IPv4Packet ipv4))
        {
            packet = ipv4.Bytes;
            innerSource = ipv4.Source;
            innerDestination = ipv4.Destination;
            ttl = ipv4.TimeToLive;
            dontFragment |= ipv4.DontFragment;
        }
        else if (IPv6Packet.TryParse(packet, out IPv6Packet ipv6))
        {
            packet = ipv6.Bytes;
            innerSource = ipv6.Source;
            innerDestination = ipv6.Destination;
            ttl = ipv6.HopLimit;
            if (!_template.IsIPv4 && ipv6.TryGetEncapsulationLimit(out byte limit, out _))
            {
                if (limit == 0)
                {
                    return OperationStatus.InvalidData;
                }

                encapsulationLimit = (byte)(limit - 1);
            }
        }
        else
        {
            return OperationStatus.InvalidData;
        }

        if (ttl == 0 || innerSource == Remote || (innerSource == Local && innerDestination == Remote))
        {
            return OperationStatus.InvalidData;
        }

        var fields = new OuterHeaderFields
        {
            FlowLabel = _template.IsIPv4 ? 0 : FlowHash.ToFlowLabel(FlowHash.ComputeIP(packet, _options.FlowHashSeed)),
            TrafficClass = (byte)((_options.Dscp << 2) | (byte)EcnTunnel.Outer(InnerHeader.GetEcn(packet), _options.Ecn)),
            DontFragment = dontFragment,
        };
        return Encapsulate(packet, fields, destination, out bytesWritten, encapsulationLimit);
    }

    /// <summary>Copies a packet behind an outer header with the given fields; of the packet only the version is looked at.</summary>
    /// <param name="packet">The inner IPv4 or IPv6 packet.</param>
    /// <param name="fields">What differs per packet.</param>
    /// <param name="destination">Where to; it may hold <paramref name="packet"/>.</param>
    /// <param name="encapsulationLimit">The limit to be written between both headers, over IPv6 only; null writes none.</param>
    /// <param name="bytesWritten">The bytes of outer header, limit and packet; 0 unless <see cref="OperationStatus.Done"/>.</param>
    /// <returns>
    /// <see cref="OperationStatus.Done"/>; <see cref="OperationStatus.DestinationTooSmall"/>; <see cref="OperationStatus.InvalidData"/>, if the
    /// version is neither 4 nor 6, or the packet is empty or exceeds <see cref="MaxPacketLength"/>.
    /// </returns>
    /// <exception cref="ArgumentException">There is an encapsulation limit over IPv4.</exception>
    public OperationStatus Encapsulate(
        ReadOnlySpan<byte> packet, in OuterHeaderFields fields, Span<byte> destination, out int bytesWritten, byte? encapsulationLimit = null)
    {
        bytesWritten = 0;
        int overhead = OverheadWith(encapsulationLimit);
        if (packet.IsEmpty || overhead - Overhead + packet.Length > MaxPacketLength || !TryGetProtocol(packet[0], out _))
        {
            return OperationStatus.InvalidData;
        }

        int length = overhead + packet.Length;
        if (destination.Length < length)
        {
            CheckLimit(encapsulationLimit);
            return OperationStatus.DestinationTooSmall;
        }

        packet.CopyTo(destination[overhead..]);
        WriteOuter(destination[..length], packet.Length, fields, encapsulationLimit);
        bytesWritten = length;
        return OperationStatus.Done;
    }

    /// <summary>Writes the outer header in front of a packet where it lies.</summary>
    /// <param name="headroom">
    /// Memory of which the first <see cref="Overhead"/> bytes are written, or <see cref="EncapsulationLimitLength"/> more; the packet follows, and at
    /// least its first byte must be there: its version decides the protocol.
    /// </param>
    /// <param name="payloadLength">Bytes of the inner packet: 1 to <see cref="MaxPacketLength"/>.</param>
    /// <param name="fields">What differs per packet. RFC 2003 §3.1: if the inner packet has DF, so must they.</param>
    /// <param name="encapsulationLimit">The limit to be written between both headers, over IPv6 only; null writes none.</param>
    /// <exception cref="ArgumentException">
    /// <paramref name="headroom"/> is too short, or what follows is neither IPv4 nor IPv6; or there is an encapsulation limit over IPv4.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="payloadLength"/> is out of range.</exception>
    public void WriteOuter(Span<byte> headroom, int payloadLength, in OuterHeaderFields fields, byte? encapsulationLimit = null)
    {
        int overhead = OverheadWith(encapsulationLimit);
        int limitLength = overhead - Overhead;
        if (headroom.Length <= overhead || (uint)(payloadLength - 1) >= (uint)(MaxPacketLength - limitLength))
        {
            ThrowArgument(headroom.Length, payloadLength, limitLength);
        }

        if (!TryGetProtocol(headroom[overhead], out IPProtocol protocol))
        {
            ThrowVersion();
        }

        if (_template.IsIPv4)
        {
            CheckLimit(encapsulationLimit);
            Span<byte> header = headroom[..OuterIPTemplate.IPv4Length];
            _template.Bytes[..OuterIPTemplate.IPv4Length].CopyTo(header);
            _template.FinishIPv4(header, payloadLength + OuterIPTemplate.IPv4Length, protocol, fields);
        }
        else
        {
            Span<byte> header = headroom[..OuterIPTemplate.IPv6Length];
            _template.Bytes[..OuterIPTemplate.IPv6Length].CopyTo(header);
            if (encapsulationLimit is byte limit)
            {
                _ = new EncapsulationLimitHeader(protocol, limit).TryWrite(headroom[OuterIPTemplate.IPv6Length..], out _);
                protocol = IPProtocol.DestinationOptions;
            }

            _template.FinishIPv6(header, payloadLength + limitLength, protocol, fields);
        }
    }

    private int OverheadWith(byte? encapsulationLimit) => encapsulationLimit is null ? Overhead : Overhead + EncapsulationLimitLength;

    private void CheckLimit(byte? encapsulationLimit)
    {
        if (_template.IsIPv4 && encapsulationLimit is not null)
        {
            throw new ArgumentException($"The encapsulation limit is an option of IPv6; {Local} and {Remote} are IPv4.", nameof(encapsulationLimit));
        }
    }

    private static bool TryGetProtocol(byte firstByte, out IPProtocol protocol)
    {
        int version = firstByte >> 4;
        protocol = version == 4 ? IPProtocol.IPv4 : IPProtocol.IPv6;
        return version is 4 or 6;
    }

    [DoesNotReturn]
    private void ThrowArgument(int headroom, int payloadLength, int limitLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(payloadLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payloadLength, MaxPacketLength - limitLength);
        throw new ArgumentException($"The outer header takes {Overhead + limitLength} bytes and a packet follows; there are {headroom}.", nameof(headroom));
    }

    [DoesNotReturn]
    private static void ThrowVersion() =>
        throw new ArgumentException("What follows the outer header is neither IPv4 nor IPv6.", "headroom");
}
