using System.Buffers.Binary;
using Overlay.DataPath;

namespace Overlay.Testing.Simulation;

/// <summary>
/// What the receiver's kernel does before a tunnel socket sees a packet: is it ours, are its headers whole and its checksums right? Plain loops, no line
/// shared with the library.
/// </summary>
internal static class UnderlayReceiver
{
    private const int IPv4HeaderLength = 20;
    private const int IPv6HeaderLength = 40;
    private const int UdpHeaderLength = 8;

    public static ValueIPAddress DestinationOf(ReadOnlySpan<byte> packet) =>
        packet[0] >> 4 == 4 ? new ValueIPAddress(packet.Slice(16, 4)) : new ValueIPAddress(packet.Slice(24, 16));

    /// <summary>Opens a packet for a host.</summary>
    /// <param name="packet">The whole packet.</param>
    /// <param name="host">Whose kernel it is.</param>
    /// <param name="payload">What its socket gets.</param>
    /// <param name="meta">What its socket says beside it.</param>
    /// <returns>Why the kernel refuses it; null if it does not.</returns>
    public static string? Open(ReadOnlySpan<byte> packet, SimulatedHost host, out ReadOnlySpan<byte> payload, out PacketMeta meta)
    {
        payload = default;
        meta = new PacketMeta { Output = -1, Tunnel = -1 };
        if (packet.IsEmpty)
        {
            return "kernel: empty";
        }

        string? refusal = packet[0] >> 4 == 4 ? OpenIPv4(packet, ref payload, ref meta) : OpenIPv6(packet, ref payload, ref meta);
        if (refusal is not null)
        {
            return refusal;
        }

        if (meta.Local != host.Address && !host.Groups.Contains(meta.Local))
        {
            return "kernel: not ours";
        }

        if (!host.IsOverUdp)
        {
            return meta.Protocol is IPProtocol.IPv4 or IPProtocol.IPv6 ? null : "kernel: no such protocol";
        }

        return meta.Protocol == IPProtocol.Udp ? OpenUdp(packet, host.Port, ref payload, ref meta) : "kernel: no such protocol";
    }

    private static string? OpenIPv4(ReadOnlySpan<byte> packet, ref ReadOnlySpan<byte> payload, ref PacketMeta meta)
    {
        if (packet.Length < IPv4HeaderLength || packet[0] != 0x45 || PacketBuilder.Checksum(packet[..IPv4HeaderLength], 0) != 0)
        {
            return "kernel: bad IPv4 header";
        }

        int length = BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
        if (length < IPv4HeaderLength || length > packet.Length || (BinaryPrimitives.ReadUInt16BigEndian(packet[6..]) & 0x3FFF) != 0)
        {
            return "kernel: cut or a fragment";
        }

        payload = packet[IPv4HeaderLength..length];
        meta.TrafficClass = packet[1];
        meta.Ttl = packet[8];
        meta.Protocol = (IPProtocol)packet[9];
        meta.Remote = new ValueIPAddress(packet.Slice(12, 4));
        meta.Local = new ValueIPAddress(packet.Slice(16, 4));
        return null;
    }

    private static string? OpenIPv6(ReadOnlySpan<byte> packet, ref ReadOnlySpan<byte> payload, ref PacketMeta meta)
    {
        if (packet.Length < IPv6HeaderLength || packet[0] >> 4 != 6)
        {
            return "kernel: bad IPv6 header";
        }

        int length = IPv6HeaderLength + BinaryPrimitives.ReadUInt16BigEndian(packet[4..]);
        if (length > packet.Length)
        {
            return "kernel: cut";
        }

        payload = packet[IPv6HeaderLength..length];
        meta.TrafficClass = (byte)(BinaryPrimitives.ReadUInt16BigEndian(packet) >> 4);
        meta.Protocol = (IPProtocol)packet[6];
        meta.Ttl = packet[7];
        meta.Remote = new ValueIPAddress(packet.Slice(8, 16));
        meta.Local = new ValueIPAddress(packet.Slice(24, 16));
        return null;
    }

    private static string? OpenUdp(ReadOnlySpan<byte> packet, ushort port, ref ReadOnlySpan<byte> payload, ref PacketMeta meta)
    {
        ReadOnlySpan<byte> udp = payload;
        if (udp.Length < UdpHeaderLength)
        {
            return "kernel: cut";
        }

        int length = BinaryPrimitives.ReadUInt16BigEndian(udp[4..]);
        if (length < UdpHeaderLength || length > udp.Length)
        {
            return "kernel: bad UDP length";
        }

        udp = udp[..length];
        bool hasChecksum = BinaryPrimitives.ReadUInt16BigEndian(udp[6..]) != 0;
        if (hasChecksum && PacketBuilder.Checksum(udp, PacketBuilder.PseudoHeader(packet, IPProtocol.Udp, length)) != 0)
        {
            return "kernel: bad UDP checksum";
        }

        meta.SourcePort = BinaryPrimitives.ReadUInt16BigEndian(udp);
        meta.DestinationPort = BinaryPrimitives.ReadUInt16BigEndian(udp[2..]);
        payload = udp[UdpHeaderLength..];
        return meta.DestinationPort == port ? null : "kernel: nobody listens";
    }
}
