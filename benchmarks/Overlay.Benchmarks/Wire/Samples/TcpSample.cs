using System.ComponentModel;
using Overlay.Wire;
using PacketDotNet.Utils;

namespace Overlay.Benchmarks.Wire.Samples;

/// <summary>A TCP header without options.</summary>
[Description("TCP")]
public readonly struct TcpSample : IPacketDotNetWriter
{
    public static int Write(Span<byte> destination, uint number)
    {
        new TcpHeader((ushort)number, (ushort)(number + 1), number << 8, number, TcpFlags.Ack, 65_535) { Checksum = (ushort)number }
            .TryWrite(destination, out int length);
        return length;
    }

    public static ulong Parse(ReadOnlySpan<byte> packet) => TcpPacket.TryParse(packet, out TcpPacket tcp)
        ? SampleFields.Parsed + tcp.SourcePort + tcp.DestinationPort + tcp.SequenceNumber + tcp.AcknowledgmentNumber + (ulong)tcp.HeaderLength + (ulong)tcp.Flags + tcp.Window +
            tcp.Checksum + tcp.UrgentPointer
        : 0;

    public static ulong ParseByPacketDotNet(byte[] packet)
    {
        PacketDotNet.TcpPacket tcp = new(new ByteArraySegment(packet));
        return SampleFields.Parsed + tcp.SourcePort + tcp.DestinationPort + tcp.SequenceNumber + tcp.AcknowledgmentNumber + ((ulong)tcp.DataOffset * 4) + tcp.Flags +
            tcp.WindowSize + tcp.Checksum + (ulong)tcp.UrgentPointer;
    }

    public static byte[] WriteByPacketDotNet(uint number) => new PacketDotNet.TcpPacket((ushort)number, (ushort)(number + 1))
    {
        SequenceNumber = number << 8,
        AcknowledgmentNumber = number,
        Acknowledgment = true,
        WindowSize = 65_535,
        Checksum = (ushort)number,
    }.Bytes;
}
