using System.ComponentModel;
using Overlay.Wire;
using PacketDotNet.Utils;

namespace Overlay.Benchmarks.Wire.Samples;

/// <summary>A UDP header without a checksum.</summary>
[Description("UDP")]
public readonly struct UdpSample : IPacketDotNetWriter
{
    public static int Write(Span<byte> destination, uint number)
    {
        new UdpHeader((ushort)number, (ushort)(number + 1), UdpPacket.HeaderLength).TryWrite(destination, out int length);
        return length;
    }

    public static ulong Parse(ReadOnlySpan<byte> packet) => UdpPacket.TryParse(packet, out UdpPacket udp)
        ? SampleFields.Parsed + udp.SourcePort + udp.DestinationPort + udp.Length + udp.Checksum
        : 0;

    public static ulong ParseByPacketDotNet(byte[] packet)
    {
        PacketDotNet.UdpPacket udp = new(new ByteArraySegment(packet));
        return SampleFields.Parsed + udp.SourcePort + udp.DestinationPort + (ulong)udp.Length + udp.Checksum;
    }

    public static byte[] WriteByPacketDotNet(uint number) => new PacketDotNet.UdpPacket((ushort)number, (ushort)(number + 1)).Bytes;
}
