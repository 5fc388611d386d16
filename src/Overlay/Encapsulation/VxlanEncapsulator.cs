using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Overlay.Wire;

namespace Overlay.Encapsulation;

/// <summary>
/// Writes the outer headers of VXLAN for one (local, remote): IP, UDP and VXLAN, 36 bytes over IPv4 and 56 over IPv6, 14 more with a link
/// header (RFC 7348 §5). Immutable and thread-safe.
/// </summary>
/// <remarks>
/// <see cref="Encapsulate(ReadOnlySpan{byte}, Vni, Span{byte}, out int)"/> copies and chooses by itself; <see cref="WriteOuter"/> writes in front
/// of a frame where it lies, for a caller who has decided already. Neither allocates, and neither fragments: VTEPs "MUST NOT fragment" (§4.3).
/// </remarks>
public sealed class VxlanEncapsulator
{
    private const int UdpAndVxlanLength = UdpPacket.HeaderLength + VxlanPacket.HeaderLength;
    private const int LinkHeaderLength = EthernetFrame.MinimumHeaderLength;

    private readonly OuterIPTemplate _ip;
    private readonly VxlanEncapsulatorOptions _options;
    private readonly byte[]? _linkHeader;

    // Length, checksum and source port are added; the destination port is prepared in its place.
    private readonly ulong _udp;
    private readonly bool _checksum;

    /// <summary>Prepares the headers.</summary>
    /// <param name="local">The outer source address.</param>
    /// <param name="remote">The outer destination address, of the same family; a multicast group too.</param>
    /// <param name="options">The rest; null takes the defaults.</param>
    /// <exception cref="ArgumentException">An address is unspecified, the families differ, both ends are the same, or the link header has a tag.</exception>
    /// <exception cref="ArgumentOutOfRangeException">TTL or port is 0, DSCP above 63, or the source ports are in the wrong order.</exception>
    public VxlanEncapsulator(ValueIPAddress local, ValueIPAddress remote, VxlanEncapsulatorOptions? options = null)
    {
        _options = options ?? VxlanEncapsulatorOptions.Default;
        ArgumentOutOfRangeException.ThrowIfZero(_options.DestinationPort, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_options.Dscp, 63, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_options.SourcePortMinimum, _options.SourcePortMaximum, nameof(options));
        _ip = new OuterIPTemplate(local, remote, _options.Ttl);
        _udp = (ulong)_options.DestinationPort << 32;
        _checksum = _options.OuterChecksum;
        if (_options.LinkHeader is { } header)
        {
            _linkHeader = ToBytes(header, _ip.IsIPv4);
        }

        Overhead = (_linkHeader is null ? 0 : LinkHeaderLength) + _ip.Length + UdpAndVxlanLength;
    }

    /// <summary>The outer source address.</summary>
    public ValueIPAddress Local => _ip.Local;

    /// <summary>The outer destination address.</summary>
    public ValueIPAddress Remote => _ip.Remote;

    /// <summary>The bytes that stand in front of the inner frame: 36 or 56, with a link header 50 or 70.</summary>
    public int Overhead { get; }

    /// <summary>The longest inner frame in bytes: what the 16 bits of the outer length leave.</summary>
    public int MaxFrameLength => _ip.MaxPayloadLength - UdpAndVxlanLength;

    /// <summary>
    /// Copies a frame behind its outer headers. The source port is a hash of the inner flow, over IPv6 the flow label too; the outer ECN field
    /// follows the inner one (RFC 6040 §4.1); DSCP, TTL and DF are those of the options.
    /// </summary>
    /// <param name="frame">The inner Ethernet frame without FCS.</param>
    /// <param name="vni">The network identifier.</param>
    /// <param name="destination">Where to; it may hold <paramref name="frame"/>.</param>
    /// <param name="bytesWritten"><see cref="Overhead"/> and the length of the frame; 0 unless <see cref="OperationStatus.Done"/>.</param>
    /// <returns>
    /// <see cref="OperationStatus.Done"/>; <see cref="OperationStatus.DestinationTooSmall"/>; <see cref="OperationStatus.InvalidData"/>, if the frame
    /// ends within its Ethernet header or exceeds <see cref="MaxFrameLength"/>.
    /// </returns>
    public OperationStatus Encapsulate(ReadOnlySpan<byte> frame, Vni vni, Span<byte> destination, out int bytesWritten)
    {
        if (!EthernetFrame.TryParse(frame, out EthernetFrame inner))
        {
            bytesWritten = 0;
            return OperationStatus.InvalidData;
        }

        uint hash = FlowHash.Compute(inner, _options.FlowHashSeed);
        Ecn ecn = EcnTunnel.Outer(InnerHeader.GetEcn(inner.EtherType, inner.Payload), _options.Ecn);
        var fields = new OuterHeaderFields
        {
            Vni = vni,
            SourcePort = FlowHash.ToSourcePort(hash, _options.SourcePortMinimum, _options.SourcePortMaximum),
            FlowLabel = FlowHash.ToFlowLabel(hash),
            TrafficClass = (byte)((_options.Dscp << 2) | (byte)ecn),
            DontFragment = _options.DontFragment,
        };
        return Encapsulate(frame, fields, destination, out bytesWritten);
    }

