using System.Globalization;
using Overlay.Wire;

namespace Overlay.Demo.Picture;

/// <summary>IPv4 and IPv6, field by field.</summary>
internal static class InternetLayers
{
    private const string IPv4Specification = "RFC 791 §3.1";
    private const string IPv6Specification = "RFC 8200 §3";
    private const int IPv4AddressLength = ValueIPAddress.IPv4Length;
    private const int IPv6AddressLength = ValueIPAddress.IPv6Length;

    /// <summary>An IPv4 header, options included.</summary>
    public static PictureStep IPv4(PictureWriter writer)
    {
        if (!IPv4Packet.TryParse(writer.Rest, out IPv4Packet packet))
        {
            return PictureStep.Unreadable;
        }

        writer.Layer("IPv4");
        writer.Field(1, "version, IHL", $"version 4, header of {packet.HeaderLength} bytes", IPv4Specification);
        writer.Field(1, "DSCP, ECN", TrafficClass(packet.TrafficClass), "RFC 2474 §3, RFC 3168 §5");
        writer.Field(2, "total length", PictureWriter.Bytes(packet.TotalLength), IPv4Specification);
        writer.Field(2, "identification", Number(packet.Identification), "RFC 791 §3.1, RFC 6864 §4");
        writer.Field(
            2, "flags, fragment offset",
            $"{(packet.DontFragment ? "DF" : "no DF")}, {(packet.MoreFragments ? "MF" : "no MF")}, offset {packet.FragmentOffset}", IPv4Specification);
        writer.Field(1, "time to live", Number(packet.TimeToLive), IPv4Specification);
        writer.Field(1, "protocol", $"{Number((int)packet.Protocol)}, {Name(packet.Protocol)}", IPv4Specification);
        writer.Checksum("header checksum", packet.IsChecksumValid, "RFC 791 §3.1, RFC 1071");
        writer.Field(IPv4AddressLength, "source address", packet.Source.ToString(), IPv4Specification);
        writer.Field(IPv4AddressLength, "destination address", packet.Destination.ToString(), IPv4Specification);
        writer.Field(packet.Options.Length, "options", PictureWriter.Bytes(packet.Options.Length), IPv4Specification);
        writer.Addresses = (packet.Source, packet.Destination);
        return packet.IsFragment ? PictureStep.Payload : Next(writer, packet.Protocol);
    }

    /// <summary>An IPv6 header; extension headers stay payload.</summary>
    public static PictureStep IPv6(PictureWriter writer)
    {
        if (!IPv6Packet.TryParse(writer.Rest, out IPv6Packet packet))
        {
            return PictureStep.Unreadable;
        }

        writer.Layer("IPv6");
        writer.Field(
            4, "version, class, label", $"version 6, {TrafficClass(packet.TrafficClass)}, flow label 0x{packet.FlowLabel:x5}",
            "RFC 8200 §3, RFC 6437 §2");
        writer.Field(2, "payload length", PictureWriter.Bytes(packet.PayloadLength), IPv6Specification);
        writer.Field(1, "next header", $"{Number((int)packet.NextHeader)}, {Name(packet.NextHeader)}", IPv6Specification);
        writer.Field(1, "hop limit", Number(packet.HopLimit), IPv6Specification);
        writer.Field(IPv6AddressLength, "source address", packet.Source.ToString(), IPv6Specification);
        writer.Field(IPv6AddressLength, "destination address", packet.Destination.ToString(), IPv6Specification);
        writer.Addresses = (packet.Source, packet.Destination);
        return Next(writer, packet.NextHeader);
    }

    // IP in IP: what follows is inside a tunnel (RFC 2003 §3, RFC 4213 §3, RFC 2473 §3).
    private static PictureStep Next(PictureWriter writer, IPProtocol protocol)
    {
        writer.Inner |= protocol is IPProtocol.IPv4 or IPProtocol.IPv6;
        return protocol switch
        {
            IPProtocol.Udp => PictureStep.Udp,
            IPProtocol.Icmp => PictureStep.Icmp,
            IPProtocol.IcmpV6 => PictureStep.IcmpV6,
            IPProtocol.IPv4 => PictureStep.IPv4,
            IPProtocol.IPv6 => PictureStep.IPv6,
            _ => PictureStep.Payload,
        };
    }

    private static string Name(IPProtocol protocol) => protocol switch
    {
        IPProtocol.Udp => "UDP",
        IPProtocol.Tcp => "TCP",
        IPProtocol.Icmp => "ICMP",
        IPProtocol.IcmpV6 => "ICMPv6",
        IPProtocol.IPv4 => "IPv4 (4in4, 4in6)",
        IPProtocol.IPv6 => "IPv6 (6in4, 6in6)",
        _ => protocol.ToString(),
    };

    private static string TrafficClass(byte value) => $"DSCP {Number(value >> 2)}, ECN {Number(value & 3)}";

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
