using System.ComponentModel;
using Overlay.Wire;

namespace Overlay.Benchmarks.Wire.Samples;

/// <summary>A GUE header of variant 0 without extensions.</summary>
[Description("GUE")]
public readonly struct GueSample : IHeaderSample
{
    public static int Write(Span<byte> destination, uint number)
    {
        new GueHeader(number % 2 == 0 ? IPProtocol.IPv4 : IPProtocol.IPv6).TryWrite(destination, out int length);
        return length;
    }

    public static ulong Parse(ReadOnlySpan<byte> packet) => GuePacket.TryParse(packet, out GuePacket gue)
        ? SampleFields.Parsed + (ulong)gue.Variant + (ulong)gue.HeaderLength + SampleFields.Bit(gue.IsControl) + (ulong)gue.Protocol + gue.Flags
        : 0;
}
