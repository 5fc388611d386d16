using System.Buffers.Binary;

namespace Overlay.Wire;

/// <summary>Changes single fields of an IPv6 packet in place; no checksum covers them.</summary>
/// <remarks>The bytes are an IPv6 packet that a parser took.</remarks>
public static class IPv6Editing
{
    private const ushort TrafficClassMask = 0x0FF0;

    /// <summary>Sets the ECN field.</summary>
    /// <param name="packet">The packet, from the version on.</param>
    /// <param name="ecn">The new field.</param>
    /// <exception cref="ArgumentOutOfRangeException">Less than 40 bytes.</exception>
    public static void SetEcn(Span<byte> packet, Ecn ecn)
    {
        Span<byte> header = packet[..IPv6Packet.HeaderLength];
        header[1] = (byte)((header[1] & 0xCF) | (((int)ecn & 3) << 4));
    }

    /// <summary>Sets the traffic class: DSCP and ECN.</summary>
    /// <param name="packet">The packet, from the version on.</param>
    /// <param name="trafficClass">The new byte.</param>
    /// <exception cref="ArgumentOutOfRangeException">Less than 40 bytes.</exception>
    public static void SetTrafficClass(Span<byte> packet, byte trafficClass)
    {
        Span<byte> header = packet[..IPv6Packet.HeaderLength];
        int word = BinaryPrimitives.ReadUInt16BigEndian(header);
        BinaryPrimitives.WriteUInt16BigEndian(header, (ushort)((word & ~TrafficClassMask) | (trafficClass << 4)));
    }

    /// <summary>Sets the source address. A transport checksum, which covers it, is not looked at.</summary>
    /// <param name="packet">The packet, from the version on.</param>
    /// <param name="source">The new address, IPv6.</param>
    /// <exception cref="ArgumentException"><paramref name="source"/> is not IPv6.</exception>
    /// <exception cref="ArgumentOutOfRangeException">Less than 40 bytes.</exception>
    public static void SetSource(Span<byte> packet, ValueIPAddress source)
    {
        Span<byte> header = packet[..IPv6Packet.HeaderLength];
        if (source.IsIPv4)
        {
            throw new ArgumentException($"{source} is not IPv6.", nameof(source));
        }

        _ = source.TryWriteBytes(header[IPv6Packet.SourceOffset..], out _);
    }

    /// <summary>Takes one hop from the hop limit.</summary>
    /// <param name="packet">The packet, from the version on.</param>
    /// <returns>false, with nothing changed, if the packet must not be forwarded: its hop limit is 0 or 1 (RFC 8200 §3).</returns>
    /// <exception cref="ArgumentOutOfRangeException">Less than 40 bytes.</exception>
    public static bool TryDecrementTtl(Span<byte> packet)
    {
        Span<byte> header = packet[..IPv6Packet.HeaderLength];
        if (header[IPv6Packet.HopLimitOffset] <= 1)
        {
            return false;
        }

        header[IPv6Packet.HopLimitOffset]--;
        return true;
    }
}
