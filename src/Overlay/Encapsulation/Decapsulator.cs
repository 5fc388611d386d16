using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Overlay.Wire;

namespace Overlay.Encapsulation;

/// <summary>
/// Takes the outer headers off a whole IP packet: of every kind that UDP carries, of GRE (RFC 2784, RFC 2890), and of IP in IP (RFC 2003, RFC 4213,
/// RFC 2473). One level, no more: an inner packet that is itself a tunnel's is a payload like any other.
/// </summary>
/// <remarks>
/// The outer headers are checked, the inner ones only as far as <see cref="Decapsulated.Payload"/> says. Who sent the packet, which network it
/// belongs to and what reserved bits mean is for the caller to judge. Nothing is reassembled: a fragment of an outer packet is not a tunnel packet
/// here (RFC 7348 §4.3 lets a VTEP discard them). A checksum of GRE is verified if there is one. NVGRE (RFC 7637) is Ethernet in GRE with a key.
/// </remarks>
public static class Decapsulator
{
    private const ulong InverseOf65535 = 0xFFFE_FFFE_FFFE_FFFF;

    private const ulong PlainProtocol = (ulong)IPProtocol.Udp << 8;

    private const int PlainVxlanOffset = IPv4Packet.MinimumHeaderLength + UdpPacket.HeaderLength + VxlanPacket.HeaderLength;

    /// <summary>Takes a packet apart; a UDP checksum is verified, and must be there over IPv6.</summary>
    /// <inheritdoc cref="TryDecapsulate(ReadOnlySpan{byte}, TunnelKind, ushort, DecapsulationOptions, out Decapsulated, out DropReason)"/>
    public static bool TryDecapsulate(
        ReadOnlySpan<byte> outerIPPacket, TunnelKind kind, ushort port, out Decapsulated inner, out DropReason reason) =>
        TryDecapsulate(outerIPPacket, kind, port, DecapsulationOptions.None, out inner, out reason);

    /// <summary>Takes a packet apart.</summary>
    /// <param name="outerIPPacket">The packet from its IP header on; bytes behind its own length are left out.</param>
    /// <param name="kind">The encapsulation to look for.</param>
    /// <param name="port">The UDP destination port of the tunnel; not used for kinds that UDP does not carry.</param>
    /// <param name="options">What of the UDP checksum is looked at, and what else the caller knows.</param>
    /// <param name="inner">The parts, if the method returns true.</param>
    /// <param name="reason">
    /// Why not: <see cref="DropReason.Truncated"/>, <see cref="DropReason.BadVersion"/>, <see cref="DropReason.BadLength"/>,
    /// <see cref="DropReason.BadChecksum"/>, <see cref="DropReason.BadFlags"/>, <see cref="DropReason.HeaderVersion"/>,
    /// <see cref="DropReason.UnknownProtocol"/>, <see cref="DropReason.NotIP"/>, <see cref="DropReason.ControlPacket"/>, <see cref="DropReason.UnknownOption"/>,
    /// <see cref="DropReason.NotTunnel"/> (another protocol or port, or a
    /// fragment, or a chain of IPv6 extension headers that leads nowhere), <see cref="DropReason.InnerTruncated"/>; otherwise
    /// <see cref="DropReason.None"/>.
    /// </param>
    /// <returns>Whether the packet is of this encapsulation and its outer headers are right.</returns>
    public static bool TryDecapsulate(
        ReadOnlySpan<byte> outerIPPacket,
        TunnelKind kind,
        ushort port,
        DecapsulationOptions options,
        out Decapsulated inner,
        out DropReason reason)
    {
        if (kind == TunnelKind.Vxlan && TryPlainVxlan(outerIPPacket, port, options, out int length, out ulong vxlanHeader))
        {
            inner = new Decapsulated(outerIPPacket[..length], true, PlainVxlanOffset, vxlanHeader);
            reason = DropReason.None;
            return true;
        }

        reason = Examine(outerIPPacket, kind, port, options, out inner);
        return reason == DropReason.None;
    }

