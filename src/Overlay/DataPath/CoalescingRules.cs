using System.Buffers.Binary;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>
/// Which packets may become one: those that differ in nothing but what cutting restores. The rules are those of generic receive offload in Linux.
/// </summary>
internal static class CoalescingRules
{
    // Big-endian words of the headers, without what may differ.
    private const ulong IPv4Start = 0xFFFF_0000_0000_FFFF; // version, header length, TOS; not total length, identification; flags and offset
    private const ulong IPv4Middle = 0xFFFF_0000_FFFF_FFFF; // TTL, protocol; not the checksum; source address
    private const ulong IPv6Start = 0xFFFF_FFFF_0000_FFFF; // version, traffic class, flow label; not payload length; next header, hop limit
    private const ulong TcpMiddle = ~((ulong)TcpFlags.Psh << 16); // acknowledgment, data offset, reserved bits (AE), flags but PSH, window
    private const int AcknowledgmentOffset = TcpPacket.AcknowledgmentNumberOffset;

    /// <summary>Whether two packets of one shape differ at most in lengths, IPv4 identification, TCP sequence number, PSH and checksums.</summary>
    /// <param name="head">The first packet of the superpacket.</param>
    /// <param name="packet">The next one.</param>
    /// <param name="shape">Where the headers of both lie.</param>
    public static bool HaveSameHeaders(ReadOnlySpan<byte> head, ReadOnlySpan<byte> packet, in FlowPacket shape)
    {
        int network = shape.Network;
        ReadOnlySpan<byte> a = head[network..shape.Transport];
        ReadOnlySpan<byte> b = packet[network..shape.Transport];
        bool same = shape.IsIPv4
            ? ((Word64(a, 0) ^ Word64(b, 0)) & IPv4Start) == 0 && ((Word64(a, 8) ^ Word64(b, 8)) & IPv4Middle) == 0 && Word32(a, 16) == Word32(b, 16)
            : ((Word64(a, 0) ^ Word64(b, 0)) & IPv6Start) == 0 && a.Slice(8, 32).SequenceEqual(b.Slice(8, 32));
        if (!same || !head[..network].SequenceEqual(packet[..network]))
        {
            return false;
        }

        a = head[shape.Transport..shape.HeaderLength];
        b = packet[shape.Transport..shape.HeaderLength];
        return Word32(a, 0) == Word32(b, 0) &&
            (!shape.IsTcp ||
                (((Word64(a, AcknowledgmentOffset) ^ Word64(b, AcknowledgmentOffset)) & TcpMiddle) == 0 &&
                    a[TcpPacket.UrgentPointerOffset..].SequenceEqual(b[TcpPacket.UrgentPointerOffset..])));
    }

    private static ulong Word64(ReadOnlySpan<byte> header, int offset) => BinaryPrimitives.ReadUInt64BigEndian(header[offset..]);

    private static uint Word32(ReadOnlySpan<byte> header, int offset) => BinaryPrimitives.ReadUInt32BigEndian(header[offset..]);
}