    /// <summary>Copies a frame behind outer headers with the given fields.</summary>
    /// <inheritdoc cref="Encapsulate(ReadOnlySpan{byte}, Vni, Span{byte}, out int)"/>
    /// <param name="frame">The inner Ethernet frame without FCS.</param>
    /// <param name="fields">What differs per packet.</param>
    /// <param name="destination">Where to; it may hold <paramref name="frame"/>.</param>
    /// <param name="bytesWritten"><see cref="Overhead"/> and the length of the frame; 0 unless <see cref="OperationStatus.Done"/>.</param>
    public OperationStatus Encapsulate(ReadOnlySpan<byte> frame, in OuterHeaderFields fields, Span<byte> destination, out int bytesWritten)
    {
        bytesWritten = 0;
        if (frame.Length < EthernetFrame.MinimumHeaderLength || frame.Length > MaxFrameLength)
        {
            return OperationStatus.InvalidData;
        }

        int length = Overhead + frame.Length;
        if (destination.Length < length)
        {
            return OperationStatus.DestinationTooSmall;
        }

        frame.CopyTo(destination[Overhead..]);
        WriteOuter(destination[..length], frame.Length, fields);
        bytesWritten = length;
        return OperationStatus.Done;
    }

    /// <summary>Writes the outer headers in front of a frame where it lies.</summary>
    /// <param name="headroom">
    /// Memory of which the first <see cref="Overhead"/> bytes are written and the frame follows. It need reach into the frame only if the options
    /// ask for the outer checksum; then all of the frame must be there.
    /// </param>
    /// <param name="payloadLength">Bytes of the inner frame: 0 to <see cref="MaxFrameLength"/>.</param>
    /// <param name="fields">What differs per packet.</param>
    /// <exception cref="ArgumentException"><paramref name="headroom"/> is too short.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="payloadLength"/> is out of range.</exception>
    public void WriteOuter(Span<byte> headroom, int payloadLength, in OuterHeaderFields fields)
    {
        if (headroom.Length < Overhead || (uint)payloadLength > (uint)MaxFrameLength)
        {
            ThrowArgument(headroom.Length, payloadLength);
        }

        Span<byte> packet = headroom;
        if (_linkHeader is { } linkHeader)
        {
            linkHeader.AsSpan(0, LinkHeaderLength).CopyTo(packet);
            packet = packet[LinkHeaderLength..];
        }

        int udpLength = payloadLength + UdpAndVxlanLength;
        Span<byte> udp;
        if (_ip.IsIPv4)
        {
            _ip.WriteIPv4(packet, udpLength + OuterIPTemplate.IPv4Length, IPProtocol.Udp, fields);
            udp = packet.Slice(OuterIPTemplate.IPv4Length, UdpAndVxlanLength);
        }
        else
        {
            _ip.WriteIPv6(packet, udpLength, IPProtocol.Udp, fields);
            udp = packet.Slice(OuterIPTemplate.IPv6Length, UdpAndVxlanLength);
        }

        BinaryPrimitives.WriteUInt64BigEndian(udp, _udp | ((ulong)fields.SourcePort << 48) | ((uint)udpLength << 16));
        BinaryPrimitives.WriteUInt64BigEndian(udp[UdpPacket.HeaderLength..], VxlanHeader.ToRaw(fields.Vni));
        if (_checksum)
        {
            WriteChecksum(headroom, udpLength);
        }
    }

    /// <summary>
    /// RFC 768: the checksum over pseudo-header, header and data. "If the computed checksum is zero, it is transmitted as all ones", since zero
    /// means that there is none.
    /// </summary>
    private void WriteChecksum(Span<byte> headroom, int udpLength)
    {
        int start = Overhead - UdpAndVxlanLength;
        if (headroom.Length - start < udpLength)
        {
            throw new ArgumentException("The outer checksum covers the frame, which must lie behind the headers in the same memory.", nameof(headroom));
        }

        Span<byte> datagram = headroom.Slice(start, udpLength);
        ushort checksum = InternetChecksum.Compute(datagram, InternetChecksum.PseudoHeader(Local, Remote, IPProtocol.Udp, udpLength));
        BinaryPrimitives.WriteUInt16BigEndian(datagram[UdpPacket.ChecksumOffset..], checksum == 0 ? ushort.MaxValue : checksum);
    }

    private static byte[] ToBytes(EthernetHeader header, bool isIPv4)
    {
        if (header.OuterVlan is not null || header.InnerVlan is not null)
        {
            throw new ArgumentException("The link header has 14 bytes: no VLAN tag.", nameof(header));
        }

        byte[] bytes = new byte[LinkHeaderLength];
        (header with { EtherType = isIPv4 ? EtherType.IPv4 : EtherType.IPv6 }).TryWrite(bytes, out _);
        return bytes;
    }

    [DoesNotReturn]
    private void ThrowArgument(int headroom, int payloadLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(payloadLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payloadLength, MaxFrameLength);
        throw new ArgumentException($"The outer headers take {Overhead} bytes; there are {headroom}.", nameof(headroom));
    }
}
