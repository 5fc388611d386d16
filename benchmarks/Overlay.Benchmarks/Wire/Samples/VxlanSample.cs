using System.ComponentModel;
using Overlay.Wire;
using PacketDotNet.Utils;

namespace Overlay.Benchmarks.Wire.Samples;

/// <summary>A VXLAN header.</summary>
[Description("VXLAN")]
public readonly struct VxlanSample : IPacketDotNetWriter
{
    public static int Write(Span<byte> destination, uint number)
    {
        new VxlanHeader(SampleFields.Vni(number)).TryWrite(destination, out int length);
        return length;
    }

    public static ulong Parse(ReadOnlySpan<byte> packet) => VxlanPacket.TryParse(packet, out VxlanPacket vxlan)
        ? SampleFields.Parsed + (ulong)vxlan.Flags + vxlan.Vni.Value
        : 0;

    public static ulong ParseByPacketDotNet(byte[] packet)
    {
        PacketDotNet.VxlanPacket vxlan = new(new ByteArraySegment(packet));
        return SampleFields.Parsed + vxlan.Flags + vxlan.Vni;
    }

    // It has no constructor that makes memory, and takes what is behind the header for an Ethernet frame unless it is told otherwise.
    public static byte[] WriteByPacketDotNet(uint number) => new PacketDotNet.VxlanPacket(new ByteArraySegment(new byte[VxlanPacket.HeaderLength]))
    {
        Flags = (byte)VxlanFlags.ValidVni,
        Vni = number,
        PayloadData = [],
    }.Bytes;
}
