using System.Net.Sockets;
using System.Runtime.InteropServices;
using Overlay.Encapsulation;
using Overlay.Linux.Interop;
using Overlay.Wire;

namespace Overlay.Linux;

/// <summary>What the kernel says of a tunnel whose device it has: <c>vxlan</c>, <c>geneve</c>, <c>ipip</c>, <c>sit</c>, <c>ip6tnl</c>, <c>gre</c>, <c>gretap</c>, <c>ip6gre</c>, <c>ip6gretap</c>.</summary>
public sealed record TunnelLinkInfo
{
    // RFC 2784 §2.1, RFC 2890 §2: checksum, key, sequence number; each has four bytes.
    private const ushort GreFields = 0x8000 | 0x2000 | 0x1000;
    private const int GreFieldLength = 4;

    /// <summary>The encapsulation; GRE in UDP counts as GRE.</summary>
    public required TunnelKind Kind { get; init; }

    /// <summary>The outer source address; null if the kernel chooses one.</summary>
    public ValueIPAddress? Local { get; init; }

    /// <summary>The outer destination address, which may be a multicast group; null if tables or routes say it.</summary>
    public ValueIPAddress? Remote { get; init; }

    /// <summary>The network; null for kinds that have none and for devices of many.</summary>
    public Vni? Vni { get; init; }

    /// <summary>Whether a program says for each packet where it goes (<c>external</c>), so that nothing of it is known here.</summary>
    public bool IsExternal { get; init; }

    /// <summary>Whether no Ethernet header stands between the tunnel header and the inner packet, where the kind could have one.</summary>
    public bool HasInnerIP { get; init; }

    /// <summary>Bytes of optional fields in every packet.</summary>
    public int OptionLength { get; init; }

    /// <summary>Bytes between the outer IP header and the tunnel's own header: those of UDP, or UDP and GUE, around GRE; 0 if there is nothing between.</summary>
    public int WrapperLength { get; init; }

    /// <summary>Whether it writes a Tunnel Encapsulation Limit over IPv6, as <c>ip6tnl</c> and <c>ip6gre</c> do unless told not to (RFC 2473 §4.1.1).</summary>
    public bool HasEncapsulationLimit { get; init; }

    /// <summary>By how many bytes the device's MTU has to be smaller than that of the link.</summary>
    /// <param name="outer">The family of the outer addresses.</param>
    /// <exception cref="ArgumentOutOfRangeException">Neither IPv4 nor IPv6.</exception>
    public int Overhead(AddressFamily outer) =>
        TunnelMtu.Overhead(Kind, outer, optionLength: OptionLength, innerIP: HasInnerIP) + WrapperLength +
        (HasEncapsulationLimit && outer == AddressFamily.InterNetworkV6 ? IPInIPEncapsulator.EncapsulationLimitLength : 0);

    /// <summary>Reads the attributes of a kind of device (IFLA_INFO_DATA; linux/if_link.h, linux/if_tunnel.h).</summary>
    /// <returns>null for a kind that is no tunnel.</returns>
    internal static TunnelLinkInfo? Parse(string kind, ReadOnlySpan<byte> data) => kind switch
    {
        "vxlan" => ParseVxlan(data),
        "geneve" => ParseGeneve(data),
        "ipip" or "sit" or "ip6tnl" => ParseIPInIP(kind, data),
        "gre" or "gretap" or "ip6gre" or "ip6gretap" => ParseGre(kind, data),
        _ => null,
    };

    private static TunnelLinkInfo ParseVxlan(ReadOnlySpan<byte> data)
    {
        TunnelLinkInfo result = new() { Kind = TunnelKind.Vxlan };
        NetlinkAttributes attributes = new(data);
        while (attributes.MoveNext())
        {
            switch (attributes.Type)
            {
                case Rtnetlink.IFLA_VXLAN_ID when Overlay.Vni.TryCreate(attributes.UInt32, out Vni vni):
                    result = result with { Vni = vni };
                    break;
                case Rtnetlink.IFLA_VXLAN_GROUP or Rtnetlink.IFLA_VXLAN_GROUP6:
                    result = result with { Remote = Address(attributes) ?? result.Remote };
                    break;
                case Rtnetlink.IFLA_VXLAN_LOCAL or Rtnetlink.IFLA_VXLAN_LOCAL6:
                    result = result with { Local = Address(attributes) ?? result.Local };
                    break;
                case Rtnetlink.IFLA_VXLAN_COLLECT_METADATA when attributes.Value is [not 0, ..]:
                    result = result with { IsExternal = true };
                    break;
                // A flag: that it is there says all. Such a device carries IP.
                case Rtnetlink.IFLA_VXLAN_GPE:
                    result = result with { Kind = TunnelKind.VxlanGpe, HasInnerIP = true };
                    break;
            }
        }

        return result;
    }

