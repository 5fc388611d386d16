using System.Globalization;
using Overlay.Tables;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>The words of explanations.</summary>
internal static class ExplanationText
{
    private const int MaxListed = 8;

    public static string Of(EtherType type) => type switch
    {
        EtherType.IPv4 => "IPv4",
        EtherType.IPv6 => "IPv6",
        EtherType.Arp => "ARP",
        EtherType.TransparentEthernetBridging => "Ethernet",
        _ => $"type 0x{(ushort)type:x4}",
    };

    public static string Of(FdbOrigin origin) => origin switch
    {
        FdbOrigin.Learned => "learned",
        FdbOrigin.Static => "static",
        _ => "external",
    };

    public static string Of(in InnerIP inner) => $"{(inner.IsIPv4 ? "IPv4" : "IPv6")} from {inner.Source} to {inner.Destination}";

    public static string Of(Ecn ecn) => ecn switch
    {
        Ecn.NotEct => "Not-ECT",
        Ecn.Ect1 => "ECT(1)",
        Ecn.Ect0 => "ECT(0)",
        _ => "CE",
    };

    public static string Of(EcnProfile profile) => profile switch
    {
        EcnProfile.Rfc6040 => "rfc6040",
        EcnProfile.Rfc6040Compatibility => "rfc6040-compatibility",
        EcnProfile.Rfc3168 => "rfc3168",
        _ => "copy",
    };

    public static string Tags(in EthernetFrame frame)
    {
        string text = "";
        for (int i = 0; frame.TryGetVlan(i, out VlanTag tag); i++)
        {
            text += $", VLAN {tag.Id}";
        }

        return text;
    }

    public static string In(TunnelOptions options) => options.Facts.HasVni ? $" in VNI {options.Vni}" : $" of tunnel '{options.Name}'";

    public static string NoPacket(ReadOnlySpan<byte> bytes, WireError error) => bytes.IsEmpty
        ? "It is empty."
        : error == WireError.Version
            ? $"It begins with version {bytes[0] >> 4}: neither IPv4 nor IPv6."
            : $"Its {bytes.Length} bytes are no whole IPv{bytes[0] >> 4} packet: {Of(error)}.";

    public static string Of(WireError error) => error switch
    {
        WireError.Truncated => "they end before its headers do",
        WireError.TotalLength => "its length field says more",
        WireError.HeaderLength => "its header length does not fit",
        WireError.Checksum => "its checksum is wrong",
        WireError.Flags => "its flags do not do",
        _ => "its version is another",
    };

    /// <summary>A list in words, cut after a few.</summary>
    public static string List<T>(IReadOnlyList<T> items) =>
        string.Join(", ", items.Take(MaxListed)) + (items.Count > MaxListed ? string.Create(CultureInfo.InvariantCulture, $" and {items.Count - MaxListed} more") : "");

    public static ExplanationStep InnerVlan(TunnelPolicy policy)
    {
        (string value, string text) = policy.InnerVlan switch
        {
            InnerVlanPolicy.Refuse => ("refuse", "The frame is tagged, and the policy refuses VLAN tags."),
            InnerVlanPolicy.Strip => ("strip", "The frame's VLAN tags are taken off."),
            _ => ("keep", "The frame's VLAN tags are kept."),
        };
        return new ExplanationStep(ExplanationSource.Policy, ExplanationOutcome.Passed, text) { Policy = "innerVlan", Value = value };
    }
}
