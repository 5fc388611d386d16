using System.ComponentModel;
using Overlay.Wire;

namespace Overlay.Benchmarks.Wire.Samples;

/// <summary>A Geneve header without options.</summary>
[Description("Geneve")]
public readonly struct GeneveSample : IHeaderSample
{
    public static int Write(Span<byte> destination, uint number)
    {
        new GeneveHeader(SampleFields.Vni(number)).TryWrite(destination, out int length);
        return length;
    }

    public static ulong Parse(ReadOnlySpan<byte> packet) => GenevePacket.TryParse(packet, out GenevePacket geneve)
        ? SampleFields.Parsed + (ulong)geneve.HeaderLength + (ulong)geneve.ProtocolType + geneve.Vni.Value + SampleFields.Bit(geneve.IsControl) +
            SampleFields.Bit(geneve.AnnouncesCriticalOption)
        : 0;
}
