using System.Buffers.Binary;
using Overlay.Wire;

namespace Overlay.Encapsulation;

/// <summary>
/// What stands in front of a <see cref="PathProbePacket"/> in each kind of tunnel: something that every other implementation drops without a word, an answer or
/// a thing learned, and that reaches the other end the way that packets of the tunnel do.
/// </summary>
/// <remarks>
/// <code>
/// vxlan        8   the I flag clear, the VNI where it always is: "MUST be set to 1 for a valid VNI" (RFC 7348 §5); Linux drops the packet without counting it
/// vxlan-gpe    8   the O flag: an OAM packet (draft-ietf-nvo3-vxlan-gpe §3.1)
/// geneve      12   the O bit (RFC 8926 §3.4), a protocol of its own, and a critical option that nobody else knows (§3.5)
/// gue          4   the C bit: a control message, of the last type (draft-ietf-intarea-gue §3.2)
/// gre, gretap  8   version 7, a protocol of its own, the key: "MUST contain the value zero" (RFC 2784 §2.3.1)
/// ipip         0   the message itself is an IP packet of version 0 to whoever looks: RFC 1122 §3.2.1.1 has it silently discarded
/// fou, udp     0   the same
/// </code>
/// </remarks>
public static class PathProbeEnvelope
{
    // IEEE 802 local experimental EtherType 1.
    private const ushort LocalExperimental = 0x88B5;

    // RFC 8926 §7: classes for experiments. The type is critical; no data.
    private const uint GeneveOption = 0xFF4F_8000 | (GeneveOptionType << 8);
    private const uint GeneveOptionType = 0x50;
    private const byte GeneveControlAndCritical = 0xC0;
    private const byte GueControl = 0x20;
    private const byte GueControlType = 0xFF;
    private const ushort GreKeyBit = 0x2000;
    private const ushort GreVersion = 7;

    /// <summary>The longest envelope, in bytes.</summary>
    public const int MaximumLength = 12;

    /// <summary>Bytes between the UDP or IP header and the message.</summary>
    public static int Length(TunnelKind kind) => kind switch
    {
        TunnelKind.Vxlan or TunnelKind.VxlanGpe => VxlanPacket.HeaderLength,
        TunnelKind.Geneve => GenevePacket.MinimumHeaderLength + sizeof(uint),
        TunnelKind.Gue => GuePacket.MinimumHeaderLength,
        TunnelKind.Gre or TunnelKind.Gretap => 8,
        _ => 0,
    };

    /// <summary>Bytes of outer IP and UDP header in front of the envelope.</summary>
    public static int OuterLength(TunnelKind kind, bool isIPv4) =>
        (isIPv4 ? IPv4Packet.MinimumHeaderLength : IPv6Packet.HeaderLength) + (TunnelFacts.Of(kind).IsOverUdp ? UdpPacket.HeaderLength : 0);

    /// <summary>Writes an envelope.</summary>
    /// <param name="destination">At least <see cref="Length"/> bytes, of which so many are written.</param>
    /// <param name="kind">The encapsulation.</param>
    /// <param name="vni">The network identifier, where there is one.</param>
    /// <param name="greKey">The key, where there is one.</param>
    public static void Write(Span<byte> destination, TunnelKind kind, Vni vni, uint? greKey)
    {
        switch (kind)
        {
            case TunnelKind.Vxlan:
                BinaryPrimitives.WriteUInt64BigEndian(destination, (ulong)vni.Value << 8);
                break;
            case TunnelKind.VxlanGpe:
                _ = new VxlanGpeHeader(vni, VxlanGpeNextProtocol.Ethernet, VxlanGpeFlags.ValidVni | VxlanGpeFlags.NextProtocol | VxlanGpeFlags.Oam)
                    .TryWrite(destination, out _);
                break;
            case TunnelKind.Geneve:
                // One word of options.
                destination[0] = 1;
                destination[1] = GeneveControlAndCritical;
                BinaryPrimitives.WriteUInt16BigEndian(destination[2..], LocalExperimental);
                BinaryPrimitives.WriteUInt32BigEndian(destination[4..], vni.Value << 8);
                BinaryPrimitives.WriteUInt32BigEndian(destination[8..], GeneveOption);
                break;
            case TunnelKind.Gue:
                BinaryPrimitives.WriteUInt32BigEndian(destination, ((uint)GueControl << 24) | (GueControlType << 16));
                break;
            case TunnelKind.Gre or TunnelKind.Gretap:
                BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)(GreVersion | (greKey is null ? 0 : GreKeyBit)));
                BinaryPrimitives.WriteUInt16BigEndian(destination[2..], LocalExperimental);
                BinaryPrimitives.WriteUInt32BigEndian(destination[4..], greKey ?? 0);
                break;
        }
    }

    /// <summary>Reads a message with its envelope.</summary>
    /// <param name="kind">The encapsulation.</param>
    /// <param name="datagram">What UDP or IP carries.</param>
    /// <param name="vni">The network identifier; 0 for kinds that have none.</param>
    /// <param name="greKey">The key; null for none.</param>
    /// <param name="packet">The message.</param>
    /// <returns>false if it is none.</returns>
    public static bool TryRead(TunnelKind kind, ReadOnlySpan<byte> datagram, out Vni vni, out uint? greKey, out PathProbePacket packet)
    {
        vni = default;
        greKey = null;
        packet = default;
        int length = Length(kind);
        if (datagram.Length < length + PathProbePacket.HeaderLength)
        {
            return false;
        }

        Span<byte> expected = stackalloc byte[MaximumLength];
        if (length >= sizeof(ulong))
        {
            uint word = BinaryPrimitives.ReadUInt32BigEndian(datagram[4..]);
            if (TunnelFacts.Of(kind).HasVni)
            {
                vni = Vni.FromUpper24(word);
            }
            else if ((datagram[0] & (GreKeyBit >> 8)) != 0)
            {
                greKey = word;
            }
        }

        // There is one way to write it, so that nothing else is taken for it.
        Write(expected, kind, vni, greKey);
        return datagram[..length].SequenceEqual(expected[..length]) && PathProbePacket.TryParse(datagram[length..], out packet);
    }
}
