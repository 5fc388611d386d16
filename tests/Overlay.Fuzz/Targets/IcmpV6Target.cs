using Overlay.Wire;

namespace Overlay.Fuzz.Targets;

/// <summary><see cref="IcmpV6Packet"/>, and the packet that an error quotes, read as leniently as a quote must be.</summary>
internal sealed class IcmpV6Target : IFuzzTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        bool parsed = IcmpV6Packet.TryParse(input, out IcmpV6Packet packet, out WireError error);
        Check.Equal(parsed, error == WireError.None, "an error exactly if it is no message");
        Check.Equal(parsed, IcmpV6Packet.TryParse(input, out _), "both overloads");
        if (!parsed)
        {
            return;
        }

        Check.Inside(input, packet.Payload, "the payload");
        Check.Touch(packet.Payload);
        Check.Use((packet.Type, packet.IsError, packet.Code, packet.Checksum, packet.RestOfHeader, packet.Identifier, packet.SequenceNumber));
        Check.Use((packet.NextHopMtu, packet.IsChecksumValid(Samples.A6, Samples.B6)));
        IcmpV6Header header = packet.ToHeader();
        Span<byte> room = Scratch.Room(IcmpV6Packet.HeaderLength);
        Check.That(header.TryWrite(room, out int written) && written == room.Length, "the header can be written");
        Check.Same(input[..written], room, "the header written again");

        Span<byte> message = Scratch.Room(input.Length);
        Check.That(header.TryWriteMessage(message, Samples.A6, Samples.B6, packet.Payload, out written) && written == input.Length, "the message can be written");
        Check.That(IcmpV6Packet.TryParse(message, out IcmpV6Packet again) && again.IsChecksumValid(Samples.A6, Samples.B6), "the checksum of the message");
        if (IPv6Packet.TryParseTruncated(packet.Payload, out IPv6Packet quote))
        {
            IPv6Target.Read(packet.Payload, quote);
            if (quote.TryGetTransport(out IPProtocol protocol, out ReadOnlySpan<byte> transport))
            {
                Quote.Read(protocol, transport);
            }
        }
    }
}
