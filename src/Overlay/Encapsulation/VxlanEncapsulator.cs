using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Overlay.Wire;

namespace Overlay.Encapsulation;

/// <summary>
/// Writes the outer headers of VXLAN for one (local, remote): IP, UDP and VXLAN, 36 bytes over IPv4 and 56 over IPv6, 14 more with a link
/// header (RFC 7348 §5). Immutable and thread-safe.
/// </summary>
/// <remarks>
/// <see cref="Encapsulate(ReadOnlySpan{byte}, Vni, Span{byte}, out int)"/> copies and chooses by itself; <see cref="WriteOuter(Span{byte}, int, in OuterHeaderFields)"/> writes in front
/// of a frame where it lies, for a caller who has decided already. Neither allocates, and neither fragments: VTEPs "MUST NOT fragment" (§4.3).
/// </remarks>
public sealed class VxlanEncapsulator
{
    private const int UdpAndVxlanLength = UdpPacket.HeaderLength + VxlanPacket.HeaderLength;
    private const int PlainLength = OuterIPTemplate.IPv4Length + UdpAndVxlanLength;
    private const int PlainMaxFrameLength = ushort.MaxValue - PlainLength;
    private const int LinkHeaderLength = EthernetFrame.MinimumHeaderLength;

    private readonly OuterIPTemplate _template;
    private readonly VxlanEncapsulatorOptions _options;
    private readonly byte[]? _linkHeader;

    // The headers of the plain form, IPv4 with TTL and DF of the options, as the two overlapping vectors that their 36 or 50 bytes are; the sum of the
    // IPv4 header but for length and traffic class; and that of UDP, pseudo header and VXLAN but for lengths, source port and network.
    private readonly Vector256<byte> _plainFirst;
    private readonly Vector256<byte> _plainLast;
    private readonly uint _plainSum;
    private readonly ulong _plainUdpSum;
    private readonly int _plainStart;

    // The overhead if the form is the plain one, else more than any headroom has.
    private readonly int _plainOverhead = int.MaxValue;
    private readonly ulong _plainPorts;

    /// <summary>Prepares the headers.</summary>
    /// <param name="local">The outer source address.</param>
    /// <param name="remote">The outer destination address, of the same family; a multicast group too.</param>
    /// <param name="options">The rest; null takes the defaults.</param>
    /// <exception cref="ArgumentException">
    /// An address is unspecified, the families differ, both ends are the same, or the link header has a tag.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">TTL or port is 0, DSCP above 63, or the source ports are in the wrong order.</exception>
    public VxlanEncapsulator(ValueIPAddress local, ValueIPAddress remote, VxlanEncapsulatorOptions? options = null)
    {
        _options = options ?? VxlanEncapsulatorOptions.Default;
        ArgumentOutOfRangeException.ThrowIfZero(_options.DestinationPort, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_options.Dscp, 63, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_options.SourcePortMinimum, _options.SourcePortMaximum, nameof(options));
        _template = new OuterIPTemplate(local, remote, _options.Ttl, UdpAndVxlanLength);
        BinaryPrimitives.WriteUInt16BigEndian(_template.Suffix[UdpPacket.DestinationPortOffset..], _options.DestinationPort);
        _template.Suffix[UdpPacket.HeaderLength] = (byte)VxlanFlags.ValidVni;
        _linkHeader = _options.LinkHeader is { } header ? ToBytes(header, _template.IsIPv4) : null;
        Overhead = (_linkHeader is null ? 0 : LinkHeaderLength) + _template.Length + UdpAndVxlanLength;
        MaxFrameLength = _template.MaxPayloadLength - UdpAndVxlanLength;
        if (_template.IsIPv4)
        {
            byte[] plain = [.. _linkHeader ?? [], .. _template.Bytes];
            _plainStart = Overhead - PlainLength;
            _template.FinishIPv4(plain.AsSpan(_plainStart), 0, IPProtocol.Udp, new OuterHeaderFields { DontFragment = _options.DontFragment });
            _plainFirst = Vector256.Create(plain);
            _plainLast = Vector256.Create(plain.AsSpan(plain.Length - Vector256<byte>.Count));
            _plainSum = (ushort)~BinaryPrimitives.ReadUInt16BigEndian(plain.AsSpan(_plainStart + IPv4Packet.ChecksumOffset));
            _plainUdpSum = InternetChecksum.PseudoHeader(local, remote, IPProtocol.Udp, 0) + InternetChecksum.Partial(_template.Suffix);
            _plainOverhead = Overhead;
            _plainPorts = (ulong)_options.DestinationPort << 32;
        }
    }

    /// <summary>The outer source address.</summary>
    public ValueIPAddress Local => _template.Local;

    /// <summary>The outer destination address.</summary>
    public ValueIPAddress Remote => _template.Remote;

    /// <summary>The bytes that stand in front of the inner frame: 36 or 56, with a link header 50 or 70.</summary>
    public int Overhead { get; }

