using System.Buffers.Binary;

namespace Overlay.Wire;

/// <summary>Changes single fields of an IPv4 packet in place and its header checksum with them (RFC 1624 §3, equation 3).</summary>
/// <remarks>
/// The bytes are an IPv4 packet that a parser took. A checksum that was wrong before is as wrong afterwards, so that an error is not hidden.
/// </remarks>
public static class IPv4Editing
{
    /// <summary>Sets the ECN field.</summary>
    /// <param name="packet">The packet, from the version on.</param>
    /// <param name="ecn">The new field.</param>
    /// <exception cref="ArgumentOutOfRangeException">Less than 20 bytes.</exception>
    public static void SetEcn(Span<byte> packet, Ecn ecn)
    {
        Span<byte> header = packet[..IPv4Packet.MinimumHeaderLength];
        SetTrafficClass(header, (byte)((header[IPv4Packet.TrafficClassOffset] & ~3) | ((int)ecn & 3)));
    }

    /// <summary>Sets the Type of Service byte: DSCP and ECN.</summary>
    /// <param name="packet">The packet, from the version on.</param>
    /// <param name="trafficClass">The new byte.</param>
    /// <exception cref="ArgumentOutOfRangeException">Less than 20 bytes.</exception>
    public static void SetTrafficClass(Span<byte> packet, byte trafficClass)
    {
        Span<byte> header = packet[..IPv4Packet.MinimumHeaderLength];
        ushort before = BinaryPrimitives.ReadUInt16BigEndian(header);
        header[IPv4Packet.TrafficClassOffset] = trafficClass;
        UpdateChecksum(header, before, (ushort)((before & 0xFF00) | trafficClass));
    }

    /// <summary>Takes one hop from the time to live.</summary>
    /// <param name="packet">The packet, from the version on.</param>
    /// <returns>false, with nothing changed, if the packet must not be forwarded: its time to live is 0 or 1 (RFC 1812 §5.3.1).</returns>
    /// <exception cref="ArgumentOutOfRangeException">Less than 20 bytes.</exception>
    public static bool TryDecrementTtl(Span<byte> packet)
    {
        Span<byte> header = packet[..IPv4Packet.MinimumHeaderLength];
        if (header[IPv4Packet.TimeToLiveOffset] <= 1)
        {
            return false;
        }

        ushort before = BinaryPrimitives.ReadUInt16BigEndian(header[IPv4Packet.TimeToLiveOffset..]);
        header[IPv4Packet.TimeToLiveOffset]--;
        UpdateChecksum(header, before, (ushort)(before - 0x0100));
        return true;
    }

    /// <summary>Sets the source address. A transport checksum, which covers it too, is not looked at.</summary>
    /// <param name="packet">The packet, from the version on.</param>
    /// <param name="source">The new address, IPv4.</param>
    /// <exception cref="ArgumentException"><paramref name="source"/> is not IPv4.</exception>
    /// <exception cref="ArgumentOutOfRangeException">Less than 20 bytes.</exception>
    public static void SetSource(Span<byte> packet, ValueIPAddress source)
    {
        Span<byte> header = packet[..IPv4Packet.MinimumHeaderLength];
        if (!source.IsIPv4)
        {
            throw new ArgumentException($"{source} is not IPv4.", nameof(source));
        }

        Span<byte> address = header.Slice(IPv4Packet.SourceOffset, ValueIPAddress.IPv4Length);
        Span<byte> field = header.Slice(IPv4Packet.ChecksumOffset, sizeof(ushort));
        ushort checksum = InternetChecksum.Update(
            BinaryPrimitives.ReadUInt16BigEndian(field), BinaryPrimitives.ReadUInt32BigEndian(address), source.ToIPv4());
        BinaryPrimitives.WriteUInt32BigEndian(address, source.ToIPv4());
        BinaryPrimitives.WriteUInt16BigEndian(field, checksum);
    }

    private static void UpdateChecksum(Span<byte> header, ushort before, ushort after)
    {
        Span<byte> field = header.Slice(IPv4Packet.ChecksumOffset, sizeof(ushort));
        BinaryPrimitives.WriteUInt16BigEndian(field, InternetChecksum.Update(BinaryPrimitives.ReadUInt16BigEndian(field), before, after));
    }
}
