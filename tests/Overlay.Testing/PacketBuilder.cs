using System.Buffers.Binary;

namespace Overlay.Testing;

/// <summary>
/// Builds packets for tests byte by byte, with a plain 16-bit checksum loop: it shares no code with the library that it tests.
/// </summary>
public static class PacketBuilder
{
    /// <summary>An Ethernet frame; each tag is TPID and TCI.</summary>
    public static byte[] Ethernet(MacAddress destination, MacAddress source, EtherType type, ReadOnlySpan<byte> payload, params (ushort Tpid, ushort Tci)[] tags)
    {
        ArgumentNullException.ThrowIfNull(tags);
        byte[] frame = new byte[14 + (4 * tags.Length) + payload.Length];
        destination.TryWriteBytes(frame);
        source.TryWriteBytes(frame.AsSpan(6));
        int at = 12;
        foreach ((ushort tpid, ushort tci) in tags)
        {
            BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(at), tpid);
            BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(at + 2), tci);
            at += 4;
        }

        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(at), (ushort)type);
        payload.CopyTo(frame.AsSpan(at + 2));
        return frame;
    }

    /// <summary>An IPv4 or IPv6 packet, by the family of the addresses.</summary>
    public static byte[] IP(
        ValueIPAddress source, ValueIPAddress destination, IPProtocol protocol, ReadOnlySpan<byte> payload,
        byte trafficClass = 0, byte ttl = 64, bool dontFragment = false, ushort identification = 0)
    {
        byte[] packet;
        if (source.IsIPv4)
        {
            packet = new byte[20 + payload.Length];
            packet[0] = 0x45;
            packet[1] = trafficClass;
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), identification);
            packet[6] = dontFragment ? (byte)0x40 : (byte)0;
            packet[8] = ttl;
            packet[9] = (byte)protocol;
            source.TryWriteBytes(packet.AsSpan(12), out _);
            destination.TryWriteBytes(packet.AsSpan(16), out _);
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), Checksum(packet.AsSpan(0, 20), 0));
            payload.CopyTo(packet.AsSpan(20));
        }
        else
        {
            packet = new byte[40 + payload.Length];
            packet[0] = (byte)(0x60 | (trafficClass >> 4));
            packet[1] = (byte)(trafficClass << 4);
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), (ushort)payload.Length);
            packet[6] = (byte)protocol;
            packet[7] = ttl;
            source.TryWriteBytes(packet.AsSpan(8), out _);
            destination.TryWriteBytes(packet.AsSpan(24), out _);
            payload.CopyTo(packet.AsSpan(40));
        }

        return packet;
    }

    /// <summary>A UDP datagram in an IP packet.</summary>
    public static byte[] Udp(
        ValueIPAddress source, ValueIPAddress destination, ushort sourcePort, ushort destinationPort, ReadOnlySpan<byte> payload,
        byte trafficClass = 0, byte ttl = 64, bool dontFragment = false, bool partialChecksum = false)
    {
        byte[] datagram = new byte[8 + payload.Length];
        BinaryPrimitives.WriteUInt16BigEndian(datagram, sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(2), destinationPort);
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(4), (ushort)datagram.Length);
        payload.CopyTo(datagram.AsSpan(8));
        WriteChecksum(datagram, 6, source, destination, IPProtocol.Udp, partialChecksum);
        return IP(source, destination, IPProtocol.Udp, datagram, trafficClass, ttl, dontFragment);
    }

    /// <summary>A TCP segment in an IP packet. Options must be a multiple of four bytes.</summary>
    public static byte[] Tcp(
        ValueIPAddress source, ValueIPAddress destination, ushort sourcePort, ushort destinationPort, uint sequence, byte flags, ReadOnlySpan<byte> payload,
        ReadOnlySpan<byte> options = default, byte trafficClass = 0, ushort identification = 0, bool partialChecksum = false)
    {
        int headerLength = 20 + options.Length;
        byte[] segment = new byte[headerLength + payload.Length];
        BinaryPrimitives.WriteUInt16BigEndian(segment, sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(2), destinationPort);
        BinaryPrimitives.WriteUInt32BigEndian(segment.AsSpan(4), sequence);
        BinaryPrimitives.WriteUInt32BigEndian(segment.AsSpan(8), 0x01020304);
        segment[12] = (byte)(headerLength / 4 << 4);
        segment[13] = flags;
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(14), 501);
        options.CopyTo(segment.AsSpan(20));
        payload.CopyTo(segment.AsSpan(headerLength));
        WriteChecksum(segment, 16, source, destination, IPProtocol.Tcp, partialChecksum);
        return IP(source, destination, IPProtocol.Tcp, segment, trafficClass, identification: identification);
    }

    /// <summary>An ARP request in a broadcast frame.</summary>
    public static byte[] ArpRequest(MacAddress sender, ValueIPAddress senderAddress, ValueIPAddress target)
    {
        byte[] arp = [0, 1, 8, 0, 6, 4, 0, 1, .. new byte[20]];
        sender.TryWriteBytes(arp.AsSpan(8));
        senderAddress.TryWriteBytes(arp.AsSpan(14), out _);
        target.TryWriteBytes(arp.AsSpan(24), out _);
        return Ethernet(MacAddress.Broadcast, sender, EtherType.Arp, arp);
    }

    /// <summary>Bytes that repeat a seeded pattern without being constant.</summary>
    public static byte[] Payload(int length, int seed = 1)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>The Internet checksum, the slow way.</summary>
    public static ushort Checksum(ReadOnlySpan<byte> data, uint sum)
    {
        for (int i = 0; i < data.Length; i++)
        {
            sum += (i & 1) == 0 ? (uint)data[i] << 8 : data[i];
        }

        while (sum > 0xFFFF)
        {
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return (ushort)~sum;
    }

    /// <summary>The sum over the pseudo-header of a packet whose transport header is at the place that its version gives, or behind options.</summary>
    /// <param name="ip">The packet, from its IP header on.</param>
    /// <param name="protocol">TCP or UDP.</param>
    /// <param name="length">Bytes of transport header and payload.</param>
    public static ushort PseudoHeader(ReadOnlySpan<byte> ip, IPProtocol protocol, int length) =>
        (ushort)PseudoHeaderOf(ip[0] >> 4 == 4 ? ip.Slice(12, 8) : ip.Slice(8, 32), protocol, length);

    /// <summary>Whether the transport checksum of a plain TCP or UDP packet is right.</summary>
    public static bool IsTransportChecksumValid(ReadOnlySpan<byte> packet)
    {
        bool version4 = packet[0] >> 4 == 4;
        int start = version4 ? (packet[0] & 0xF) * 4 : 40;
        ReadOnlySpan<byte> transport = packet[start..];
        IPProtocol protocol = (IPProtocol)(version4 ? packet[9] : packet[6]);
        ReadOnlySpan<byte> addresses = version4 ? packet.Slice(12, 8) : packet.Slice(8, 32);
        return Checksum(transport, PseudoHeaderOf(addresses, protocol, transport.Length)) == 0;
    }

    private static uint PseudoHeaderOf(ReadOnlySpan<byte> addresses, IPProtocol protocol, int length) =>
        (ushort)~Checksum(addresses, (uint)protocol + (uint)length);

    private static void WriteChecksum(Span<byte> transport, int field, ValueIPAddress source, ValueIPAddress destination, IPProtocol protocol, bool partial)
    {
        Span<byte> addresses = stackalloc byte[32];
        source.TryWriteBytes(addresses, out int first);
        destination.TryWriteBytes(addresses[first..], out int second);
        uint pseudo = PseudoHeaderOf(addresses[..(first + second)], protocol, transport.Length);
        ushort checksum = partial ? (ushort)pseudo : Checksum(transport, pseudo);
        BinaryPrimitives.WriteUInt16BigEndian(transport[field..], checksum == 0 && protocol == IPProtocol.Udp ? (ushort)0xFFFF : checksum);
    }
}