    /// <summary>The longest inner frame in bytes: what the 16 bits of the outer length leave.</summary>
    public int MaxFrameLength { get; }

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
            linkHeader.CopyTo(packet);
            packet = packet[LinkHeaderLength..];
        }

        int udpLength = payloadLength + UdpAndVxlanLength;
        _template.Bytes.CopyTo(packet);
        if (_template.IsIPv4)
        {
            _template.FinishIPv4(packet, udpLength + OuterIPTemplate.IPv4Length, IPProtocol.Udp, fields);
        }
        else
        {
            _template.FinishIPv6(packet, udpLength, IPProtocol.Udp, fields);
        }

        Span<byte> udp = packet.Slice(_template.Length, UdpAndVxlanLength);
        BinaryPrimitives.WriteUInt16BigEndian(udp[UdpPacket.SourcePortOffset..], fields.SourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(udp[UdpPacket.LengthOffset..], (ushort)udpLength);
        // The I flag and the bits that MUST be zero stand in the template (RFC 7348 §5).
        BinaryPrimitives.WriteUInt32BigEndian(udp[(UdpPacket.HeaderLength + VxlanPacket.VniOffset)..], fields.Vni.Value << 8);
        if (_options.OuterChecksum)
        {
            WriteChecksum(headroom, udpLength);
        }
    }

    /// <summary>
    /// Writes the outer headers in front of a frame where it lies, with TTL and DF of the options: the shortest way, since all but three fields
    /// stand in the template.
    /// </summary>
    /// <param name="headroom">As in <see cref="WriteOuter(Span{byte}, int, in OuterHeaderFields)"/>.</param>
    /// <param name="payloadLength">Bytes of the inner frame: 0 to <see cref="MaxFrameLength"/>.</param>
    /// <param name="vni">The network identifier.</param>
    /// <param name="sourcePort">The UDP source port: one per inner flow (RFC 7348 §5).</param>
    /// <param name="trafficClass">The traffic class (IPv4 TOS): DSCP in the upper six bits, ECN in the lower two.</param>
    /// <remarks>The identification is 0, and over IPv6 the flow label follows the source port.</remarks>
    /// <exception cref="ArgumentException"><paramref name="headroom"/> is too short.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="payloadLength"/> is out of range.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteOuter(Span<byte> headroom, int payloadLength, Vni vni, ushort sourcePort, byte trafficClass = 0)
    {
        if (headroom.Length < _plainOverhead || (uint)payloadLength > PlainMaxFrameLength)
        {
            WriteAny(headroom, payloadLength, vni, sourcePort, trafficClass);
            return;
        }

        // Checked above: the headroom has Overhead bytes, of which the last 36 begin at _plainStart.
        ref byte start = ref MemoryMarshal.GetReference(headroom);
        ref byte packet = ref Unsafe.Add(ref start, _plainStart);
        _plainFirst.StoreUnsafe(ref start);
        _plainLast.StoreUnsafe(ref packet, PlainLength - (nuint)Vector256<byte>.Count);
        uint total = (uint)(payloadLength + PlainLength);
        // Both halves of the sum with the carry of one into the other, in the upper half (RFC 1071 §1).
        uint sum = _plainSum + trafficClass + total;
        sum = (sum + BitOperations.RotateLeft(sum, 16)) >> 16;
        HeaderFields.Write(ref packet, 0, (0x45U << 24) | ((uint)trafficClass << 16) | total);
        HeaderFields.Write(ref packet, IPv4Packet.ChecksumOffset, (ushort)~sum);
        uint checksum = _options.OuterChecksum ? ComputePlainChecksum(headroom, payloadLength, vni, sourcePort) : 0U;
        HeaderFields.Write(
            ref packet,
            OuterIPTemplate.IPv4Length,
            ((ulong)sourcePort << 48) | _plainPorts | ((total - OuterIPTemplate.IPv4Length) << 16) | checksum);
        HeaderFields.Write(ref packet, PlainLength - sizeof(uint), vni.Value << 8);
    }

    // Of the headers only what differs is added: what was just stored is better not read.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private ushort ComputePlainChecksum(ReadOnlySpan<byte> headroom, int payloadLength, Vni vni, ushort sourcePort)
    {
        if (headroom.Length - Overhead < payloadLength)
        {
            ThrowFrameMissing();
        }

        // The length counts twice: in the pseudo header and in the header.
        ulong sum = _plainUdpSum + (2 * InternetChecksum.Word((ushort)(payloadLength + UdpAndVxlanLength))) + InternetChecksum.Word(sourcePort) +
            InternetChecksum.Word((ushort)(vni.Value >> 8)) + InternetChecksum.Word((ushort)(vni.Value << 8));
        ushort checksum = InternetChecksum.Compute(headroom.Slice(Overhead, payloadLength), sum);
        // Zero would say that there is none (RFC 768).
        return checksum == 0 ? ushort.MaxValue : checksum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void WriteAny(Span<byte> headroom, int payloadLength, Vni vni, ushort sourcePort, byte trafficClass) => WriteOuter(
        headroom,
        payloadLength,
        new OuterHeaderFields
        {
            Vni = vni,
            SourcePort = sourcePort,
            TrafficClass = trafficClass,
            FlowLabel = sourcePort,
            DontFragment = _options.DontFragment,
        });

    private void WriteChecksum(Span<byte> headroom, int udpLength)
    {
        int start = Overhead - UdpAndVxlanLength;
        if (headroom.Length - start < udpLength)
        {
            ThrowFrameMissing();
        }

        Span<byte> datagram = headroom.Slice(start, udpLength);
        BinaryPrimitives.WriteUInt16BigEndian(datagram[UdpPacket.ChecksumOffset..], UdpPacket.ComputeChecksum(datagram, Local, Remote));
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
    private static void ThrowFrameMissing() =>
        throw new ArgumentException("The outer checksum covers the frame, which must lie behind the headers in the same memory.", "headroom");

    [DoesNotReturn]
    private void ThrowArgument(int headroom, int payloadLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(payloadLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payloadLength, MaxFrameLength);
        throw new ArgumentException($"The outer headers take {Overhead} bytes; there are {headroom}.", nameof(headroom));
    }
}
