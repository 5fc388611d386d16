using System.ComponentModel;
using Overlay.Wire;

namespace Overlay.Benchmarks.Wire.Samples;

/// <summary>A VXLAN-GPE header.</summary>
[Description("VXLAN-GPE")]
public readonly struct VxlanGpeSample : IHeaderSample
{
    public static int Write(Span<byte> destination, uint number)
    {
        new VxlanGpeHeader(SampleFields.Vni(number), VxlanGpeNextProtocol.Ethernet).TryWrite(destination, out int length);
        return length;
    }

    public static ulong Parse(ReadOnlySpan<byte> packet) => VxlanGpePacket.TryParse(packet, out VxlanGpePacket gpe)
        ? SampleFields.Parsed + (ulong)gpe.Flags + (ulong)gpe.NextProtocol + gpe.Vni.Value
        : 0;
}
