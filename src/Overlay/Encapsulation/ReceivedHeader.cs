using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Overlay.Wire;

namespace Overlay.Encapsulation;

/// <summary>
/// What stands between UDP and the inner packet as it was received, whatever the kind: the counterpart of <see cref="TunnelHeader"/>. Where the header
/// ends and whom it is for is read first; whether its packet may pass is judged after the tunnel is known.
/// </summary>
internal readonly ref struct ReceivedHeader
{
    private const int GroupPolicyIdShift = 32;
    private const ulong GroupPolicyBit = (ulong)VxlanFlags.GroupPolicy << 56;
    private const ulong DontLearnBit = (ulong)VxlanGroupPolicyFlags.DontLearn << 48;
    private const ulong GroupPolicyBits = GroupPolicyBit | DontLearnBit | ((ulong)VxlanGroupPolicyFlags.PolicyApplied << 48) | (0xFFFFUL << GroupPolicyIdShift);

    private ReceivedHeader(ulong word, int length, EtherType inner, ReadOnlySpan<byte> options)
    {
        Word = word;
        Length = length;
        Inner = inner;
        Options = options;
    }

    /// <summary>The first eight bytes as a number, first byte highest, with every reserved bit as received; what a shorter header lacks is zero.</summary>
    public ulong Word { get; }

    /// <summary>Bytes in front of the inner packet.</summary>
    public int Length { get; }

    /// <summary>What the inner packet is; <see cref="EtherType.TransparentEthernetBridging"/> for an Ethernet frame, 0 for what is not passed on.</summary>
    public EtherType Inner { get; }

    /// <summary>The options as bytes: of Geneve, and the extension fields of GUE.</summary>
    public ReadOnlySpan<byte> Options { get; }

    /// <summary>Whether this is a message between the ends of the tunnel, which "MUST NOT be forwarded" (RFC 8926 §3.4).</summary>
    public bool IsControl { get; private init; }

    /// <summary>Whether an option is critical: who does not know it "MUST" drop the packet (RFC 8926 §3.5).</summary>
    public bool HasCriticalOption { get; private init; }

    /// <summary>The network identifier; 0 for kinds that have none.</summary>
    public Vni Vni => Vni.FromUpper24((uint)Word);

    /// <summary>Reads a header.</summary>
    /// <param name="kind">The encapsulation, one that UDP carries.</param>
    /// <param name="payload">What UDP carries.</param>
    /// <param name="header">The header; with a reason only what that says can be relied on: nothing.</param>
    /// <returns>Why it is none; <see cref="DropReason.None"/> if it is one.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static DropReason Read(TunnelKind kind, ReadOnlySpan<byte> payload, out ReceivedHeader header)
    {
        if (kind != TunnelKind.Vxlan)
        {
            return ReadOther(kind, payload, out header);
        }

        if (!VxlanPacket.TryParse(payload, out VxlanPacket packet, out WireError error))
        {
            header = default;
            return error == WireError.Flags ? DropReason.BadFlags : DropReason.Truncated;
        }

        header = new ReceivedHeader(packet.RawHeader, VxlanPacket.HeaderLength, EtherType.TransparentEthernetBridging, default);
        return DropReason.None;
    }

    /// <summary>Whether a VXLAN header carries a group policy (draft-smith-vxlan-group-policy-05 §2.1).</summary>
    public static bool HasGroupPolicy(ulong word) => (word & GroupPolicyBit) != 0;

    /// <summary>The group of a VXLAN header that has one.</summary>
    public static ushort GroupPolicyId(ulong word) => (ushort)(word >> GroupPolicyIdShift);

    /// <summary>Whether the sender of a VXLAN packet with a group policy asks not to learn its source address.</summary>
    public static bool IsLearningRefused(ulong word) => HasGroupPolicy(word) && (word & DontLearnBit) != 0;

    /// <summary>A VXLAN header without the bits that a group policy gives a meaning: the rest is judged as reserved bits.</summary>
    public static ulong WithoutGroupPolicy(ulong word) => HasGroupPolicy(word) ? word & ~GroupPolicyBits : word;

    private static DropReason ReadOther(TunnelKind kind, ReadOnlySpan<byte> payload, out ReceivedHeader header) => kind switch
    {
        TunnelKind.VxlanGpe => ReadGpe(payload, out header),
        TunnelKind.Geneve => ReadGeneve(payload, out header),
        TunnelKind.Gue => ReadGue(payload, out header),
        _ => ReadNone(payload, out header),
    };

    private static DropReason ReadGpe(ReadOnlySpan<byte> payload, out ReceivedHeader header)
    {
        header = default;
        if (!VxlanGpePacket.TryParse(payload, out VxlanGpePacket packet, out WireError error))
        {
            return Reason(error);
        }

        EtherType inner = packet.NextProtocol switch
        {
            VxlanGpeNextProtocol.Ethernet => EtherType.TransparentEthernetBridging,
            VxlanGpeNextProtocol.IPv4 => EtherType.IPv4,
            VxlanGpeNextProtocol.IPv6 => EtherType.IPv6,
            _ => 0,
        };
        header = new ReceivedHeader(packet.RawHeader, VxlanGpePacket.HeaderLength, inner, default)
        {
            IsControl = (packet.Flags & VxlanGpeFlags.Oam) != 0,
        };
        return DropReason.None;
    }

    private static DropReason ReadGeneve(ReadOnlySpan<byte> payload, out ReceivedHeader header)
    {
        header = default;
        if (!GenevePacket.TryParse(payload, out GenevePacket packet, out WireError error))
        {
            return Reason(error);
        }

        EtherType inner = packet.ProtocolType;
        header = new ReceivedHeader(
            packet.RawHeader,
            packet.HeaderLength,
            inner is EtherType.TransparentEthernetBridging or EtherType.IPv4 or EtherType.IPv6 ? inner : 0,
            packet.OptionBytes)
        {
            IsControl = packet.IsControl,
            HasCriticalOption = packet.HasCriticalOption,
        };
        return DropReason.None;
    }

    private static DropReason ReadGue(ReadOnlySpan<byte> payload, out ReceivedHeader header)
    {
        header = default;
        if (!GuePacket.TryParse(payload, out GuePacket packet, out WireError error))
        {
            return Reason(error);
        }

        if (packet.Flags != 0)
        {
            // Flags say which extensions follow, and some change what the payload is: "MUST be dropped" if not known (§5.4), and none is known here.
            return DropReason.BadFlags;
        }

        EtherType inner = packet.Protocol switch
        {
            IPProtocol.IPv4 => EtherType.IPv4,
            IPProtocol.IPv6 => EtherType.IPv6,
            _ => 0,
        };
        ulong word = packet.Variant == 0 ? (ulong)BinaryPrimitives.ReadUInt32BigEndian(payload) << 32 : 0;
        header = new ReceivedHeader(word, packet.HeaderLength, inner, packet.Extensions) { IsControl = packet.IsControl };
        return DropReason.None;
    }

    private static DropReason ReadNone(ReadOnlySpan<byte> payload, out ReceivedHeader header)
    {
        header = default;
        if (payload.IsEmpty)
        {
            return DropReason.Truncated;
        }

        int version = payload[0] >> 4;
        if (version is not (4 or 6))
        {
            return DropReason.NotIP;
        }

        header = new ReceivedHeader(0, 0, version == 4 ? EtherType.IPv4 : EtherType.IPv6, default);
        return DropReason.None;
    }

    private static DropReason Reason(WireError error) => error switch
    {
        WireError.Version => DropReason.HeaderVersion,
        WireError.Flags => DropReason.BadFlags,
        WireError.HeaderLength => DropReason.BadLength,
        _ => DropReason.Truncated,
    };
}
