using System.Globalization;
using Overlay.Wire;

namespace Overlay.Demo.Picture;

/// <summary>UDP, VXLAN and ICMP, field by field.</summary>
internal static class TransportLayers
{
    private const string UdpSpecification = "RFC 768";
    private const string VxlanSpecification = "RFC 7348 §5";

    /// <summary>A UDP header; behind the VXLAN port comes VXLAN.</summary>
    public static PictureStep Udp(PictureWriter writer)
    {
        if (!UdpPacket.TryParse(writer.Rest, out UdpPacket udp))
        {
            return PictureStep.Unreadable;
        }

        bool vxlan = udp.DestinationPort == VxlanPacket.DefaultPort && !writer.Inner;
        writer.Layer("UDP");
        writer.Field(2, "source port", $"{Number(udp.SourcePort)}{(vxlan ? ", a hash of the inner flow" : "")}", vxlan ? VxlanSpecification : UdpSpecification);
        writer.Field(2, "destination port", $"{Number(udp.DestinationPort)}{(vxlan ? ", VXLAN" : "")}", vxlan ? VxlanSpecification : UdpSpecification);
        writer.Field(2, "length", PictureWriter.Bytes(udp.Length), UdpSpecification);
        if (udp.HasChecksum || writer.Addresses.Source.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6)
        {
            writer.Checksum("checksum", udp.HasChecksum && udp.IsChecksumValid(writer.Addresses.Source, writer.Addresses.Destination), UdpSpecification);
        }
        else
        {
            writer.Field(2, "checksum", "0, none", "RFC 768, RFC 7348 §5");
        }

        return vxlan ? PictureStep.Vxlan : PictureStep.Payload;
    }

    /// <summary>A VXLAN header; behind it is the inside of the tunnel.</summary>
    public static PictureStep Vxlan(PictureWriter writer)
    {
        if (!VxlanPacket.TryParse(writer.Rest, out VxlanPacket vxlan))
        {
            return PictureStep.Unreadable;
        }

        writer.Layer("VXLAN", sided: false);
        writer.Field(1, "flags", $"I: the VNI is valid{((vxlan.Flags & ~VxlanFlags.ValidVni) == 0 ? "" : "; reserved bits are set")}", VxlanSpecification);
        writer.Field(3, "reserved", "0 on transmission, ignored on receipt", VxlanSpecification);
        writer.Field(3, "VNI", vxlan.Vni.ToString(), VxlanSpecification);
        writer.Field(1, "reserved", "0 on transmission, ignored on receipt", VxlanSpecification);
        writer.Inner = true;
        return PictureStep.Ethernet;
    }

    /// <summary>An ICMP message.</summary>
    public static PictureStep Icmp(PictureWriter writer)
    {
        if (!IcmpPacket.TryParse(writer.Rest, out IcmpPacket icmp))
        {
            return PictureStep.Unreadable;
        }

        writer.Layer("ICMP");
        Message(writer, $"{Number((int)icmp.Type)}, {icmp.Type}", icmp.Code, icmp.IsChecksumValid, "RFC 792", icmp.Type is IcmpType.EchoRequest or IcmpType.EchoReply);
        return PictureStep.Payload;
    }

    /// <summary>An ICMPv6 message.</summary>
    public static PictureStep IcmpV6(PictureWriter writer)
    {
        if (!IcmpV6Packet.TryParse(writer.Rest, out IcmpV6Packet icmp))
        {
            return PictureStep.Unreadable;
        }

        writer.Layer("ICMPv6");
        Message(
            writer, $"{Number((int)icmp.Type)}, {icmp.Type}", icmp.Code, icmp.IsChecksumValid(writer.Addresses.Source, writer.Addresses.Destination), "RFC 4443 §2.1",
            icmp.Type is IcmpV6Type.EchoRequest or IcmpV6Type.EchoReply);
        return PictureStep.Payload;
    }

    private static void Message(PictureWriter writer, string type, byte code, bool checksumValid, string specification, bool isEcho)
    {
        writer.Field(1, "type", type, specification);
        writer.Field(1, "code", Number(code), specification);
        writer.Checksum("checksum", checksumValid, specification);
        if (isEcho)
        {
            writer.Field(2, "identifier", Number((writer.Rest[0] << 8) | writer.Rest[1]), specification);
            writer.Field(2, "sequence number", Number((writer.Rest[0] << 8) | writer.Rest[1]), specification);
        }
        else
        {
            writer.Field(4, "rest of header", "by type", specification);
        }
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
