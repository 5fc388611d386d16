using Overlay.Wire;

namespace Overlay.Fuzz.Targets;

/// <summary><see cref="IcmpPacket"/>, and the packet that an error quotes, read as leniently as a quote must be.</summary>
internal sealed class IcmpTarget : IFuzzTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        bool parsed = IcmpPacket.TryParse(input, out IcmpPacket packet, out WireError error);
        Check.Equal(parsed, error == WireError.None, "an error exactly if it is no message");
        Check.Equal(parsed, IcmpPacket.TryParse(input, out _), "both overloads");
        if (!parsed)
        {
            return;
        }

        Check.Inside(input, packet.Payload, "the payload");
        Check.Touch(packet.Payload);
        Check.Use((packet.Type, packet.Code, packet.Checksum, packet.RestOfHeader, packet.Identifier, packet.SequenceNumber));
        Check.Use((packet.NextHopMtu, packet.IsFragmentationNeeded, packet.IsChecksumValid));
        IcmpHeader header = packet.ToHeader();
        Span<byte> room = Scratch.Room(IcmpPacket.HeaderLength);
        Check.That(header.TryWrite(room, out int written) && written == room.Length, "the header can be written");
        Check.Same(input[..written], room, "the header written again");

        Span<byte> message = Scratch.Room(input.Length);
        Check.That(header.TryWriteMessage(message, packet.Payload, out written) && written == input.Length, "the message can be written");
        Check.That(InternetChecksum.IsValid(message), "the checksum of the message");
        Check.Same(packet.Payload, message[IcmpPacket.HeaderLength..], "the payload of the message");
        if (IPv4Packet.TryParseTruncated(packet.Payload, out IPv4Packet quote))
        {
            IPv4Target.Read(packet.Payload, quote);
            Quote.Read(quote.Protocol, quote.Payload);
        }
    }
}
