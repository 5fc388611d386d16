using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Overlay.Wire;

/// <summary>
/// A hash that is the same for all packets of a flow: the entropy of the outer UDP source port (RFC 7348 §5, RFC 6335 §6) and of the outer IPv6 flow
/// label (RFC 6438).
/// </summary>
/// <remarks>
/// IP packets hash by addresses, protocol and the ports of TCP, UDP, SCTP, DCCP and UDP-Lite; fragments by addresses and protocol only, so that all
/// fragments of a datagram go the same way; other frames by MAC addresses and EtherType. VLAN tags do not count. The value is no promise: it may
/// differ between versions. It is no defence against somebody who makes up flows to collide; a secret seed only shifts who collides where.
/// </remarks>
public static class FlowHash
{
    /// <summary>The smallest source port unless configured: the first dynamic port (RFC 6335 §6).</summary>
    public const ushort MinimumSourcePort = 49152;

    /// <summary>The largest source port unless configured.</summary>
    public const ushort MaximumSourcePort = 65535;

    private const IPProtocol Dccp = (IPProtocol)33;
    private const IPProtocol Sctp = (IPProtocol)132;
    private const IPProtocol UdpLite = (IPProtocol)136;

    private const int TypeOffset = 12;
    private const int IPOffset = EthernetFrame.MinimumHeaderLength;

    // Ethernet, IPv4 without options, ports.
    internal const int PlainLength = IPOffset + IPv4Packet.MinimumHeaderLength + sizeof(uint);

    // EtherType IPv4, version 4, five words of header, as a little-endian read sees them.
    private const uint PlainTypeAndVersion = 0x45_0008;

    // The 14 low bits of the word of flags and offset, as a little-endian read sees them: MF and the offset.
    private const int FragmentBits = 0xFF3F;

    /// <summary>The hash of an Ethernet frame.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="seed">Any number; the same for all frames that are to be compared.</param>
    public static uint Compute(in EthernetFrame frame, uint seed) => frame.EtherType is EtherType.IPv4 or EtherType.IPv6
        ? ComputeIP(frame.Payload, seed)
        : ComputeMac(frame.Bytes, (ushort)frame.EtherType, seed);

    /// <summary>The hash of an Ethernet frame. Bytes that are no frame all have the same hash.</summary>
    /// <param name="frame">The frame, from the destination address on.</param>
    /// <param name="seed">Any number; the same for all frames that are to be compared.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Compute(ReadOnlySpan<byte> frame, uint seed)
    {
        return TryComputePlain(frame, seed, out uint hash) ? hash : ComputeAny(frame, seed);
    }

    /// <summary>
    /// The hash of what nearly every frame is, in a few instructions: no tag, IPv4 without options, no fragment, TCP or UDP with its ports.
    /// </summary>
    /// <returns>false if the frame is another one.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool TryComputePlain(ReadOnlySpan<byte> frame, uint seed, out uint hash)
    {
        hash = 0;
        if (frame.Length < PlainLength)
        {
            return false;
        }

        ref byte start = ref MemoryMarshal.GetReference(frame);
        uint typeAndVersion = HeaderFields.ReadRaw<uint>(ref start, TypeOffset) & 0xFF_FFFF;
        uint fragmentAndProtocol = HeaderFields.ReadRaw<uint>(ref start, IPOffset + IPv4Packet.FragmentOffsetOffset);
        uint protocol = fragmentAndProtocol >> 24;
        if (((typeAndVersion ^ PlainTypeAndVersion) | (fragmentAndProtocol & FragmentBits)) != 0 ||
            protocol is not ((uint)IPProtocol.Tcp or (uint)IPProtocol.Udp))
        {
            return false;
        }

        ulong tail = ((ulong)protocol << 32) | HeaderFields.ReadRaw<uint>(ref start, IPOffset + IPv4Packet.MinimumHeaderLength);
        uint crc = BitOperations.Crc32C(seed, HeaderFields.ReadRaw<ulong>(ref start, IPOffset + IPv4Packet.SourceOffset));
        hash = Finish(BitOperations.Crc32C(crc, tail));
        return true;
    }

    /// <summary>
    /// The hash of an IP packet, whatever its version. A packet that ends before its ports hashes without them; bytes of neither version all have
    /// the same hash.
    /// </summary>
    /// <param name="packet">The packet, from the version on.</param>
    /// <param name="seed">Any number; the same for all packets that are to be compared.</param>
    public static uint ComputeIP(ReadOnlySpan<byte> packet, uint seed)
    {
        if (packet.Length >= IPv4Packet.MinimumHeaderLength)
        {
            // Cut to a constant length, so that the reads below need no check each.
            ReadOnlySpan<byte> header = packet[..IPv4Packet.MinimumHeaderLength];
            int first = header[0];
            if (first >> 4 == 4)
            {
                IPProtocol protocol = (IPProtocol)header[IPv4Packet.ProtocolOffset];
                ulong tail = (ulong)protocol << 32;
                if (HasPorts(protocol) && (BinaryPrimitives.ReadUInt16LittleEndian(header[IPv4Packet.FragmentOffsetOffset..]) & FragmentBits) == 0)
                {
                    tail |= ReadPorts(packet, (first & 0xF) * 4);
                }

                uint crc = BitOperations.Crc32C(seed, BinaryPrimitives.ReadUInt64LittleEndian(header[IPv4Packet.SourceOffset..]));
                return Finish(BitOperations.Crc32C(crc, tail));
            }

            if (first >> 4 == 6 && packet.Length >= IPv6Packet.HeaderLength)
            {
                return ComputeIPv6(packet, seed);
            }
        }

        return Finish(seed);
    }

