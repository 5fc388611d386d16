using System.ComponentModel;
using Overlay.Wire;
using PacketDotNet.Utils;

namespace Overlay.Benchmarks.Wire.Samples;

/// <summary>An ARP request.</summary>
[Description("ARP")]
public readonly struct ArpSample : IPacketDotNetWriter
{
    public static int Write(Span<byte> destination, uint number)
    {
        new ArpHeader(
            Overlay.Wire.ArpOperation.Request, SampleFields.Mac(number), SampleFields.IPv4(number), SampleFields.Mac(number + 1), SampleFields.IPv4(number + 1))
            .TryWrite(destination, out int length);
        return length;
    }

    public static ulong Parse(ReadOnlySpan<byte> packet) => Overlay.Wire.ArpPacket.TryParse(packet, out Overlay.Wire.ArpPacket arp)
        ? SampleFields.Parsed + (ulong)arp.Operation + SampleFields.Bit(arp.SenderMac == arp.TargetMac) + SampleFields.Bit(arp.SenderAddress == arp.TargetAddress)
        : 0;

    public static ulong ParseByPacketDotNet(byte[] packet)
    {
        PacketDotNet.ArpPacket arp = new(new ByteArraySegment(packet));
        return SampleFields.Parsed + (ulong)arp.Operation + SampleFields.Bit(arp.SenderHardwareAddress.Equals(arp.TargetHardwareAddress)) +
            SampleFields.Bit(arp.SenderProtocolAddress.Equals(arp.TargetProtocolAddress));
    }

    public static byte[] WriteByPacketDotNet(uint number) => new PacketDotNet.ArpPacket(
        PacketDotNet.ArpOperation.Request,
        SampleFields.MacObject(number + 1), SampleFields.IPv4Object(number + 1), SampleFields.MacObject(number), SampleFields.IPv4Object(number)).Bytes;
}