    private static TunnelLinkInfo ParseGeneve(ReadOnlySpan<byte> data)
    {
        TunnelLinkInfo result = new() { Kind = TunnelKind.Geneve };
        NetlinkAttributes attributes = new(data);
        while (attributes.MoveNext())
        {
            result = attributes.Type switch
            {
                Rtnetlink.IFLA_GENEVE_ID when Overlay.Vni.TryCreate(attributes.UInt32, out Vni vni) => result with { Vni = vni },
                Rtnetlink.IFLA_GENEVE_REMOTE or Rtnetlink.IFLA_GENEVE_REMOTE6 => result with { Remote = Address(attributes) ?? result.Remote },
                Rtnetlink.IFLA_GENEVE_COLLECT_METADATA => result with { IsExternal = true },
                Rtnetlink.IFLA_GENEVE_INNER_PROTO_INHERIT => result with { HasInnerIP = true },
                _ => result,
            };
        }

        return result;
    }

    private static TunnelLinkInfo ParseIPInIP(string kind, ReadOnlySpan<byte> data)
    {
        TunnelLinkInfo result = new() { Kind = TunnelKind.IPInIP, HasEncapsulationLimit = kind == "ip6tnl" };
        NetlinkAttributes attributes = new(data);
        while (attributes.MoveNext())
        {
            result = attributes.Type switch
            {
                Rtnetlink.IFLA_IPTUN_LOCAL => result with { Local = Address(attributes) },
                Rtnetlink.IFLA_IPTUN_REMOTE => result with { Remote = Address(attributes) },
                Rtnetlink.IFLA_IPTUN_FLAGS when kind == "ip6tnl" => result with { HasEncapsulationLimit = (attributes.UInt32 & Rtnetlink.IP6_TNL_F_IGN_ENCAP_LIMIT) == 0 },
                Rtnetlink.IFLA_IPTUN_COLLECT_METADATA => result with { IsExternal = true },
                Rtnetlink.IFLA_IPTUN_ENCAP_TYPE => UInt16(attributes) switch
                {
                    Rtnetlink.TUNNEL_ENCAP_FOU => result with { Kind = TunnelKind.Fou },
                    Rtnetlink.TUNNEL_ENCAP_GUE => result with { Kind = TunnelKind.Gue },
                    _ => result,
                },
                _ => result,
            };
        }

        return result;
    }

    private static TunnelLinkInfo ParseGre(string kind, ReadOnlySpan<byte> data)
    {
        bool isOverIPv6 = kind.StartsWith("ip6", StringComparison.Ordinal);
        TunnelLinkInfo result = new()
        {
            Kind = kind.EndsWith("tap", StringComparison.Ordinal) ? TunnelKind.Gretap : TunnelKind.Gre,
            HasEncapsulationLimit = isOverIPv6,
        };
        NetlinkAttributes attributes = new(data);
        while (attributes.MoveNext())
        {
            result = attributes.Type switch
            {
                Rtnetlink.IFLA_GRE_LOCAL => result with { Local = Address(attributes) },
                Rtnetlink.IFLA_GRE_REMOTE => result with { Remote = Address(attributes) },
                // In network byte order, as on the wire.
                Rtnetlink.IFLA_GRE_OFLAGS => result with
                {
                    OptionLength = GreFieldLength * System.Numerics.BitOperations.PopCount((uint)System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(UInt16(attributes)) & GreFields),
                },
                Rtnetlink.IFLA_GRE_FLAGS when isOverIPv6 => result with { HasEncapsulationLimit = (attributes.UInt32 & Rtnetlink.IP6_TNL_F_IGN_ENCAP_LIMIT) == 0 },
                Rtnetlink.IFLA_GRE_COLLECT_METADATA => result with { IsExternal = true },
                Rtnetlink.IFLA_GRE_ENCAP_TYPE => UInt16(attributes) switch
                {
                    Rtnetlink.TUNNEL_ENCAP_FOU => result with { WrapperLength = UdpPacket.HeaderLength },
                    Rtnetlink.TUNNEL_ENCAP_GUE => result with { WrapperLength = UdpPacket.HeaderLength + GuePacket.MinimumHeaderLength },
                    _ => result,
                },
                _ => result,
            };
        }

        return result;
    }

    // An unspecified address means that there is none.
    private static ValueIPAddress? Address(NetlinkAttributes attributes) =>
        attributes.TryGetAddress(out ValueIPAddress address) && !address.IsUnspecified ? address : (ValueIPAddress?)null;

    private static ushort UInt16(NetlinkAttributes attributes) => attributes.Value.Length == sizeof(ushort) ? MemoryMarshal.Read<ushort>(attributes.Value) : (ushort)0;
}
