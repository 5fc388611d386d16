using Overlay.Wire;

namespace Overlay.Fuzz.Targets;

/// <summary><see cref="NeighborDiscoveryPacket"/> and its options.</summary>
internal sealed class NeighborDiscoveryTarget : IFuzzTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        bool parsed = NeighborDiscoveryPacket.TryParse(input, out NeighborDiscoveryPacket packet, out WireError error);
        Check.Equal(parsed, error == WireError.None, "an error exactly if it is no message");
        Check.Equal(parsed, NeighborDiscoveryPacket.TryParse(input, out _), "both overloads");
        if (!parsed)
        {
            return;
        }

        Check.Inside(input, packet.Options, "the options");
        Check.Touch(packet.Options);
        Check.Use((packet.Type, packet.Flags, packet.Checksum, packet.Target));
        for (int type = 0; type < 16; type++)
        {
            if (packet.TryGetOption((NeighborDiscoveryOptionType)type, out ReadOnlySpan<byte> option))
            {
                Check.Inside(packet.Options, option, "an option");
                Check.Touch(option);
                Check.Equal(type, option[0], "the type of the option");
                Check.Equal(option[1] * 8, option.Length, "the length of the option");
            }
        }

        bool solicitation = packet.Type == IcmpV6Type.NeighborSolicitation;
        bool hasSource = packet.TryGetSourceLinkLayerAddress(out MacAddress source);
        bool hasTarget = packet.TryGetTargetLinkLayerAddress(out MacAddress target);
        NeighborDiscoveryHeader header = packet.ToHeader();
        Check.Equal(solicitation ? (hasSource ? source : null) : hasTarget ? target : (MacAddress?)null, header.LinkLayerAddress, "the address of the header");

        if (header.Target.IsIPv4)
        {
            // ::ffff:0:0/96 is an IPv4 address here, and no header is written with one.
            return;
        }

        Span<byte> room = Scratch.Room(header.Length);
        Check.That(header.TryWrite(room, out int written) && written == room.Length, "the message can be written");
        Check.That(NeighborDiscoveryPacket.TryParse(room, out NeighborDiscoveryPacket again), "what was written is a message");
        Check.Equal(header, again.ToHeader(), "the header written and read again");
        Check.That(header.TryWriteMessage(room, Samples.A6, Samples.B6, out written) && written == room.Length, "the message can be written");
        Check.That(IcmpV6Packet.TryParse(room, out IcmpV6Packet icmp) && icmp.IsChecksumValid(Samples.A6, Samples.B6), "the checksum of the message");
    }
}
