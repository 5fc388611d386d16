using Overlay.Wire;

namespace Overlay.Fuzz.Targets;

/// <summary><see cref="UdpPacket"/>.</summary>
internal sealed class UdpTarget : IFuzzTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        bool parsed = UdpPacket.TryParse(input, out UdpPacket packet, out WireError error);
        Check.Equal(parsed, error == WireError.None, "an error exactly if it is no datagram");
        Check.Equal(parsed, UdpPacket.TryParse(input, out _), "both overloads");
        Check.Use(UdpPacket.ComputeChecksum(input, Samples.A4, Samples.B4));
        if (!parsed)
        {
            return;
        }

        Check.Inside(input, packet.Payload, "the payload");
        Check.Touch(packet.Payload);
        Check.Equal(packet.Length, UdpPacket.HeaderLength + packet.Payload.Length, "the length");
        Check.Use((packet.SourcePort, packet.DestinationPort, packet.Checksum, packet.HasChecksum));
        Check.Use(packet.IsChecksumValid(Samples.A4, Samples.B4));
        Span<byte> room = Scratch.Room(UdpPacket.HeaderLength);
        Check.That(packet.ToHeader().TryWrite(room, out int written) && written == room.Length, "the header can be written");
        Check.Same(input[..written], room, "the header written again");

        // A datagram with the checksum that is computed for it has a right one.
        Span<byte> copy = Scratch.Copy(input[..packet.Length]);
        copy.Slice(6, 2).Clear();
        ushort checksum = UdpPacket.ComputeChecksum(copy, Samples.A6, Samples.B6);
        copy[6] = (byte)(checksum >> 8);
        copy[7] = (byte)checksum;
        Check.That(UdpPacket.TryParse(copy, out UdpPacket sealedPacket) && sealedPacket.IsChecksumValid(Samples.A6, Samples.B6), "the checksum that was computed");
    }
}
