using Overlay.Wire;

namespace Overlay.Testing.Relay;

/// <summary>What broken devices do to packets.</summary>
public static class PacketEdits
{
    private const int UdpChecksumOffset = 6;
    private const int TcpChecksumOffset = 16;

    /// <summary>Takes the checksum off a UDP datagram: it is then that of a sender that computed none.</summary>
    public static void ClearUdpChecksum(Span<byte> packet) => SetUdpChecksum(packet, static _ => 0);

    /// <summary>Makes the checksum of a UDP datagram wrong, but not zero.</summary>
    public static void BreakUdpChecksum(Span<byte> packet) => SetUdpChecksum(packet, static checksum => checksum == 0x5555 ? (ushort)0xAAAA : (ushort)0x5555);

    /// <summary>
    /// Makes the checksum of the TCP segment or UDP datagram in a VXLAN packet what a stack leaves there for a device to finish and the device did not:
    /// the sum of the pseudo header alone. The outer checksum, if there is one, is corrected, as by a device that computes only that.
    /// </summary>
    public static void MakeInnerChecksumPartial(Span<byte> packet) =>
        EditInner(packet, static (view, _) => InternetChecksum.Fold(InternetChecksum.PseudoHeader(view.Source, view.Destination, view.Protocol, view.Transport.Length)));

    /// <summary>Makes the checksum of the TCP segment or UDP datagram in a VXLAN packet wrong, and the outer one right for it.</summary>
    public static void BreakInnerChecksum(Span<byte> packet) => EditInner(packet, static (_, checksum) => checksum == 0x5555 ? (ushort)0xAAAA : (ushort)0x5555);

    private delegate ushort NewChecksum(TransportView view, ushort checksum);

    private static void SetUdpChecksum(Span<byte> packet, Func<ushort, ushort> change)
    {
        if (TransportView.TryParse(packet, out TransportView view) && !view.IsNonFirstFragment && view.Protocol == IPProtocol.Udp
            && view.Transport.Length >= UdpPacket.HeaderLength)
        {
            Span<byte> field = packet.Slice(view.TransportOffset + UdpChecksumOffset, 2);
            ushort changed = change((ushort)((field[0] << 8) | field[1]));
            (field[0], field[1]) = ((byte)(changed >> 8), (byte)changed);
        }
    }

    private static void EditInner(Span<byte> packet, NewChecksum change)
    {
        if (!TransportView.TryParse(packet, out TransportView outer) || outer.IsFragment || outer.Protocol != IPProtocol.Udp
            || !UdpPacket.TryParse(outer.Transport, out UdpPacket udp) || !VxlanPacket.TryParse(udp.Payload, out VxlanPacket vxlan)
            || !EthernetFrame.TryParse(vxlan.Payload, out EthernetFrame frame) || !TransportView.TryParse(frame.Payload, out TransportView inner))
        {
            return;
        }

        int field = inner.Protocol switch
        {
            IPProtocol.Udp => UdpChecksumOffset,
            IPProtocol.Tcp => TcpChecksumOffset,
            _ => -1,
        };
        if (field < 0 || inner.IsFragment || inner.Transport.Length < field + 2)
        {
            return;
        }

        int outerChecksum = outer.TransportOffset + UdpChecksumOffset;
        bool hasChecksum = udp.HasChecksum;
        field += outer.TransportOffset + UdpPacket.HeaderLength + VxlanPacket.HeaderLength + frame.HeaderLength + inner.TransportOffset;
        ushort changed = change(inner, (ushort)((packet[field] << 8) | packet[field + 1]));
        (packet[field], packet[field + 1]) = ((byte)(changed >> 8), (byte)changed);
        if (hasChecksum)
        {
            packet[outerChecksum..(outerChecksum + 2)].Clear();
            ushort whole = UdpPacket.ComputeChecksum(packet.Slice(outer.TransportOffset, udp.Length), outer.Source, outer.Destination);
            (packet[outerChecksum], packet[outerChecksum + 1]) = ((byte)(whole >> 8), (byte)whole);
        }
    }
}