    /// <summary>The source port of the outer UDP header: the hash spread evenly over a range.</summary>
    /// <param name="hash">A hash of this class.</param>
    /// <param name="min">The smallest port.</param>
    /// <param name="max">The largest port.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="min"/> is larger than <paramref name="max"/>.</exception>
    public static ushort ToSourcePort(uint hash, ushort min = MinimumSourcePort, ushort max = MaximumSourcePort)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(min, max);
        return Spread(hash, min, (uint)(max - min + 1));
    }

    /// <summary><see cref="ToSourcePort"/> for a range that was checked before.</summary>
    internal static ushort Spread(uint hash, ushort first, uint count) => (ushort)(first + (uint)(((ulong)hash * count) >> 32));

    /// <summary>The flow label of the outer IPv6 header: 20 bits, never zero, which would mean unlabelled (RFC 6437 §2, RFC 6438 §3).</summary>
    /// <param name="hash">A hash of this class.</param>
    public static uint ToFlowLabel(uint hash) => 1 + (uint)(((ulong)hash * IPv6Packet.MaximumFlowLabel) >> 32);

    /// <summary>Every frame; the tests hold the short way of <see cref="Compute(ReadOnlySpan{byte}, uint)"/> against it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static uint ComputeAny(ReadOnlySpan<byte> frame, uint seed) =>
        EthernetFrame.TryParse(frame, out EthernetFrame view) ? Compute(in view, seed) : Finish(seed);

    private static uint ComputeIPv6(ReadOnlySpan<byte> packet, uint seed)
    {
        IPProtocol protocol = (IPProtocol)packet[IPv6Packet.NextHeaderOffset];
        ulong tail = (ulong)protocol << 32;
        if (HasPorts(protocol))
        {
            tail |= ReadPorts(packet, IPv6Packet.HeaderLength);
        }
        else if (protocol is IPProtocol.HopByHopOptions or IPProtocol.RoutingHeader or IPProtocol.DestinationOptions or
            IPProtocol.FragmentHeader or IPProtocol.AuthenticationHeader)
        {
            tail = TailBehindExtensions(packet);
        }

        ReadOnlySpan<byte> addresses = packet.Slice(IPv6Packet.SourceOffset, 2 * ValueIPAddress.IPv6Length);
        uint crc = BitOperations.Crc32C(seed, BinaryPrimitives.ReadUInt64LittleEndian(addresses));
        crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(addresses[8..]));
        crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(addresses[16..]));
        crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(addresses[24..]));
        return Finish(BitOperations.Crc32C(crc, tail));
    }

    private static ulong TailBehindExtensions(ReadOnlySpan<byte> packet)
    {
        if (!IPv6Packet.TryParseTruncated(packet, out IPv6Packet view))
        {
            return 0;
        }

        bool found = view.TryGetTransport(out IPProtocol protocol, out ReadOnlySpan<byte> transport, out IPv6Fragment fragment);
        if (fragment.IsPresent && !fragment.IsAtomic)
        {
            // The Next Header field of later fragments may differ from the first one's (RFC 8200 §4.5), so it cannot take part.
            return (ulong)IPProtocol.FragmentHeader << 32;
        }

        ulong tail = (ulong)protocol << 32;
        return found && HasPorts(protocol) ? tail | ReadPorts(transport, 0) : tail;
    }

    private static uint ComputeMac(ReadOnlySpan<byte> frame, ushort etherType, uint seed)
    {
        uint crc = BitOperations.Crc32C(seed, BinaryPrimitives.ReadUInt64LittleEndian(frame));
        return Finish(BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt32LittleEndian(frame[8..]) | ((ulong)etherType << 32)));
    }

    // The JIT does not inline these three by itself, and the calls cost as much as the hash.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool HasPorts(IPProtocol protocol) =>
        protocol is IPProtocol.Tcp or IPProtocol.Udp || (protocol is Sctp or Dccp or UdpLite);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint ReadPorts(ReadOnlySpan<byte> packet, int offset) =>
        packet.Length >= offset + sizeof(uint) ? BinaryPrimitives.ReadUInt32LittleEndian(packet.Slice(offset, sizeof(uint))) : 0;

    // A CRC is linear: flows that differ in a pattern have hashes that differ in a pattern. The multiplication breaks it, and the fold brings the
    // well-mixed upper half down, because ToSourcePort looks at the high bits and a table at the low ones.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Finish(uint crc)
    {
        ulong product = (crc | 0x1_0000_0000UL) * 0x9E37_79B9_7F4A_7C15UL;
        return (uint)(product ^ (product >> 32));
    }
}
