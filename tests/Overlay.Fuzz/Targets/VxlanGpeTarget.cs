using Overlay.Wire;

namespace Overlay.Fuzz.Targets;

/// <summary><see cref="VxlanGpePacket"/>.</summary>
internal sealed class VxlanGpeTarget : IFuzzTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        bool parsed = VxlanGpePacket.TryParse(input, out VxlanGpePacket packet, out WireError error);
        Check.Equal(parsed, error == WireError.None, "an error exactly if it is no packet");
        Check.Equal(parsed, VxlanGpePacket.TryParse(input, out _), "both overloads");
        if (!parsed)
        {
            return;
        }

        Check.Inside(input, packet.Payload, "the payload");
        Check.Touch(packet.Payload);
        Check.Equal(input.Length, VxlanGpePacket.HeaderLength + packet.Payload.Length, "header and payload");
        Check.Use((packet.Flags, packet.Version, packet.NextProtocol, packet.Vni, packet.RawHeader));
        VxlanGpeHeader header = packet.ToHeader();
        Span<byte> room = Scratch.Room(VxlanGpePacket.HeaderLength);
        Check.That(header.TryWrite(room, out int written) && written == room.Length, "the header can be written");
        Check.That(VxlanGpePacket.TryParse(room, out VxlanGpePacket again), "what was written is a packet");
        Check.Equal(header, again.ToHeader(), "the header written and read again");
        // Reserved bits are sent as zero; without P the next protocol is one of them.
        if ((packet.RawHeader & 0xF0FF_FF00_0000_00FF) == 0 && ((packet.Flags & VxlanGpeFlags.NextProtocol) != 0 || input[3] == 0))
        {
            Check.Same(input[..written], room, "the header written again");
        }
    }
}
