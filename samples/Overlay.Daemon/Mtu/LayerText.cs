using System.Globalization;
using System.Net.Sockets;
using Overlay.Encapsulation;

namespace Overlay.Daemon.Mtu;

/// <summary>
/// A layer as the command line names it: <c>NAME[/ipv4|/ipv6][+BYTES]</c>, such as <c>vxlan</c>, <c>geneve/ipv6+8</c>, <c>wireguard/ipv4</c>, <c>vlan</c>, or
/// <c>+100</c> for bytes that something else takes.
/// </summary>
/// <param name="Name">The word; empty for bytes alone.</param>
/// <param name="Underlay">The family of the outer addresses; null if the text leaves it open.</param>
/// <param name="Extra">Bytes on top: options and optional fields of a tunnel; of anything else bytes that it takes besides.</param>
internal sealed record LayerText(string Name, AddressFamily? Underlay, int Extra)
{
    private const string WireGuard = "wireguard";
    private const string WireGuardPadded = "wireguard-padded";
    private const string EspGcm = "esp-gcm";
    private const string EspCbc = "esp-cbc";
    private const string EspGcmTransport = "esp-gcm-transport";
    private const string EspCbcTransport = "esp-cbc-transport";

    // RFC 3948: ESP in UDP. It stands in front of ESP, where padding does not reach.
    private const string InUdp = "-udp";

    /// <summary>All names.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        .. TunnelFacts.All.Select(facts => facts.Name), WireGuard, WireGuardPadded,
        EspGcm, EspGcm + InUdp, EspCbc, EspCbc + InUdp, EspGcmTransport, EspCbcTransport,
        TunnelLayer.VlanTag.Name, TunnelLayer.MplsLabel.Name, TunnelLayer.Pppoe.Name,
    ];

    /// <summary>Whether the link takes these bytes, under all tunnels.</summary>
    public bool IsOfLink => Name.Length == 0 || LinkLayers.Any(known => known.Name == Name);

    private static TunnelLayer[] LinkLayers { get; } = [TunnelLayer.VlanTag, TunnelLayer.MplsLabel, TunnelLayer.Pppoe];

    /// <summary>Reads one layer.</summary>
    /// <exception cref="FormatException">It is none; the message says what would be right.</exception>
    public static LayerText Parse(string text)
    {
        int plus = text.IndexOf('+', StringComparison.Ordinal);
        int extra = 0;
        if (plus >= 0 && (!int.TryParse(text.AsSpan(plus + 1), NumberStyles.None, CultureInfo.InvariantCulture, out extra) || extra > TunnelMtu.Maximum))
        {
            throw new FormatException($"'{text[(plus + 1)..]}' is no number of bytes; a whole number such as 8 is right");
        }

        string head = plus < 0 ? text : text[..plus];
        int slash = head.IndexOf('/', StringComparison.Ordinal);
        string name = slash < 0 ? head : head[..slash];
        if (name.Length == 0 ? slash >= 0 || plus < 0 : !Names.Contains(name))
        {
            throw new FormatException($"'{name}' is no layer; {string.Join(", ", Names)}, or +BYTES are right");
        }

        return new LayerText(name, slash < 0 ? null : Family(head[(slash + 1)..]), extra);
    }

    /// <summary>Reads a family.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static AddressFamily Family(string text) => text switch
    {
        "ipv4" => AddressFamily.InterNetwork,
        "ipv6" => AddressFamily.InterNetworkV6,
        _ => throw new FormatException($"'{text}' is no underlay; ipv4 or ipv6 is right"),
    };

    /// <summary>The layers, one more where bytes come on top of a layer that knows no options.</summary>
    /// <param name="underlay">The family where the text leaves it open.</param>
    /// <param name="innerVlanTags">VLAN tags of inner frames.</param>
    /// <param name="innerIP">Whether the device carries IP.</param>
    /// <exception cref="FormatException">The kind has no such options or tags.</exception>
    public IEnumerable<TunnelLayer> ToLayers(AddressFamily underlay, int innerVlanTags = 0, bool innerIP = false)
    {
        AddressFamily family = Underlay ?? underlay;
        if (TunnelFacts.Find(Name) is TunnelFacts facts)
        {
            return [Tunnel(facts, family, innerVlanTags, innerIP)];
        }

        if (innerVlanTags != 0)
        {
            throw new FormatException($"{Name} has no inner Ethernet, so no inner VLAN tags");
        }

        TunnelLayer? layer = Name switch
        {
            "" => null,
            WireGuard => TunnelLayer.WireGuard(family, isPadded: false),
            WireGuardPadded => TunnelLayer.WireGuard(family, isPadded: true),
            EspGcm => TunnelLayer.Esp(EspTransform.AesGcm16, family),
            EspGcm + InUdp => TunnelLayer.Esp(EspTransform.AesGcm16, family, inUdp: true),
            EspCbc => TunnelLayer.Esp(EspTransform.AesCbcSha256, family),
            EspCbc + InUdp => TunnelLayer.Esp(EspTransform.AesCbcSha256, family, inUdp: true),
            EspGcmTransport => TunnelLayer.EspTransport(EspTransform.AesGcm16, family),
            EspCbcTransport => TunnelLayer.EspTransport(EspTransform.AesCbcSha256, family),
            _ => LinkLayers.First(known => known.Name == Name),
        };
        TunnelLayer? more = Extra > 0 ? TunnelLayer.Bytes($"+{Extra}", Extra) : null;
        return new[] { layer, more }.OfType<TunnelLayer>();
    }

    private TunnelLayer Tunnel(TunnelFacts facts, AddressFamily family, int innerVlanTags, bool innerIP)
    {
        int most = TunnelMtu.MaxOptions(facts.Kind, family);
        if (Extra > most || Extra % sizeof(uint) != 0)
        {
            string over = facts.Kind == TunnelKind.IPInIP ? $" over {(family == AddressFamily.InterNetwork ? "IPv4" : "IPv6")}" : "";
            throw new FormatException($"{Name}{over} cannot have {Extra} bytes of options; " + (most == 0 ? "it has none" : $"multiples of 4 up to {most} are right"));
        }

        if (innerIP && !facts.CarriesIP)
        {
            throw new FormatException($"{Name} carries Ethernet only");
        }

        if (innerVlanTags > 0 && !facts.HasInnerEthernet(facts.CarriesEthernet && !innerIP))
        {
            throw new FormatException($"{Name} has no inner Ethernet here, so no inner VLAN tags");
        }

        return TunnelLayer.Tunnel(facts.Kind, family, innerVlanTags, Extra, innerIP);
    }
}
