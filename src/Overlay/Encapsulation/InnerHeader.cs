using System.Buffers.Binary;
using Overlay.Wire;

namespace Overlay.Encapsulation;

/// <summary>What the outer header takes over from the inner one, without a full parse: what is not there or not IP counts as Not-ECT.</summary>
internal static class InnerHeader
{
    /// <summary>The ECN field of the IP packet in a frame.</summary>
    /// <param name="etherType">What the frame says it carries.</param>
    /// <param name="packet">The payload of the frame.</param>
    public static Ecn GetEcn(EtherType etherType, ReadOnlySpan<byte> packet) => etherType switch
    {
        EtherType.IPv4 when packet.Length >= 2 && packet[0] >> 4 == 4 => GetEcn(packet),
        EtherType.IPv6 when packet.Length >= 2 && packet[0] >> 4 == 6 => GetEcn(packet),
        _ => Ecn.NotEct,
    };

    /// <summary>The ECN field of an IP packet of at least two bytes whose version is 4 or 6.</summary>
    public static Ecn GetEcn(ReadOnlySpan<byte> packet) => (Ecn)(GetTrafficClass(packet) & 3);

    /// <summary>The IPv4 TOS (RFC 791 §3.1) or IPv6 traffic class (RFC 8200 §3) of an IP packet of at least two bytes.</summary>
    public static byte GetTrafficClass(ReadOnlySpan<byte> packet) =>
        packet[0] >> 4 == 4 ? packet[1] : (byte)(BinaryPrimitives.ReadUInt16BigEndian(packet) >> 4);
}
