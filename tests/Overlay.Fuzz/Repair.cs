using System.Buffers.Binary;
using Overlay.Testing;

namespace Overlay.Fuzz;

/// <summary>Makes inputs right again in what would keep them from the code behind the first check.</summary>
internal static class Repair
{
    /// <summary>The header checksum of an IPv4 packet, and no UDP checksum, which IPv4 permits.</summary>
    public static void IP(Span<byte> packet)
    {
        if (packet.Length < 20 || packet[0] >> 4 != 4)
        {
            return;
        }

        int header = Math.Clamp((packet[0] & 0xF) * 4, 20, packet.Length);
        if (packet[9] == (byte)IPProtocol.Udp && packet.Length >= header + 8)
        {
            packet.Slice(header + 6, 2).Clear();
        }

        packet.Slice(10, 2).Clear();
        BinaryPrimitives.WriteUInt16BigEndian(packet[10..], PacketBuilder.Checksum(packet[..header], 0));
    }
}
