using Overlay.Wire;

namespace Overlay.Fuzz.Targets;

/// <summary><see cref="GuePacket"/>, both variants.</summary>
internal sealed class GueTarget : IFuzzTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        bool parsed = GuePacket.TryParse(input, out GuePacket packet, out WireError error);
        Check.Equal(parsed, error == WireError.None, "an error exactly if it is no packet");
        Check.Equal(parsed, GuePacket.TryParse(input, out _), "both overloads");
        if (!parsed)
        {
            return;
        }

        Check.Inside(input, packet.Extensions, "the extensions");
        Check.Inside(input, packet.Payload, "the payload");
        Check.Touch(packet.Extensions);
        Check.Touch(packet.Payload);
        Check.Equal(input.Length, packet.HeaderLength + packet.Payload.Length, "header and payload");
        Check.Use((packet.Variant, packet.IsControl, packet.ControlType, packet.Protocol, packet.Flags));
        if (packet.Variant == 0)
        {
            Span<byte> room = Scratch.Room(packet.HeaderLength);
            Check.That(packet.ToHeader().TryWrite(room, packet.Extensions, out int written) && written == room.Length, "the header can be written");
            Check.Same(input[..written], room, "the header written again");
        }
    }
}
