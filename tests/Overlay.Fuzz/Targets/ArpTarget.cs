using Overlay.Wire;

namespace Overlay.Fuzz.Targets;

/// <summary><see cref="ArpPacket"/>.</summary>
internal sealed class ArpTarget : IFuzzTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        bool parsed = ArpPacket.TryParse(input, out ArpPacket packet, out WireError error);
        Check.Equal(parsed, error == WireError.None, "an error exactly if it is no packet");
        Check.Equal(parsed, ArpPacket.TryParse(input, out _), "both overloads");
        if (!parsed)
        {
            return;
        }

        Check.Use((packet.Operation, packet.SenderMac, packet.SenderAddress, packet.TargetMac, packet.TargetAddress, packet.IsGratuitous));
        Span<byte> room = Scratch.Room(ArpPacket.Length);
        Check.That(packet.ToHeader().TryWrite(room, out int written) && written == room.Length, "the packet can be written");
        Check.Same(packet.Bytes, room, "the packet written again");
        Check.Same(input[..written], room, "the packet written again");
    }
}
