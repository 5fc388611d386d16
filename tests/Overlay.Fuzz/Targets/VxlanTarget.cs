using System.Buffers.Binary;
using Overlay.Wire;

namespace Overlay.Fuzz.Targets;

/// <summary><see cref="VxlanPacket"/>.</summary>
internal sealed class VxlanTarget : IFuzzTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        bool parsed = VxlanPacket.TryParse(input, out VxlanPacket packet, out WireError error);
        Check.Equal(parsed, error == WireError.None, "an error exactly if it is no packet");
        Check.Equal(parsed, VxlanPacket.TryParse(input, out _), "both overloads");
        if (!parsed)
        {
            return;
        }

        Check.Inside(input, packet.Payload, "the payload");
        Check.Touch(packet.Payload);
        Check.Equal(input.Length, VxlanPacket.HeaderLength + packet.Payload.Length, "header and payload");
        Check.Equal(BinaryPrimitives.ReadUInt64BigEndian(input), packet.RawHeader, "the raw header");
        Check.Equal((uint)(packet.RawHeader >> 8) & 0xFF_FFFF, packet.Vni.Value, "the VNI");
        VxlanHeader header = packet.ToHeader();
        Check.Use((packet.Flags, packet.GroupPolicyFlags, packet.GroupPolicyId));
        // Reserved bits are sent as zero (RFC 7348 §5), and are not written; with the G flag (0x80) fewer are reserved.
        ulong reserved = (packet.RawHeader >> 63) != 0 ? 0x77B7_0000_0000_00FF : 0xF7FF_FFFF_0000_00FF;
        if ((packet.RawHeader & reserved) == 0)
        {
            Span<byte> room = Scratch.Room(VxlanPacket.HeaderLength);
            Check.That(header.TryWrite(room, out int written) && written == room.Length, "the header can be written");
            Check.Same(input[..written], room, "the header written again");
        }
    }
}
