using Overlay.Wire;

namespace Overlay.Fuzz.Targets;

/// <summary><see cref="GrePacket"/> with each optional field, and <see cref="NvgrePacket"/>, which is one with a key.</summary>
internal sealed class GreTarget : IFuzzTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        bool parsed = GrePacket.TryParse(input, out GrePacket packet, out WireError error);
        Check.Equal(parsed, error == WireError.None, "an error exactly if it is no packet");
        Check.Equal(parsed, GrePacket.TryParse(input, out _), "both overloads");
        bool virtualized = NvgrePacket.TryParse(input, out NvgrePacket nvgre, out error);
        Check.Equal(virtualized, error == WireError.None, "an error exactly if it is no NVGRE packet");
        Check.Equal(virtualized, NvgrePacket.TryParse(input, out _), "both overloads of NVGRE");
        Check.That(parsed || !virtualized, "an NVGRE packet is a GRE packet");
        if (!parsed)
        {
            return;
        }

        Check.Inside(input, packet.Payload, "the payload");
        Check.Touch(packet.Payload);
        Check.Equal(input.Length, packet.HeaderLength + packet.Payload.Length, "header and payload");
        Check.Use((packet.Flags, packet.ProtocolType, packet.HasChecksum, packet.HasKey, packet.HasSequenceNumber));
        Check.Use((packet.Checksum, packet.Key, packet.SequenceNumber, packet.IsChecksumValid, packet.Reserved0, packet.Reserved1));
        GreHeader header = packet.ToHeader();
        Check.Equal(packet.HeaderLength, header.Length, "the length of the header");
        Span<byte> room = Scratch.Room(header.Length);
        Check.That(header.TryWrite(room, out int written) && written == room.Length, "the header can be written");
        Check.That(GrePacket.TryParse(room, out GrePacket again), "what was written is a packet");
        Check.Equal(header, again.ToHeader(), "the header written and read again");
        if (packet.Reserved0 == 0 && packet.Reserved1 == 0)
        {
            Check.Same(input[..written], room, "the header written again");
        }

        Check.Equal(virtualized, NvgrePacket.TryParse(packet, out _, out _), "NVGRE by the view");
        if (packet.HasChecksum)
        {
            Span<byte> copy = Scratch.Copy(input);
            copy.Slice(4, 2).Clear();
            ushort checksum = GrePacket.ComputeChecksum(copy);
            copy[4] = (byte)(checksum >> 8);
            copy[5] = (byte)checksum;
            Check.That(GrePacket.TryParse(copy, out GrePacket right) && right.IsChecksumValid, "the checksum that was computed");
        }

        if (virtualized)
        {
            Check.Same(packet.Payload, nvgre.Payload, "the payload of NVGRE");
            Check.Equal(packet.Key, (nvgre.VirtualSubnetId.Value << 8) | nvgre.FlowId, "the key");
            room = Scratch.Room(NvgrePacket.HeaderLength);
            Check.That(nvgre.ToHeader().TryWrite(room, out written) && written == room.Length, "the NVGRE header can be written");
            Check.That(NvgrePacket.TryParse(room, out NvgrePacket read) && read.ToHeader() == nvgre.ToHeader(), "the NVGRE header written and read again");
        }
    }
}
