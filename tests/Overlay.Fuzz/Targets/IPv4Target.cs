using Overlay.Wire;

namespace Overlay.Fuzz.Targets;

/// <summary><see cref="IPv4Packet"/>, whole and as ICMP errors quote it, its options, and the changes of <see cref="IPv4Editing"/>.</summary>
internal sealed class IPv4Target : IFuzzTarget
{
    private const int ChecksumOffset = 10;

    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        bool parsed = IPv4Packet.TryParse(input, out IPv4Packet packet, out WireError error);
        Check.Equal(parsed, error == WireError.None, "an error exactly if it is no packet");
        Check.Equal(parsed, IPv4Packet.TryParse(input, out _), "both overloads");
        bool quoted = IPv4Packet.TryParseTruncated(input, out IPv4Packet quote);
        Check.That(quoted || !parsed, "what is whole is also a quote");
        if (quoted)
        {
            Read(input, quote);
            Check.Equal(!parsed, quote.IsTruncated, "truncated exactly if it is not whole");
        }

        if (parsed)
        {
            Read(input, packet);
            Check.Same(quote.Bytes, packet.Bytes, "the whole packet and its quote");
            Write(packet);
            Edit(packet);
        }
    }

    /// <summary>Reads everything of a packet.</summary>
    public static void Read(ReadOnlySpan<byte> input, IPv4Packet packet)
    {
        Check.Inside(input, packet.Bytes, "the packet");
        Check.Inside(packet.Bytes, packet.Options, "the options");
        Check.Inside(packet.Bytes, packet.Payload, "the payload");
        Check.Touch(packet.Bytes);
        Check.Touch(packet.Options);
        Check.Touch(packet.Payload);
        Check.Equal(packet.Bytes.Length, packet.HeaderLength + packet.Payload.Length, "header and payload");
        Check.Equal(packet.HeaderLength, IPv4Packet.MinimumHeaderLength + packet.Options.Length, "header and options");
        Check.That(packet.IsTruncated || packet.TotalLength == packet.Bytes.Length, "the total length");
        Check.Equal(packet.MoreFragments || packet.FragmentOffset != 0, packet.IsFragment, "a fragment");
        foreach (IPv4Option option in packet.EnumerateOptions())
        {
            Check.Inside(packet.Options, option.Data, "the data of an option");
            Check.Touch(option.Data);
            Check.Use((option.Type, option.IsCopied, option.Offset));
        }

        Check.Use((packet.TrafficClass, packet.Ecn, packet.Identification, packet.Flags, packet.DontFragment, packet.TimeToLive));
        Check.Use((packet.Protocol, packet.Checksum, packet.IsChecksumValid, packet.Source, packet.Destination, packet.IsTruncated));
    }

    private static void Write(IPv4Packet packet)
    {
        Span<byte> room = Scratch.Room(packet.HeaderLength);
        Check.That(packet.ToHeader().TryWrite(room, packet.Options, out int written) && written == room.Length, "the header can be written");
        Check.Same(packet.Bytes[..ChecksumOffset], room[..ChecksumOffset], "the header in front of its checksum");
        Check.Same(packet.Bytes[(ChecksumOffset + 2)..written], room[(ChecksumOffset + 2)..], "the header behind its checksum");
        Check.That(InternetChecksum.IsValid(room), "the checksum that was written");
    }

    private static void Edit(IPv4Packet packet)
    {
        Span<byte> copy = Scratch.Copy(packet.Bytes);
        bool valid = packet.IsChecksumValid;
        IPv4Editing.SetEcn(copy, Ecn.Ce);
        IPv4Editing.SetTrafficClass(copy, (byte)~packet.TrafficClass);
        bool lives = IPv4Editing.TryDecrementTtl(copy);
        Check.Equal(packet.TimeToLive > 1, lives, "a TTL that can be taken one from");
        Check.That(IPv4Packet.TryParse(copy, out IPv4Packet changed), "a changed packet is one");
        Check.Equal((byte)~packet.TrafficClass, changed.TrafficClass, "the traffic class");
        Check.Equal(packet.TimeToLive - (lives ? 1 : 0), changed.TimeToLive, "the TTL");
        Check.Equal(valid, changed.IsChecksumValid, "the checksum is as right as it was");
    }
}
