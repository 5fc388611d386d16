using System.ComponentModel;
using Overlay.Wire;
using PacketDotNet.Utils;

namespace Overlay.Benchmarks.Wire.Samples;

/// <summary>An IPv6 header without extensions.</summary>
[Description("IPv6")]
public readonly struct IPv6Sample : IPacketDotNetWriter
{
    public static int Write(Span<byte> destination, uint number)
    {
        new IPv6Header(SampleFields.IPv6(number), SampleFields.IPv6(number + 1), IPProtocol.NoNextHeader)
        {
            TrafficClass = (byte)number,
            FlowLabel = number,
            HopLimit = 64,
        }.TryWrite(destination, out int length);
        return length;
    }

    public static ulong Parse(ReadOnlySpan<byte> packet) => Overlay.Wire.IPv6Packet.TryParse(packet, out Overlay.Wire.IPv6Packet ip)
        ? SampleFields.Parsed + ip.TrafficClass + ip.FlowLabel + ip.PayloadLength + (ulong)ip.NextHeader + ip.HopLimit + SampleFields.Bit(ip.Source == ip.Destination)
        : 0;

    public static ulong ParseByPacketDotNet(byte[] packet)
    {
        PacketDotNet.IPv6Packet ip = new(new ByteArraySegment(packet));
        return SampleFields.Parsed + (ulong)ip.TrafficClass + (ulong)ip.FlowLabel + ip.PayloadLength + (ulong)ip.NextHeader + (ulong)ip.HopLimit +
            SampleFields.Bit(ip.SourceAddress.Equals(ip.DestinationAddress));
    }

    public static byte[] WriteByPacketDotNet(uint number) => new PacketDotNet.IPv6Packet(SampleFields.IPv6Object(number), SampleFields.IPv6Object(number + 1))
    {
        TrafficClass = (byte)number,
        FlowLabel = (int)number,
        NextHeader = PacketDotNet.ProtocolType.IPv6NoNextHeader,
        HopLimit = 64,
    }.Bytes;
}
