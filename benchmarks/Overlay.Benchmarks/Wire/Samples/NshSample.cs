using System.ComponentModel;
using System.Buffers.Binary;
using Overlay.Wire;

namespace Overlay.Benchmarks.Wire.Samples;

/// <summary>A Network Service Header of type 2 without metadata. Overlay only reads it.</summary>
[Description("NSH")]
public readonly struct NshSample : IHeaderSample
{
    private const uint BaseHeader = 0x0FC2_0203;

    public static int Write(Span<byte> destination, uint number)
    {
        BinaryPrimitives.WriteUInt32BigEndian(destination, BaseHeader);
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], (number << 8) | 0xFF);
        return NshPacket.MinimumHeaderLength;
    }

    public static ulong Parse(ReadOnlySpan<byte> packet) => NshPacket.TryParse(packet, out NshPacket nsh)
        ? SampleFields.Parsed + (ulong)nsh.TimeToLive + (ulong)nsh.MetadataType + (ulong)nsh.NextProtocol + nsh.ServicePathIdentifier + nsh.ServiceIndex + SampleFields.Bit(nsh.IsOam)
        : 0;
}
