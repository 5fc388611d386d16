using System.ComponentModel;
using Overlay.Wire;
using PacketDotNet;
using PacketDotNet.Utils;

namespace Overlay.Benchmarks.Wire.Samples;

/// <summary>An ICMP echo request. Its checksum is a field like any other.</summary>
[Description("ICMP")]
public readonly struct IcmpSample : IPacketDotNetWriter
{
    private const ushort SequenceNumber = 7;

    public static int Write(Span<byte> destination, uint number)
    {
        (IcmpHeader.Echo(reply: false, (ushort)number, SequenceNumber) with { Checksum = (ushort)number }).TryWrite(destination, out int length);
        return length;
    }

    public static ulong Parse(ReadOnlySpan<byte> packet) => IcmpPacket.TryParse(packet, out IcmpPacket icmp)
        ? SampleFields.Parsed + (((ulong)icmp.Type << 8) | icmp.Code) + icmp.Checksum + icmp.Identifier + icmp.SequenceNumber
        : 0;

    public static ulong ParseByPacketDotNet(byte[] packet)
    {
        IcmpV4Packet icmp = new(new ByteArraySegment(packet));
        return SampleFields.Parsed + (ulong)icmp.TypeCode + icmp.Checksum + icmp.Id + icmp.Sequence;
    }

    // It has no constructor that makes memory.
    public static byte[] WriteByPacketDotNet(uint number) => new IcmpV4Packet(new ByteArraySegment(new byte[IcmpPacket.HeaderLength]))
    {
        TypeCode = IcmpV4TypeCode.EchoRequest,
        Checksum = (ushort)number,
        Id = (ushort)number,
        Sequence = SequenceNumber,
    }.Bytes;
}
