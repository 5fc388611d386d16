using Overlay.Wire;

namespace Overlay.Fuzz.Targets;

/// <summary><see cref="TcpPacket"/> and its options.</summary>
internal sealed class TcpTarget : IFuzzTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        bool parsed = TcpPacket.TryParse(input, out TcpPacket packet, out WireError error);
        Check.Equal(parsed, error == WireError.None, "an error exactly if it is no segment");
        Check.Equal(parsed, TcpPacket.TryParse(input, out _), "both overloads");
        if (!parsed)
        {
            return;
        }

        Check.Inside(input, packet.Options, "the options");
        Check.Inside(input, packet.Payload, "the payload");
        Check.Touch(packet.Options);
        Check.Touch(packet.Payload);
        Check.Equal(input.Length, packet.HeaderLength + packet.Payload.Length, "header and payload");
        Check.Use((packet.SourcePort, packet.DestinationPort, packet.SequenceNumber, packet.AcknowledgmentNumber, packet.Reserved));
        Check.Use((packet.Flags, packet.Window, packet.Checksum, packet.UrgentPointer));
        Check.Use((packet.IsChecksumValid(Samples.A4, Samples.B4), packet.IsChecksumValid(Samples.A6, Samples.B6)));
        Span<byte> room = Scratch.Room(packet.HeaderLength);
        Check.That(packet.ToHeader().TryWrite(room, packet.Options, out int written) && written == room.Length, "the header can be written");
        Check.Same(input[..written], room, "the header written again");
    }
}
