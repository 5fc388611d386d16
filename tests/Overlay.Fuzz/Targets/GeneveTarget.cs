using Overlay.Wire;

namespace Overlay.Fuzz.Targets;

/// <summary><see cref="GenevePacket"/>, its options one after the other, and the builder that makes them.</summary>
internal sealed class GeneveTarget : IFuzzTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        bool parsed = GenevePacket.TryParse(input, out GenevePacket packet, out WireError error);
        Check.Equal(parsed, error == WireError.None, "an error exactly if it is no packet");
        Check.Equal(parsed, GenevePacket.TryParse(input, out _), "both overloads");
        Build(input);
        if (!parsed)
        {
            return;
        }

        Check.Inside(input, packet.OptionBytes, "the options");
        Check.Inside(input, packet.Payload, "the payload");
        Check.Touch(packet.OptionBytes);
        Check.Touch(packet.Payload);
        Check.Equal(input.Length, packet.HeaderLength + packet.Payload.Length, "header and payload");
        Check.Use((packet.Version, packet.IsControl, packet.AnnouncesCriticalOption, packet.ProtocolType, packet.Vni, packet.RawHeader));
        int length = 0;
        bool critical = false;
        foreach (GeneveOption option in packet.Options)
        {
            Check.Inside(packet.OptionBytes, option.Data, "the data of an option");
            Check.Touch(option.Data);
            Check.Equal(option.Type >= GeneveOption.CriticalBit, option.IsCritical, "a critical option");
            Check.That(packet.TryGetOption(option.Class, option.Type, out _), "an option that is there is found");
            critical |= option.IsCritical;
            length += GeneveOption.HeaderLength + option.Data.Length;
        }

        Check.Equal(packet.OptionBytes.Length, length, "bytes of all options");
        Check.Equal(critical, packet.HasCriticalOption, "whether an option is critical");
        Check.Use(packet.TryGetOption(0, 0x80, out _));

        // A parsed protocol type below 0x0600 is no EtherType and is not written; reserved bits are sent as zero, and C is what the options say.
        if ((ushort)packet.ProtocolType >= 0x0600)
        {
            Span<byte> room = Scratch.Room(packet.HeaderLength);
            Check.That(packet.ToHeader().TryWrite(room, packet.OptionBytes, out int written) && written == room.Length, "the header can be written");
            Check.Equal(input[0], room[0], "version and length of the options");
            Check.Equal((input[1] & 0x80) | (critical ? 0x40 : 0), room[1], "the flags");
            Check.Same(input[2..7], room[2..7], "protocol type and VNI");
            Check.Same(packet.OptionBytes, room[GenevePacket.MinimumHeaderLength..], "the options written again");
        }
    }

    // The input says which options to add: class, type and how much data.
    private static void Build(ReadOnlySpan<byte> input)
    {
        GeneveOptionsBuilder builder = new(Scratch.Room(GenevePacket.MaximumOptionsLength));
        int added = 0;
        int length = 0;
        for (ReadOnlySpan<byte> rest = input; rest.Length >= 4;)
        {
            int data = Math.Min(rest[3] & 0x7C, (rest.Length - 4) & ~3);
            bool fits = length + 4 + data <= GenevePacket.MaximumOptionsLength;
            Check.Equal(fits, builder.TryAdd((ushort)((rest[0] << 8) | rest[1]), rest[2], rest.Slice(4, data)), "an option that fits is added");
            added += fits ? 1 : 0;
            length += fits ? 4 + data : 0;
            Check.Equal(length, builder.Written.Length, "bytes of the options");
            rest = rest[(4 + data)..];
        }

        byte[] whole = [(byte)(length / 4), (byte)(builder.HasCriticalOption ? 0x40 : 0), 0x65, 0x58, 0, 0, 1, 0, .. builder.Written];
        Check.That(GenevePacket.TryParse(whole, out GenevePacket built), "options that were built can be read");
        int read = 0;
        foreach (GeneveOption option in built.Options)
        {
            Check.Touch(option.Data);
            read++;
        }

        Check.Equal(added, read, "options that were built");
    }
}
