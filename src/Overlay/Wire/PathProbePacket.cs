using System.Buffers.Binary;

namespace Overlay.Wire;

/// <summary>What a <see cref="PathProbePacket"/> is.</summary>
public enum PathProbeType : byte
{
    /// <summary>A probe, padded to the size that is probed; who receives it answers.</summary>
    Probe = 1,

    /// <summary>The answer, without padding: never longer than the probe.</summary>
    Answer = 2,
}

/// <summary>
/// A view of the message by which the ends of a tunnel probe the MTU of the path between them (DPLPMTUD, RFC 8899), and answer. It is this library's own; what
/// stands in front of it, so that other implementations drop it, is in docs/mtu-probing.md.
/// </summary>
/// <remarks>
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   0   |  Ver  |     Type      |             Size              |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                             Magic                             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                                                               |
/// +                             Nonce                             +
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                      Padding, in a probe                      ~
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// The first four bits are where an IP packet has its version, so that it is none for whoever takes it for one. Ver is 1, Magic 0x4F504D54 ("OPMT"). Size is
/// the length of the probe as an outer IP packet, in bytes; an answer repeats Size and Nonce.
/// </remarks>
public readonly ref struct PathProbePacket
{
    /// <summary>Bytes of the message without padding, 16.</summary>
    public const int HeaderLength = 16;

    /// <summary>What tells it from anything else: "OPMT".</summary>
    public const uint Magic = 0x4F50_4D54;

    /// <summary>The version that is spoken here.</summary>
    public const int CurrentVersion = 1;

    internal const int TypeOffset = 1;
    internal const int SizeOffset = 2;
    internal const int MagicOffset = 4;
    internal const int NonceOffset = 8;

    private PathProbePacket(PathProbeType type, ushort size, ulong nonce, int paddingLength)
    {
        Type = type;
        Size = size;
        Nonce = nonce;
        PaddingLength = paddingLength;
    }

    /// <summary>What it is.</summary>
    public PathProbeType Type { get; }

    /// <summary>The length of the probe as an outer IP packet, in bytes, as its sender says.</summary>
    public ushort Size { get; }

    /// <summary>What tells one probe from another, and its answer from a forged one.</summary>
    public ulong Nonce { get; }

    /// <summary>Bytes behind the message.</summary>
    public int PaddingLength { get; }

    /// <summary>Reads a message.</summary>
    /// <param name="source">The message and its padding.</param>
    /// <param name="packet">The view.</param>
    /// <returns>false if it is none.</returns>
    public static bool TryParse(ReadOnlySpan<byte> source, out PathProbePacket packet) => TryParse(source, out packet, out _);

    /// <summary>Reads a message.</summary>
    /// <param name="source">The message and its padding.</param>
    /// <param name="packet">The view.</param>
    /// <param name="error">
    /// <see cref="WireError.Truncated"/>; <see cref="WireError.Version"/> for another version, or where an IP version stands; <see cref="WireError.Unsupported"/> for
    /// another magic number or type.
    /// </param>
    /// <returns>false if it is none.</returns>
    public static bool TryParse(ReadOnlySpan<byte> source, out PathProbePacket packet, out WireError error)
    {
        packet = default;
        if (source.Length < HeaderLength)
        {
            error = WireError.Truncated;
            return false;
        }

        if (source[0] != CurrentVersion)
        {
            error = WireError.Version;
            return false;
        }

        PathProbeType type = (PathProbeType)source[TypeOffset];
        if (BinaryPrimitives.ReadUInt32BigEndian(source[MagicOffset..]) != Magic || type is not (PathProbeType.Probe or PathProbeType.Answer))
        {
            error = WireError.Unsupported;
            return false;
        }

        packet = new PathProbePacket(
            type,
            BinaryPrimitives.ReadUInt16BigEndian(source[SizeOffset..]),
            BinaryPrimitives.ReadUInt64BigEndian(source[NonceOffset..]),
            source.Length - HeaderLength);
        error = WireError.None;
        return true;
    }

    /// <summary>The message as a value.</summary>
    public PathProbeHeader ToHeader() => new(Type, Size, Nonce);
}

/// <summary>The message of a <see cref="PathProbePacket"/>, to be built, compared and written.</summary>
/// <param name="Type">What it is.</param>
/// <param name="Size">The length of the probe as an outer IP packet, in bytes.</param>
/// <param name="Nonce">What tells one probe from another.</param>
public readonly record struct PathProbeHeader(PathProbeType Type, ushort Size, ulong Nonce)
{
    /// <summary>Writes the 16 bytes of the message; padding is the caller's.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="bytesWritten">16, or 0.</param>
    /// <returns>false if there is no room.</returns>
    /// <exception cref="InvalidOperationException">It is neither a probe nor an answer, as the default value is.</exception>
    public bool TryWrite(Span<byte> destination, out int bytesWritten)
    {
        bytesWritten = 0;
        if (Type is not (PathProbeType.Probe or PathProbeType.Answer))
        {
            throw new InvalidOperationException($"A message is a probe or an answer; {(byte)Type} is neither.");
        }

        if (destination.Length < PathProbePacket.HeaderLength)
        {
            return false;
        }

        destination[0] = PathProbePacket.CurrentVersion;
        destination[PathProbePacket.TypeOffset] = (byte)Type;
        BinaryPrimitives.WriteUInt16BigEndian(destination[PathProbePacket.SizeOffset..], Size);
        BinaryPrimitives.WriteUInt32BigEndian(destination[PathProbePacket.MagicOffset..], PathProbePacket.Magic);
        BinaryPrimitives.WriteUInt64BigEndian(destination[PathProbePacket.NonceOffset..], Nonce);
        bytesWritten = PathProbePacket.HeaderLength;
        return true;
    }
}
