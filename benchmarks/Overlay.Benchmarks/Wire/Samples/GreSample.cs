using System.ComponentModel;
using Overlay.Wire;
using PacketDotNet.Utils;

namespace Overlay.Benchmarks.Wire.Samples;

/// <summary>A GRE header with checksum, key and sequence number. PacketDotNet knows neither of the last two, and writes none.</summary>
[Description("GRE, all fields")]
public readonly struct GreSample : IPacketDotNetParser
{
    public static int Write(Span<byte> destination, uint number)
    {
        new GreHeader(EtherType.TransparentEthernetBridging) { Checksum = (ushort)number, Key = number + 1, SequenceNumber = number + 2 }
            .TryWrite(destination, out int length);
        return length;
    }

    public static ulong Parse(ReadOnlySpan<byte> packet) => GrePacket.TryParse(packet, out GrePacket gre)
        ? SampleFields.Parsed + (ulong)gre.ProtocolType + gre.Checksum + gre.Key + gre.SequenceNumber
        : 0;

    public static ulong ParseByPacketDotNet(byte[] packet)
    {
        PacketDotNet.GrePacket gre = new(new ByteArraySegment(packet), null);
        return SampleFields.Parsed + (ulong)gre.Protocol + (ushort)gre.Checksum + SampleFields.Bit(gre.HasKey) + SampleFields.Bit(gre.HasSequence);
    }
}
