using Overlay.Wire;

namespace Overlay.Demo.Picture;

/// <summary>Ethernet and ARP, field by field.</summary>
internal static class LinkLayers
{
    private const string EthernetSpecification = "IEEE 802.3 §3.2";

    /// <summary>An Ethernet header, with its VLAN tags.</summary>
    public static PictureStep Ethernet(PictureWriter writer)
    {
        if (!EthernetFrame.TryParse(writer.Rest, out EthernetFrame frame))
        {
            return PictureStep.Unreadable;
        }

        writer.Layer("Ethernet");
        writer.Field(MacAddress.Length, "destination address", frame.Destination.ToString(), EthernetSpecification);
        writer.Field(MacAddress.Length, "source address", frame.Source.ToString(), EthernetSpecification);
        for (int i = 0; frame.TryGetVlan(i, out VlanTag tag); i++)
        {
            writer.Field(2, "tag protocol", tag.Tpid.ToString(), "IEEE 802.1Q §9.5");
            writer.Field(2, "PCP, DEI, VLAN ID", $"priority {tag.Priority}, {(tag.DropEligible ? "DEI" : "no DEI")}, VLAN {tag.Id}", "IEEE 802.1Q §9.6");
        }

        writer.Field(2, "EtherType", frame.EtherType.ToString(), "IEEE 802.3 §3.2.6");
        return frame.EtherType switch
        {
            EtherType.IPv4 => PictureStep.IPv4,
            EtherType.IPv6 => PictureStep.IPv6,
            EtherType.Arp => PictureStep.Arp,
            _ => PictureStep.Payload,
        };
    }

    /// <summary>An ARP packet.</summary>
    public static PictureStep Arp(PictureWriter writer)
    {
        if (!ArpPacket.TryParse(writer.Rest, out ArpPacket arp))
        {
            return PictureStep.Unreadable;
        }

        const string Specification = "RFC 826";
        writer.Layer("ARP");
        writer.Field(2, "hardware type", "1, Ethernet", Specification);
        writer.Field(2, "protocol type", "IPv4", Specification);
        writer.Field(1, "hardware address length", "6 bytes", Specification);
        writer.Field(1, "protocol address length", "4 bytes", Specification);
        writer.Field(2, "operation", arp.Operation.ToString(), Specification);
        writer.Field(MacAddress.Length, "sender MAC", arp.SenderMac.ToString(), Specification);
        writer.Field(ValueIPAddress.IPv4Length, "sender address", arp.SenderAddress.ToString(), Specification);
        writer.Field(MacAddress.Length, "target MAC", arp.TargetMac.ToString(), Specification);
        writer.Field(ValueIPAddress.IPv4Length, "target address", arp.TargetAddress.ToString(), Specification);
        return PictureStep.Payload;
    }
}
