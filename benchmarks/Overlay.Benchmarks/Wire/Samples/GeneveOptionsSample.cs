using System.ComponentModel;
using System.Buffers.Binary;
using Overlay.Wire;

namespace Overlay.Benchmarks.Wire.Samples;

/// <summary>A Geneve header with two options of four bytes each, which are built and enumerated.</summary>
[Description("Geneve, two options")]
public readonly struct GeneveOptionsSample : IHeaderSample
{
    private const ushort OptionClass = 0x0102;
    private const int OptionsLength = 16;

    public static int Write(Span<byte> destination, uint number)
    {
        Span<byte> data = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(data, number);
        GeneveOptionsBuilder options = new(stackalloc byte[OptionsLength]);
        options.TryAdd(OptionClass, 1, data);
        options.TryAdd(OptionClass, 2, data);
        new GeneveHeader(SampleFields.Vni(number)).TryWrite(destination, options.Written, out int length);
        return length;
    }

    public static ulong Parse(ReadOnlySpan<byte> packet)
    {
        if (!GenevePacket.TryParse(packet, out GenevePacket geneve))
        {
            return 0;
        }

        ulong sum = SampleFields.Parsed + (ulong)geneve.HeaderLength + (ulong)geneve.ProtocolType + geneve.Vni.Value + SampleFields.Bit(geneve.HasCriticalOption);
        foreach (GeneveOption option in geneve.Options)
        {
            sum += option.Class + (ulong)option.Type + BinaryPrimitives.ReadUInt32BigEndian(option.Data);
        }

        return sum;
    }
}
