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
        string ports = vxlan ? VxlanSpecification : UdpSpecification;
        writer.Field(2, "source port", $"{Number(udp.SourcePort)}{(vxlan ? ", a hash of the inner flow" : "")}", ports);
        writer.Field(2, "destination port", $"{Number(udp.DestinationPort)}{(vxlan ? ", VXLAN" : "")}", ports);
        writer.Field(2, "length", PictureWriter.Bytes(udp.Length), UdpSpecification);
        if (udp.HasChecksum)
        {
            (ValueIPAddress source, ValueIPAddress destination) = writer.Addresses;
            ushort unfinished = InternetChecksum.Fold(InternetChecksum.PseudoHeader(source, destination, IPProtocol.Udp, udp.Length));
            writer.Checksum("checksum", udp.IsChecksumValid(source, destination), UdpSpecification, unfinished);
        }
        else
        {
            writer.Field(2, "checksum", "0, none", "RFC 768, RFC 6935 §5");
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
        bool other = (vxlan.Flags & ~VxlanFlags.ValidVni) != 0;
        writer.Field(1, "flags", $"I: the VNI is valid{(other ? "; reserved bits are set" : "")}", VxlanSpecification);
        writer.Field(3, "reserved", Reserved(writer.Rest[..3]), VxlanSpecification);
        writer.Field(3, "VNI", vxlan.Vni.ToString(), VxlanSpecification);
        writer.Field(1, "reserved", Reserved(writer.Rest[..1]), VxlanSpecification);
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
        bool isEcho = icmp.Type is IcmpType.EchoRequest or IcmpType.EchoReply;
        Message(writer, TypeName((byte)icmp.Type, icmp.Type), icmp.Code, icmp.IsChecksumValid, "RFC 792", isEcho);
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
        bool isEcho = icmp.Type is IcmpV6Type.EchoRequest or IcmpV6Type.EchoReply;
        bool checksumValid = icmp.IsChecksumValid(writer.Addresses.Source, writer.Addresses.Destination);
        Message(writer, TypeName((byte)icmp.Type, icmp.Type), icmp.Code, checksumValid, "RFC 4443 §2.1", isEcho);
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

    // "8, echo request"
    private static string TypeName(byte number, Enum type)
    {
        IEnumerable<string> letters = type.ToString().Select((letter, i) => i > 0 && char.IsUpper(letter) ? $" {letter}" : $"{letter}");
        return $"{Number(number)}, {string.Concat(letters).ToLowerInvariant()}";
    }

    // "MUST be set to zero on transmission and ignored on receipt."
    private static string Reserved(ReadOnlySpan<byte> bytes) => bytes.ContainsAnyExcept((byte)0) ? "not 0, as it must be sent" : "0, as it must be sent";

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
