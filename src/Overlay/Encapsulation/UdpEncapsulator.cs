using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Overlay.Wire;

namespace Overlay.Encapsulation;

/// <summary>
/// Writes the outer headers of any tunnel over UDP for one (local, remote): IP, UDP and the <see cref="TunnelHeader"/> of VXLAN with or without group
/// policy, VXLAN-GPE, Geneve, GUE, FOU or plain IP in UDP. Immutable and thread-safe.
/// </summary>
/// <remarks>
/// <see cref="Encapsulate(ReadOnlySpan{byte}, Vni, Span{byte}, out int)"/> copies and chooses by itself; <see cref="WriteOuter"/> writes in front of a
/// packet where it lies, for a caller who has decided already. Neither allocates, and neither fragments. Where it is VXLAN and nothing else,
/// <see cref="VxlanEncapsulator"/> is the faster one.
/// </remarks>
public sealed class UdpEncapsulator
{
    private readonly OuterIPTemplate _template;
    private readonly UdpEncapsulatorOptions _options;
    private readonly int _udpOverhead;

    /// <summary>Prepares the headers.</summary>
    /// <param name="local">The outer source address.</param>
    /// <param name="remote">The outer destination address, of the same family; a multicast group too.</param>
    /// <param name="header">What stands behind UDP.</param>
    /// <param name="options">The rest; null takes the defaults.</param>
    /// <exception cref="ArgumentException">
    /// An address is unspecified, the families differ, both ends are the same, or the options name no port and the kind has no default.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">TTL is 0, DSCP above 63, or the source ports are in the wrong order.</exception>
    public UdpEncapsulator(ValueIPAddress local, ValueIPAddress remote, TunnelHeader header, UdpEncapsulatorOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(header);
        Header = header;
        _options = options ?? UdpEncapsulatorOptions.Default;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_options.Dscp, 63, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_options.SourcePortMinimum, _options.SourcePortMaximum, nameof(options));
        TunnelFacts facts = TunnelFacts.Of(header.Kind);
        DestinationPort = _options.DestinationPort != 0 ? _options.DestinationPort : facts.DefaultPort;
        if (DestinationPort == 0)
        {
            throw new ArgumentException($"{facts} has no port of its own; both ends agree on one, and the options are to name it.", nameof(options));
        }

