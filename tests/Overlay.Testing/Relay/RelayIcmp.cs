using Overlay.Wire;

namespace Overlay.Testing.Relay;

/// <summary>The ICMP errors of a relay, as whole Ethernet frames.</summary>
internal static class RelayIcmp
{
    private const int LongestIcmp = 576;
    private const int LongestIcmpV6 = 1280;
    private const byte AdministrativelyProhibited = 13;
    private const byte AdministrativelyProhibitedV6 = 1;

    public static bool IsPacketTooBig(ReadOnlySpan<byte> packet) =>
        TransportView.TryParse(packet, out TransportView view) && !view.IsNonFirstFragment && view.Transport.Length >= IcmpPacket.HeaderLength &&
        view.Protocol switch
        {
            IPProtocol.Icmp => view.Transport[0] == (byte)IcmpType.DestinationUnreachable && view.Transport[1] == IcmpHeader.FragmentationNeededCode,
            IPProtocol.IcmpV6 => view.Transport[0] == (byte)IcmpV6Type.PacketTooBig,
            _ => false,
        };

    /// <summary>"Fragmentation needed" or "packet too big" about a frame; null if nobody may be told about this one.</summary>
    public static byte[]? PacketTooBig(ReadOnlySpan<byte> frame, int headerLength, int mtu, int? quote, RelayAddresses router) => Make(
        frame, headerLength, quote, router, IcmpHeader.FragmentationNeeded((ushort)mtu), IcmpV6Header.PacketTooBig((uint)mtu));

    /// <summary>"Administratively prohibited" about a frame; null if nobody may be told about this one.</summary>
    public static byte[]? Prohibited(ReadOnlySpan<byte> frame, int headerLength, int? quote, RelayAddresses router) => Make(
        frame, headerLength, quote, router, new IcmpHeader(IcmpType.DestinationUnreachable, AdministrativelyProhibited, 0),
        new IcmpV6Header(IcmpV6Type.DestinationUnreachable, AdministrativelyProhibitedV6, 0));

    private static byte[]? Make(
        ReadOnlySpan<byte> frame, int headerLength, int? quote, RelayAddresses router, IcmpHeader header, IcmpV6Header headerV6)
    {
        ReadOnlySpan<byte> packet = frame[headerLength..];
        if (!TransportView.TryParse(packet, out TransportView view) || !MayBeTold(view))
        {
            return null;
        }

        bool ipv4 = view.Version == 4;
        int ipHeader = ipv4 ? IPv4Packet.MinimumHeaderLength : IPv6Packet.HeaderLength;
        int room = (ipv4 ? LongestIcmp : LongestIcmpV6) - ipHeader - IcmpPacket.HeaderLength;
        ReadOnlySpan<byte> quoted = packet[..Math.Min(view.Length, Math.Min(room, quote ?? room))];
        byte[] answer = new byte[headerLength + ipHeader + IcmpPacket.HeaderLength + quoted.Length];
        // The way back, VLAN tags and all.
        frame[..headerLength].CopyTo(answer);
        frame.Slice(MacAddress.Length, MacAddress.Length).CopyTo(answer);
        frame[..MacAddress.Length].CopyTo(answer.AsSpan(MacAddress.Length));
        Span<byte> message = answer.AsSpan(headerLength + ipHeader);
        if (ipv4)
        {
            new IPv4Header(router.IPv4, view.Source, IPProtocol.Icmp) { PayloadLength = (ushort)message.Length, TrafficClass = 0xC0 }
                .TryWrite(answer.AsSpan(headerLength), out _);
            header.TryWriteMessage(message, quoted, out _);
        }
        else
        {
            new IPv6Header(router.IPv6, view.Source, IPProtocol.IcmpV6) { PayloadLength = (ushort)message.Length }.TryWrite(answer.AsSpan(headerLength), out _);
            headerV6.TryWriteMessage(message, router.IPv6, view.Source, quoted, out _);
        }

        return answer;
    }

    // RFC 1812 §4.3.2.7, RFC 4443 §2.4 (e): never about ICMP errors, later fragments, multicast, or to nobody. IPv6 makes the exception of a multicast
    // destination for "packet too big", which no test here has needed.
    private static bool MayBeTold(TransportView view) =>
        !view.IsNonFirstFragment && !view.Destination.IsMulticast && !view.Source.IsMulticast && !view.Source.IsUnspecified
        && !(view.Protocol == IPProtocol.Icmp && view.Transport.Length > 0 && (IcmpType)view.Transport[0] is IcmpType.DestinationUnreachable or
            IcmpType.Redirect or IcmpType.TimeExceeded or IcmpType.ParameterProblem)
        && !(view.Protocol == IPProtocol.IcmpV6 && view.Transport.Length > 0 && view.Transport[0] < 128);
}
