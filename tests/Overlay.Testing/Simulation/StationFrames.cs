using System.Buffers.Binary;

namespace Overlay.Testing.Simulation;

/// <summary>The frames of stations, byte by byte.</summary>
internal static class StationFrames
{
    private const int ArpOffset = 14;
    private const int ArpLength = 28;

    // The shortest frame without FCS (IEEE 802.3): what a real card would send.
    private const int MinimumFrameLength = 60;

    public static byte[] Udp(ValueIPAddress source, ValueIPAddress destination, int payloadLength, ushort sourcePort)
    {
        byte[] payload = new byte[payloadLength];
        for (int i = 0; i < payload.Length; i++)
        {
            payload[i] = (byte)((i * 7) + sourcePort);
        }

        return PacketBuilder.Udp(source, destination, sourcePort, 7, payload);
    }

    public static byte[] ArpRequest(MacAddress sender, ValueIPAddress senderAddress, ValueIPAddress target) =>
        Pad(PacketBuilder.ArpRequest(sender, senderAddress, target));

    public static byte[] ArpReply(MacAddress sender, ValueIPAddress senderAddress, MacAddress target, ValueIPAddress targetAddress)
    {
        byte[] frame = PacketBuilder.ArpRequest(sender, senderAddress, targetAddress);
        target.TryWriteBytes(frame);
        frame[ArpOffset + 7] = 2;
        target.TryWriteBytes(frame.AsSpan(ArpOffset + 18));
        return Pad(frame);
    }

    public static bool TryReadArpRequest(ReadOnlySpan<byte> frame, out MacAddress sender, out ValueIPAddress senderAddress, out ValueIPAddress target)
    {
        sender = default;
        senderAddress = default;
        target = default;
        if (frame.Length < ArpOffset + ArpLength || BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) != (ushort)EtherType.Arp || frame[ArpOffset + 7] != 1)
        {
            return false;
        }

        ReadOnlySpan<byte> arp = frame[ArpOffset..];
        sender = new MacAddress(arp.Slice(8, 6));
        senderAddress = new ValueIPAddress(arp.Slice(14, 4));
        target = new ValueIPAddress(arp.Slice(24, 4));
        return true;
    }

    private static byte[] Pad(byte[] frame) => frame.Length >= MinimumFrameLength ? frame : [.. frame, .. new byte[MinimumFrameLength - frame.Length]];
}
