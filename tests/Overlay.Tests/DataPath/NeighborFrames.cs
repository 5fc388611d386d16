using System.Buffers.Binary;
using Overlay.Testing;

namespace Overlay.Tests.DataPath;

/// <summary>Frames of ARP and neighbour discovery, byte by byte from RFC 826 and RFC 4861 §4.3, §4.4.</summary>
internal static class NeighborFrames
{
    public static readonly ValueIPAddress Unspecified6 = ValueIPAddress.Parse("::");
    public static readonly ValueIPAddress AllNodes = ValueIPAddress.Parse("ff02::1");

    public static byte[] Arp(
        MacAddress destination, ushort operation, MacAddress sender, ValueIPAddress senderAddress, MacAddress target, ValueIPAddress targetAddress,
        MacAddress? source = null)
    {
        byte[] arp = [0, 1, 8, 0, 6, 4, 0, (byte)operation, .. new byte[20]];
        sender.TryWriteBytes(arp.AsSpan(8));
        senderAddress.TryWriteBytes(arp.AsSpan(14), out _);
        target.TryWriteBytes(arp.AsSpan(18));
        targetAddress.TryWriteBytes(arp.AsSpan(24), out _);
        return PacketBuilder.Ethernet(destination, source ?? sender, EtherType.Arp, arp);
    }

    public static byte[] Solicitation(
        MacAddress source, ValueIPAddress sourceAddress, ValueIPAddress target, MacAddress? destination = null, bool withOption = true, byte hopLimit = 255)
    {
        byte[] address = Bytes(target);
        byte[] group = [0xFF, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xFF, .. address[13..]];
        byte[] message = [135, 0, 0, 0, 0, 0, 0, 0, .. address, .. withOption ? Option(1, source) : []];
        MacAddress mac = destination ?? MacAddress.FromValue(0x3333_0000_0000UL | BinaryPrimitives.ReadUInt32BigEndian(group.AsSpan(12)));
        return Discovery(mac, source, sourceAddress, new ValueIPAddress(destination is null ? group : address), message, hopLimit);
    }

    public static byte[] Advertisement(
        MacAddress source, ValueIPAddress target, byte flags = 0x20, ValueIPAddress? destinationAddress = null, MacAddress? option = null, byte hopLimit = 255)
    {
        byte[] message = [136, 0, 0, 0, flags, 0, 0, 0, .. Bytes(target), .. Option(2, option ?? source)];
        MacAddress mac = destinationAddress is null ? MacAddress.FromValue(0x3333_0000_0001) : TunnelRig.Mac;
        return Discovery(mac, source, target.IsIPv4 ? TunnelRig.InnerB6 : target, destinationAddress ?? AllNodes, message, hopLimit);
    }

    private static byte[] Discovery(MacAddress mac, MacAddress source, ValueIPAddress from, ValueIPAddress to, byte[] message, byte hopLimit)
    {
        byte[] packet = PacketBuilder.IP(from, to, IPProtocol.IcmpV6, message, ttl: hopLimit);
        uint pseudoHeader = PacketBuilder.PseudoHeader(packet, IPProtocol.IcmpV6, message.Length);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(42), PacketBuilder.Checksum(packet.AsSpan(40), pseudoHeader));
        return PacketBuilder.Ethernet(mac, source, EtherType.IPv6, packet);
    }

    private static byte[] Option(byte type, MacAddress mac)
    {
        byte[] option = [type, 1, 0, 0, 0, 0, 0, 0];
        mac.TryWriteBytes(option.AsSpan(2));
        return option;
    }

    // All 16 bytes, of an IPv4-mapped address, too.
    private static byte[] Bytes(ValueIPAddress address)
    {
        byte[] bytes = new byte[16];
        if (address.IsIPv4)
        {
            bytes[10] = bytes[11] = 0xFF;
            address.TryWriteBytes(bytes.AsSpan(12), out _);
        }
        else
        {
            address.TryWriteBytes(bytes, out _);
        }

        return bytes;
    }
}
