using System.ComponentModel;
using Overlay.Wire;

namespace Overlay.Benchmarks.Wire.Samples;

/// <summary>The IPv6 destination options header with a tunnel encapsulation limit, which is searched for.</summary>
[Description("encapsulation limit")]
public readonly struct EncapsulationLimitSample : IHeaderSample
{
    public static int Write(Span<byte> destination, uint number)
    {
        new EncapsulationLimitHeader(IPProtocol.IPv6, (byte)number).TryWrite(destination, out int length);
        return length;
    }

    public static ulong Parse(ReadOnlySpan<byte> packet) =>
        IPv6OptionsPacket.TryParse(packet, out IPv6OptionsPacket options) && options.TryGetEncapsulationLimit(out byte limit, out int offset)
            ? SampleFields.Parsed + (ulong)options.NextHeader + limit + (ulong)offset
            : 0;
}
