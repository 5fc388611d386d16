using System.ComponentModel;
using Overlay.Wire;
using PacketDotNet;
using PacketDotNet.Utils;

namespace Overlay.Benchmarks.Wire.Samples;

/// <summary>An Ethernet header without tags.</summary>
[Description("Ethernet")]
public readonly struct EthernetSample : IPacketDotNetWriter
{
    public static int Write(Span<byte> destination, uint number)
    {
        new EthernetHeader(SampleFields.Mac(number), SampleFields.Mac(number + 1), EtherType.TransparentEthernetBridging).TryWrite(destination, out int length);
        return length;
    }

    public static ulong Parse(ReadOnlySpan<byte> packet) => EthernetFrame.TryParse(packet, out EthernetFrame frame)
        ? SampleFields.Parsed + (ulong)frame.EtherType + SampleFields.Bit(frame.Destination == frame.Source)
        : 0;

    public static ulong ParseByPacketDotNet(byte[] packet)
    {
        EthernetPacket frame = new(new ByteArraySegment(packet));
        return SampleFields.Parsed + (ulong)frame.Type + SampleFields.Bit(frame.DestinationHardwareAddress.Equals(frame.SourceHardwareAddress));
    }

    public static byte[] WriteByPacketDotNet(uint number) =>
        new EthernetPacket(SampleFields.MacObject(number + 1), SampleFields.MacObject(number), EthernetType.TransparentEthernetBridging).Bytes;
}
