using Overlay.Wire;

namespace Overlay.Fuzz.Targets;

/// <summary><see cref="IPv6Packet"/>, whole and as ICMPv6 errors quote it, its extension headers, and the changes of <see cref="IPv6Editing"/>.</summary>
internal sealed class IPv6Target : IFuzzTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        bool parsed = IPv6Packet.TryParse(input, out IPv6Packet packet, out WireError error);
        Check.Equal(parsed, error == WireError.None, "an error exactly if it is no packet");
        Check.Equal(parsed, IPv6Packet.TryParse(input, out _), "both overloads");
        bool quoted = IPv6Packet.TryParseTruncated(input, out IPv6Packet quote);
        Check.That(quoted || !parsed, "what is whole is also a quote");
        if (quoted)
        {
            Read(input, quote);
            Check.Equal(!parsed, quote.IsTruncated, "truncated exactly if it is not whole");
        }

        if (!parsed)
        {
            return;
        }

        Read(input, packet);
        // ::ffff:0:0/96 is an IPv4 address here, and no header is written with one.
        if (!packet.Source.IsIPv4 && !packet.Destination.IsIPv4)
        {
            Span<byte> room = Scratch.Room(IPv6Header.Length);
            Check.That(packet.ToHeader().TryWrite(room, out int written) && written == room.Length, "the header can be written");
            Check.Same(packet.Bytes[..written], room, "the header written again");
        }

        Span<byte> copy = Scratch.Copy(packet.Bytes);
        IPv6Editing.SetEcn(copy, Ecn.Ce);
        IPv6Editing.SetTrafficClass(copy, (byte)~packet.TrafficClass);
        bool lives = IPv6Editing.TryDecrementTtl(copy);
        Check.Equal(packet.HopLimit > 1, lives, "a hop limit that can be taken one from");
        Check.That(IPv6Packet.TryParse(copy, out IPv6Packet changed), "a changed packet is one");
        Check.Equal((byte)~packet.TrafficClass, changed.TrafficClass, "the traffic class");
        Check.Equal(packet.FlowLabel, changed.FlowLabel, "the flow label stays");
        Check.Equal(packet.HopLimit - (lives ? 1 : 0), changed.HopLimit, "the hop limit");
    }

    /// <summary>Reads everything of a packet.</summary>
    public static void Read(ReadOnlySpan<byte> input, IPv6Packet packet)
    {
        Check.Inside(input, packet.Bytes, "the packet");
        Check.Inside(packet.Bytes, packet.Payload, "the payload");
        Check.Touch(packet.Bytes);
        Check.Equal(packet.Bytes.Length, IPv6Packet.HeaderLength + packet.Payload.Length, "header and payload");
        Check.Use((packet.TrafficClass, packet.Ecn, packet.FlowLabel, packet.PayloadLength, packet.NextHeader, packet.HopLimit));
        Check.Use((packet.Source, packet.Destination, packet.IsTruncated));
        bool found = packet.TryGetTransport(out IPProtocol protocol, out ReadOnlySpan<byte> transport, out IPv6Fragment fragment);
        Check.Equal(found, packet.TryGetTransport(out IPProtocol same, out ReadOnlySpan<byte> again), "both overloads");
        Check.Equal(protocol, same, "the protocol of both overloads");
        Check.Same(transport, again, "the transport of both overloads");
        Check.Inside(packet.Bytes, transport, "the transport header");
        Check.Touch(transport);
        Check.Use((fragment.IsPresent, fragment.IsAtomic, fragment.IsNonFirst, fragment.MoreFragments, fragment.Offset, fragment.Identification));
        Check.That(!found || !fragment.IsNonFirst, "a later fragment has no transport header");
        if (found)
        {
            Check.Equal((true, protocol, packet.Bytes.Length - transport.Length), SlowChain(packet.Bytes), "the chain of extension headers");
        }
        else if (!fragment.IsNonFirst)
        {
            Check.That(!SlowChain(packet.Bytes).Found, "a chain that the plain walk follows to its end");
        }
    }

    // The plain twin: RFC 8200 §4.1, RFC 4302 §2.2; hop-by-hop options first or not at all, one fragment header, eight headers at most.
    private static (bool Found, IPProtocol Protocol, int Offset) SlowChain(ReadOnlySpan<byte> packet)
    {
        int next = packet[6];
        int at = 40;
        int fragments = 0;
        for (int headers = 0; ; headers++)
        {
            if (next is not (0 or 43 or 60 or 44 or 51))
            {
                return (true, (IPProtocol)next, at);
            }

            if (headers == 8 || (next == 0 && headers > 0) || (next == 44 && fragments++ > 0) || packet.Length - at < 8)
            {
                return default;
            }

            int length = next switch { 44 => 8, 51 => (packet[at + 1] + 2) * 4, _ => (packet[at + 1] + 1) * 8 };
            bool later = next == 44 && ((packet[at + 2] << 8) | packet[at + 3]) >> 3 != 0;
            if (length > packet.Length - at || later)
            {
                return default;
            }

            next = packet[at];
            at += length;
        }
    }
}