    /// <summary>
    /// Whether this is what nearly every packet is: IPv4 without options, not fragmented, UDP, VXLAN. What fails here
    /// is examined step by step, where each defect has its reason; the tests hold both against each other.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryPlainVxlan(
        ReadOnlySpan<byte> packet, ushort vxlanPort, DecapsulationOptions options, out int length, out ulong vxlanHeader)
    {
        length = 0;
        vxlanHeader = 0;
        if (packet.Length < PlainVxlanOffset + EthernetFrame.MinimumHeaderLength)
        {
            return false;
        }

        ref byte start = ref MemoryMarshal.GetReference(packet);
        ulong first = HeaderFields.ReadRaw<ulong>(ref start, 0);
        ulong second = HeaderFields.ReadRaw<ulong>(ref start, 8);
        ulong udp = HeaderFields.ReadRaw<ulong>(ref start, IPv4Packet.MinimumHeaderLength);
        vxlanHeader = HeaderFields.ReadUInt64(ref start, IPv4Packet.MinimumHeaderLength + UdpPacket.HeaderLength);
        int totalLength = HeaderFields.ReadUInt16(ref start, IPv4Packet.TotalLengthOffset);
        int udpLength = HeaderFields.ReadUInt16(ref start, IPv4Packet.MinimumHeaderLength + UdpPacket.LengthOffset);
        length = IPv4Packet.MinimumHeaderLength + udpLength;

        // In the first word: version and IHL, more fragments and fragment offset. In the second: the protocol. In VXLAN: the I flag.
        ulong otherThanPlain = ((first ^ 0x45) & 0xFF3F_0000_0000_00FF) | ((second ^ PlainProtocol) & 0xFF00) |
            ((udp ^ ((ulong)BinaryPrimitives.ReverseEndianness(vxlanPort) << 16)) & 0xFFFF_0000) | (~vxlanHeader & VxlanPacket.ValidVniBit);
        return otherThanPlain == 0 &&
            totalLength <= packet.Length &&
            length <= totalLength &&
            udpLength >= UdpPacket.HeaderLength + VxlanPacket.HeaderLength + EthernetFrame.MinimumHeaderLength &&
            IsHeaderSumRight((uint)first + (first >> 32) + (uint)second + (second >> 32) + HeaderFields.ReadRaw<uint>(ref start, 16)) &&
            (udp >> 48 == 0 || (options & DecapsulationOptions.SkipUdpChecksum) != 0 || IsPlainUdpSumRight(packet[..length]));
    }

    // The addresses, which the pseudo header begins with, stand right before the datagram.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool IsPlainUdpSumRight(ReadOnlySpan<byte> packet)
    {
        ushort udpLength = (ushort)(packet.Length - IPv4Packet.MinimumHeaderLength);
        return InternetChecksum.IsValid(
            packet[IPv4Packet.SourceOffset..], InternetChecksum.Word((ushort)IPProtocol.Udp) + InternetChecksum.Word(udpLength));
    }

    /// <summary>The checksum of an IPv4 header without options: 20 bytes in three reads (RFC 1071 §2).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsHeaderChecksumValid(ReadOnlySpan<byte> header)
    {
        header = header[..IPv4Packet.MinimumHeaderLength];
        ulong first = BinaryPrimitives.ReadUInt64LittleEndian(header);
        ulong second = BinaryPrimitives.ReadUInt64LittleEndian(header[8..]);
        return IsHeaderSumRight((uint)first + (first >> 32) + (uint)second + (second >> 32) + BinaryPrimitives.ReadUInt32LittleEndian(header[16..]));
    }

    // All ones after folding means: a multiple of 65 535, and not zero, which no header sums up to. For an odd divisor that is one multiplication by
    // its inverse modulo 2^64 and one comparison.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsHeaderSumRight(ulong sum) => sum * InverseOf65535 <= ulong.MaxValue / 65_535;

    /// <summary>Every packet, step by step. Not inlined, so that the usual packet need not clear the locals of this.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static DropReason Examine(
        ReadOnlySpan<byte> packet, TunnelKind kind, ushort port, DecapsulationOptions options, out Decapsulated inner)
    {
        inner = default;
        DropReason reason = ExamineIP(packet, out int offset, out int length, out IPProtocol protocol);
        if (reason != DropReason.None)
        {
            return reason;
        }

        packet = packet[..length];
        return kind switch
        {
            TunnelKind.Gre or TunnelKind.Gretap => GreDecapsulation.Examine(packet, offset, protocol, kind == TunnelKind.Gretap, out inner),
            TunnelKind.IPInIP => ExamineIPInIP(packet, offset, protocol, out inner),
            _ => ExamineUdp(packet, offset, protocol, kind, port, options, out inner),
        };
    }

    private static DropReason ExamineIP(ReadOnlySpan<byte> packet, out int offset, out int length, out IPProtocol protocol)
    {
        offset = 0;
        length = 0;
        protocol = default;
        if (packet.IsEmpty)
        {
            return DropReason.Truncated;
        }

        return (packet[0] >> 4) switch
        {
            4 => ExamineIPv4(packet, out offset, out length, out protocol),
            6 => ExamineIPv6(packet, out offset, out length, out protocol),
            _ => DropReason.BadVersion,
        };
    }

    private static DropReason ExamineIPv4(ReadOnlySpan<byte> packet, out int offset, out int length, out IPProtocol protocol)
    {
        offset = 0;
        length = 0;
        protocol = default;
        if (!IPv4Packet.TryParse(packet, out IPv4Packet ipv4, out WireError error))
        {
            // A header that is there but announces more than there is has a bad length; a header that is cut off is truncated.
            bool headerCutOff = packet.Length < IPv4Packet.MinimumHeaderLength || packet.Length < (packet[0] & 0xF) * 4;
            return error == WireError.Truncated && headerCutOff ? DropReason.Truncated : DropReason.BadLength;
        }

        if (!ipv4.IsChecksumValid)
        {
            return DropReason.BadChecksum;
        }

        if (ipv4.IsFragment)
        {
            return DropReason.NotTunnel;
        }

        offset = ipv4.HeaderLength;
        length = ipv4.Bytes.Length;
        protocol = ipv4.Protocol;
        return DropReason.None;
    }

    private static DropReason ExamineIPv6(ReadOnlySpan<byte> packet, out int offset, out int length, out IPProtocol protocol)
    {
        offset = 0;
        length = 0;
        protocol = default;
        if (!IPv6Packet.TryParse(packet, out IPv6Packet ipv6))
        {
            return packet.Length < IPv6Packet.HeaderLength ? DropReason.Truncated : DropReason.BadLength;
        }

        length = ipv6.Bytes.Length;
        bool found = ipv6.TryGetTransport(out protocol, out ReadOnlySpan<byte> transport, out IPv6Fragment fragment);
        if (fragment.IsPresent && !fragment.IsAtomic)
        {
            return DropReason.NotTunnel;
        }

        offset = length - transport.Length;
        // Not found: the chain of extension headers is cut, too long or out of order, so that nobody can say what the packet carries.
        return found ? DropReason.None : DropReason.NotTunnel;
    }

    private static DropReason ExamineUdp(
        ReadOnlySpan<byte> packet, int offset, IPProtocol protocol, TunnelKind kind, ushort port, DecapsulationOptions options, out Decapsulated inner)
    {
        inner = default;
        if (protocol != IPProtocol.Udp)
        {
            return DropReason.NotTunnel;
        }

        ReadOnlySpan<byte> source = packet[offset..];
        if (source.Length < UdpPacket.HeaderLength)
        {
            return DropReason.Truncated;
        }

        // First of all the port: what is not sent to it is none of ours, whatever else is wrong with it.
        if (BinaryPrimitives.ReadUInt16BigEndian(source[UdpPacket.DestinationPortOffset..]) != port)
        {
            return DropReason.NotTunnel;
        }

        if (!UdpPacket.TryParse(source, out UdpPacket udp))
        {
            return DropReason.BadLength;
        }

        // Not udp.Length, which would read the field again: who changes the memory meanwhile must not move a bound.
        int udpLength = UdpPacket.HeaderLength + udp.Payload.Length;
        if (!IsUdpChecksumAcceptable(packet, udp, options))
        {
            return DropReason.BadChecksum;
        }

        DropReason reason = ReceivedHeader.Read(kind, udp.Payload, out ReceivedHeader header);
        if (reason == DropReason.None)
        {
            reason = Judge(header, options);
        }

        if (reason == DropReason.None)
        {
            reason = ExamineInner(udp.Payload[header.Length..], header.Inner);
        }

        if (reason == DropReason.None)
        {
            int payloadOffset = offset + UdpPacket.HeaderLength + header.Length;
            inner = new Decapsulated(
                packet[..(offset + udpLength)], IsIPv4(packet), payloadOffset, IPProtocol.Udp, kind, header.Inner, header.Length, header.Word);
        }

        return reason;
    }

    private static DropReason Judge(in ReceivedHeader header, DecapsulationOptions options)
    {
        if (header.IsControl)
        {
            return DropReason.ControlPacket;
        }

        if (header.HasCriticalOption && (options & DecapsulationOptions.AcceptCriticalOptions) == 0)
        {
            return DropReason.UnknownOption;
        }

        return header.Inner == 0 ? DropReason.UnknownProtocol : DropReason.None;
    }

    private static DropReason ExamineInner(ReadOnlySpan<byte> payload, EtherType type)
    {
        if (type == EtherType.TransparentEthernetBridging)
        {
            return payload.Length < EthernetFrame.MinimumHeaderLength ? DropReason.InnerTruncated : DropReason.None;
        }

        if (payload.IsEmpty)
        {
            return DropReason.InnerTruncated;
        }

        if (payload[0] >> 4 != (type == EtherType.IPv4 ? 4 : 6))
        {
            return DropReason.BadVersion;
        }

        int header = type == EtherType.IPv4 ? IPv4Packet.MinimumHeaderLength : IPv6Packet.HeaderLength;
        return payload.Length < header ? DropReason.InnerTruncated : DropReason.None;
    }

    private static bool IsUdpChecksumAcceptable(ReadOnlySpan<byte> packet, UdpPacket udp, DecapsulationOptions options)
    {
        if (!udp.HasChecksum)
        {
            return IsIPv4(packet) || (options & DecapsulationOptions.AcceptZeroUdpChecksumIPv6) != 0;
        }

        if ((options & DecapsulationOptions.SkipUdpChecksum) != 0)
        {
            return true;
        }

        // The sender of a packet with a routing header sums over its last destination, which is the one in the header when it arrives (RFC 8200
        // §8.1).
        var addresses = new Decapsulated(packet, IsIPv4(packet), 0, vxlanHeader: 0);
        return udp.IsChecksumValid(addresses.Remote, addresses.Local);
    }

    private static DropReason ExamineIPInIP(ReadOnlySpan<byte> packet, int offset, IPProtocol protocol, out Decapsulated inner)
    {
        inner = default;
        if (protocol is not (IPProtocol.IPv4 or IPProtocol.IPv6))
        {
            return DropReason.NotTunnel;
        }

        EtherType type = protocol == IPProtocol.IPv4 ? EtherType.IPv4 : EtherType.IPv6;
        DropReason reason = ExamineInner(packet[offset..], type);
        if (reason == DropReason.None)
        {
            inner = new Decapsulated(packet, IsIPv4(packet), offset, protocol, TunnelKind.IPInIP, type);
        }

        return reason;
    }

    private static bool IsIPv4(ReadOnlySpan<byte> packet) => packet[0] >> 4 == 4;
}
