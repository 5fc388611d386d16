using Overlay.Wire;

namespace Overlay.Fuzz.Targets;

/// <summary>Extension headers of IPv6: <see cref="IPv6OptionsPacket"/> with its options, and <see cref="IPv6FragmentPacket"/>.</summary>
internal sealed class IPv6ExtensionTarget : IFuzzTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        Options(input);
        bool parsed = IPv6FragmentPacket.TryParse(input, out IPv6FragmentPacket fragment, out WireError error);
        Check.Equal(parsed, error == WireError.None, "an error exactly if it is no fragment header");
        Check.Equal(parsed, IPv6FragmentPacket.TryParse(input, out _), "both overloads");
        if (!parsed)
        {
            return;
        }

        Check.Inside(input, fragment.Payload, "the fragment");
        Check.Touch(fragment.Payload);
        Check.Use((fragment.NextHeader, fragment.FragmentOffset, fragment.MoreFragments, fragment.Identification, fragment.Reserved, fragment.Res));
        Span<byte> room = Scratch.Room(IPv6FragmentHeader.Length);
        Check.That(fragment.ToHeader().TryWrite(room, out int written) && written == room.Length, "the header can be written");
        if (fragment.Reserved == 0 && fragment.Res == 0)
        {
            Check.Same(input[..written], room, "the header written again");
        }
    }

    private static void Options(ReadOnlySpan<byte> input)
    {
        bool parsed = IPv6OptionsPacket.TryParse(input, out IPv6OptionsPacket packet, out WireError error);
        Check.Equal(parsed, error == WireError.None, "an error exactly if it is no options header");
        Check.Equal(parsed, IPv6OptionsPacket.TryParse(input, out _), "both overloads");
        if (!parsed)
        {
            return;
        }

        Check.Inside(input, packet.Payload, "the payload");
        Check.Touch(packet.Payload);
        Check.Equal(input.Length, packet.HeaderLength + packet.Payload.Length, "header and payload");
        int expected = -1;
        foreach (IPv6Option option in packet.Options)
        {
            Check.Inside(input[..packet.HeaderLength], option.Data, "the data of an option");
            Check.Touch(option.Data);
            Check.Equal((byte)option.Type, input[option.Offset], "an option where it says that it is");
            Check.Use((option.Action, option.MayChange));
            if (expected < 0 && option.Type == IPv6OptionType.TunnelEncapsulationLimit && option.Data.Length == 1)
            {
                expected = option.Data[0];
            }
        }

        bool limited = packet.TryGetEncapsulationLimit(out byte limit, out int offset);
        Check.Equal(expected, limited ? limit : -1, "the encapsulation limit");
        Check.That(!limited || input[offset] == limit, "the limit where it says that it is");
        if (limited)
        {
            Span<byte> room = Scratch.Room(EncapsulationLimitHeader.Length);
            Check.That(new EncapsulationLimitHeader(packet.NextHeader, limit).TryWrite(room, out int written) && written == room.Length, "a limit can be written");
            Check.That(IPv6OptionsPacket.TryParse(room, out IPv6OptionsPacket again), "what was written is an options header");
            Check.That(again.TryGetEncapsulationLimit(out byte same, out _) && same == limit && again.NextHeader == packet.NextHeader, "the limit written and read again");
        }
    }
}