        _udpOverhead = UdpPacket.HeaderLength + header.Length;
        _template = new OuterIPTemplate(local, remote, _options.Ttl);
        Overhead = _template.Length + _udpOverhead;
        MaxPayloadLength = _template.MaxPayloadLength - _udpOverhead;
    }

    /// <summary>The outer source address.</summary>
    public ValueIPAddress Local => _template.Local;

    /// <summary>The outer destination address.</summary>
    public ValueIPAddress Remote => _template.Remote;

    /// <summary>The UDP destination port.</summary>
    public ushort DestinationPort { get; }

    /// <summary>What stands behind UDP.</summary>
    public TunnelHeader Header { get; }

    /// <summary>The bytes that stand in front of the inner packet: IP 20 or 40, UDP 8, and the header.</summary>
    public int Overhead { get; }

    /// <summary>The longest inner packet in bytes: what the 16 bits of the outer length leave.</summary>
    public int MaxPayloadLength { get; }

    /// <summary>
    /// Copies a packet behind its outer headers. The source port is a hash of the inner flow, over IPv6 the flow label too; the outer ECN field
    /// follows the inner one (RFC 6040 §4.1); DSCP, TTL and DF are those of the options.
    /// </summary>
    /// <param name="inner">The inner Ethernet frame without FCS, or the inner IP packet, as <see cref="TunnelHeader.HasInnerEthernet"/> says.</param>
    /// <param name="vni">The network identifier; not used by kinds that have none.</param>
    /// <param name="destination">Where to; it may hold <paramref name="inner"/>.</param>
    /// <param name="bytesWritten"><see cref="Overhead"/> and the length of the packet; 0 unless <see cref="OperationStatus.Done"/>.</param>
    /// <returns>
    /// <see cref="OperationStatus.Done"/>; <see cref="OperationStatus.DestinationTooSmall"/>; <see cref="OperationStatus.InvalidData"/>, if the inner
    /// packet is not what the tunnel carries, ends within its Ethernet or fixed IP header, or exceeds <see cref="MaxPayloadLength"/>.
    /// </returns>
    public OperationStatus Encapsulate(ReadOnlySpan<byte> inner, Vni vni, Span<byte> destination, out int bytesWritten)
    {
        bytesWritten = 0;
        if (!IsAcceptable(inner))
        {
            return OperationStatus.InvalidData;
        }

        uint hash;
        Ecn ecn;
        if (Header.HasInnerEthernet)
        {
            if (!EthernetFrame.TryParse(inner, out EthernetFrame frame))
            {
                return OperationStatus.InvalidData;
            }

            hash = FlowHash.Compute(frame, _options.FlowHashSeed);
            ecn = InnerHeader.GetEcn(frame.EtherType, frame.Payload);
        }
        else
        {
            hash = FlowHash.ComputeIP(inner, _options.FlowHashSeed);
            ecn = InnerHeader.GetEcn(inner);
        }

        var fields = new OuterHeaderFields
        {
            Vni = vni,
            SourcePort = FlowHash.ToSourcePort(hash, _options.SourcePortMinimum, _options.SourcePortMaximum),
            FlowLabel = FlowHash.ToFlowLabel(hash),
            TrafficClass = (byte)((_options.Dscp << 2) | (byte)EcnTunnel.Outer(ecn, _options.Ecn)),
            DontFragment = _options.DontFragment,
        };
        return Encapsulate(inner, fields, destination, out bytesWritten);
    }

    /// <summary>Copies a packet behind outer headers with the given fields.</summary>
    /// <inheritdoc cref="Encapsulate(ReadOnlySpan{byte}, Vni, Span{byte}, out int)"/>
    /// <param name="inner">The inner packet.</param>
    /// <param name="fields">What differs per packet.</param>
    /// <param name="destination">Where to; it may hold <paramref name="inner"/>.</param>
    /// <param name="bytesWritten"><see cref="Overhead"/> and the length of the packet; 0 unless <see cref="OperationStatus.Done"/>.</param>
    public OperationStatus Encapsulate(ReadOnlySpan<byte> inner, in OuterHeaderFields fields, Span<byte> destination, out int bytesWritten)
    {
        bytesWritten = 0;
        if (!IsAcceptable(inner))
        {
            return OperationStatus.InvalidData;
        }

        int length = Overhead + inner.Length;
        if (destination.Length < length)
        {
            return OperationStatus.DestinationTooSmall;
        }

        inner.CopyTo(destination[Overhead..]);
        WriteOuter(destination[..length], inner.Length, fields);
        bytesWritten = length;
        return OperationStatus.Done;
    }

    /// <summary>Writes the outer headers in front of a packet where it lies.</summary>
    /// <param name="headroom">
    /// Memory of which the first <see cref="Overhead"/> bytes are written and the packet follows. Where the tunnel carries IP without Ethernet, its first
    /// byte must be there; with an outer checksum, all of it.
    /// </param>
    /// <param name="payloadLength">Bytes of the inner packet: 1 to <see cref="MaxPayloadLength"/>.</param>
    /// <param name="fields">What differs per packet.</param>
    /// <exception cref="ArgumentException"><paramref name="headroom"/> is too short, or what follows is neither IPv4 nor IPv6 and is to be.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="payloadLength"/> is out of range.</exception>
    public void WriteOuter(Span<byte> headroom, int payloadLength, in OuterHeaderFields fields)
    {
        int needed = Overhead + (_options.OuterChecksum ? payloadLength : Header.HasInnerEthernet ? 0 : 1);
        if ((uint)(payloadLength - 1) >= (uint)MaxPayloadLength || headroom.Length < needed)
        {
            ThrowArgument(headroom.Length, payloadLength, needed);
        }

        Span<byte> inner = headroom[Overhead..];
        if (!Header.HasInnerEthernet && inner[0] >> 4 is not (4 or 6))
        {
            ThrowVersion();
        }

        int udpLength = payloadLength + _udpOverhead;
        _template.Bytes.CopyTo(headroom);
        if (_template.IsIPv4)
        {
            _template.FinishIPv4(headroom, udpLength + OuterIPTemplate.IPv4Length, IPProtocol.Udp, fields);
        }
        else
        {
            _template.FinishIPv6(headroom, udpLength, IPProtocol.Udp, fields);
        }

        Span<byte> udp = headroom[_template.Length..];
        BinaryPrimitives.WriteUInt64BigEndian(udp, ((ulong)fields.SourcePort << 48) | ((ulong)DestinationPort << 32) | ((ulong)(uint)udpLength << 16));
        Header.Write(udp[UdpPacket.HeaderLength..], fields.Vni, inner);
        if (_options.OuterChecksum)
        {
            Span<byte> datagram = udp[..udpLength];
            BinaryPrimitives.WriteUInt16BigEndian(datagram[UdpPacket.ChecksumOffset..], UdpPacket.ComputeChecksum(datagram, Local, Remote));
        }
    }

    private bool IsAcceptable(ReadOnlySpan<byte> inner)
    {
        if (inner.IsEmpty || inner.Length > MaxPayloadLength)
        {
            return false;
        }

        return Header.HasInnerEthernet
            ? inner.Length >= EthernetFrame.MinimumHeaderLength
            : (inner[0] >> 4) switch
            {
                4 => inner.Length >= IPv4Packet.MinimumHeaderLength,
                6 => inner.Length >= IPv6Packet.HeaderLength,
                _ => false,
            };
    }

    [DoesNotReturn]
    private void ThrowArgument(int headroom, int payloadLength, int needed)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(payloadLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payloadLength, MaxPayloadLength);
        throw new ArgumentException($"The outer headers take {Overhead} bytes, and {needed} must be there; there are {headroom}.", nameof(headroom));
    }

    [DoesNotReturn]
    private void ThrowVersion() => throw new ArgumentException($"What follows the outer headers of {TunnelFacts.Of(Header.Kind)} is neither IPv4 nor IPv6.", "headroom");
}
