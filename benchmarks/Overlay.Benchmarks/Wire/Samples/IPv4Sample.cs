using System.ComponentModel;
using Overlay.Wire;
using PacketDotNet.Utils;

namespace Overlay.Benchmarks.Wire.Samples;

/// <summary>An IPv4 header without options. Its checksum is computed when it is written, and not looked at when it is read.</summary>
[Description("IPv4")]
public readonly struct IPv4Sample : IPacketDotNetWriter
{
    public static int Write(Span<byte> destination, uint number)
    {
        new IPv4Header(SampleFields.IPv4(number), SampleFields.IPv4(number + 1), IPProtocol.NoNextHeader)
        {
            TrafficClass = (byte)number,
            Identification = (ushort)number,
            Flags = IPv4Flags.DontFragment,
            TimeToLive = 64,
        }.TryWrite(destination, out int length);
        return length;
    }

    public static ulong Parse(ReadOnlySpan<byte> packet) => Overlay.Wire.IPv4Packet.TryParse(packet, out Overlay.Wire.IPv4Packet ip)
        ? SampleFields.Parsed + (ulong)ip.HeaderLength + ip.TrafficClass + ip.TotalLength + ip.Identification + (ulong)ip.Flags + (ulong)ip.FragmentOffset + ip.TimeToLive +
            (ulong)ip.Protocol + ip.Checksum + SampleFields.Bit(ip.Source == ip.Destination)
        : 0;

    public static ulong ParseByPacketDotNet(byte[] packet)
    {
        PacketDotNet.IPv4Packet ip = new(new ByteArraySegment(packet));
        return SampleFields.Parsed + (ulong)ip.HeaderLength * 4 + (ulong)ip.TypeOfService + (ulong)ip.TotalLength + ip.Id + (ulong)ip.FragmentFlags + (ulong)ip.FragmentOffset +
            (ulong)ip.TimeToLive + (ulong)ip.Protocol + ip.Checksum + SampleFields.Bit(ip.SourceAddress.Equals(ip.DestinationAddress));
    }

    public static byte[] WriteByPacketDotNet(uint number)
    {
        PacketDotNet.IPv4Packet ip = new(SampleFields.IPv4Object(number), SampleFields.IPv4Object(number + 1))
        {
            // Else the checksum is made before the length.
            TotalLength = Overlay.Wire.IPv4Packet.MinimumHeaderLength,
            TypeOfService = (byte)number,
            Id = (ushort)number,
            FragmentFlags = 2,
            TimeToLive = 64,
            Protocol = PacketDotNet.ProtocolType.IPv6NoNextHeader,
        };
        ip.UpdateIPChecksum();
        return ip.Bytes;
    }
}
