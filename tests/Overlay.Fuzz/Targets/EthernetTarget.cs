using Overlay.Wire;

namespace Overlay.Fuzz.Targets;

/// <summary><see cref="EthernetFrame"/>, its tags and its header.</summary>
internal sealed class EthernetTarget : IFuzzTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        bool parsed = EthernetFrame.TryParse(input, out EthernetFrame frame, out WireError error);
        Check.Equal(parsed, error == WireError.None, "an error exactly if it is no frame");
        Check.Equal(parsed, EthernetFrame.TryParse(input, out _), "both overloads");
        if (!parsed)
        {
            return;
        }

        Check.Use(frame.Destination);
        Check.Use(frame.Source);
        Check.Use(frame.EtherType);
        Check.Use(frame.OuterVlan);
        Check.Same(input, frame.Bytes, "the bytes");
        Check.Inside(input, frame.Payload, "the payload");
        Check.Touch(frame.Payload);
        Check.Equal(input.Length, frame.HeaderLength + frame.Payload.Length, "header and payload");
        for (int i = -1; i <= EthernetFrame.MaxVlanCount; i++)
        {
            bool there = frame.TryGetVlan(i, out VlanTag tag);
            Check.Equal(i >= 0 && i < frame.VlanCount, there, $"tag {i} of {frame.VlanCount}");
            Check.Use((tag.Tpid, tag.Id, tag.Priority, tag.DropEligible, tag.ControlInformation));
        }

        EthernetHeader header = frame.ToHeader();
        Span<byte> room = Scratch.Room(header.Length);
        Check.That(header.TryWrite(room, out int written) && written == room.Length, "the header can be written");
        Check.Same(input[..written], room, "the header written again");
        Check.That(!header.TryWrite(room[1..], out written) && written == 0, "a header that does not fit is not written");
    }
}
