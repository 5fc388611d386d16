using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Overlay.Wire;

/// <summary>An Ethernet II frame without FCS, with up to four VLAN tags (IEEE 802.3 §3, IEEE 802.1Q §9).</summary>
/// <remarks>
/// <code>
/// +---------------------+---------------------+-----------+---------+
/// | Destination address | Source address      | VLAN tags | Type    |
/// | 6 bytes             | 6 bytes             | n * 4     | 2 bytes |
/// +---------------------+---------------------+-----------+---------+
/// </code>
/// A view reads the memory it was parsed from; it must not outlive it. The default value is no frame.
/// </remarks>
public readonly ref struct EthernetFrame
{
    /// <summary>Bytes of a header without tags, 14.</summary>
    public const int MinimumHeaderLength = 14;

    /// <summary>Tags that are looked through. A fifth is left to the payload, and <see cref="EtherType"/> is its TPID.</summary>
    public const int MaxVlanCount = 4;

    private const int DestinationOffset = 0;
    private const int SourceOffset = 6;
    private const int TypeOffset = 12;

    private readonly ref readonly byte _start;
    private readonly int _length;
    private readonly ushort _headerLength;
    private readonly ushort _etherType;

    private EthernetFrame(ReadOnlySpan<byte> frame, int headerLength, ushort etherType)
    {
        _start = ref MemoryMarshal.GetReference(frame);
        _length = frame.Length;
        _headerLength = (ushort)headerLength;
        _etherType = etherType;
    }

    /// <summary>Destination address.</summary>
    public MacAddress Destination => MacAddress.ReadFromWord(BinaryPrimitives.ReadUInt64BigEndian(Fixed[DestinationOffset..]));

    /// <summary>Source address.</summary>
    public MacAddress Source => MacAddress.ReadFromWord(BinaryPrimitives.ReadUInt64BigEndian(Fixed[SourceOffset..]));

    /// <summary>The type of the payload: the type field behind the last tag. Below 0x0600 it is an IEEE 802.3 length.</summary>
    public EtherType EtherType => (EtherType)_etherType;

    /// <summary>Tags in front of the type: 0 to <see cref="MaxVlanCount"/>.</summary>
    public int VlanCount => (_headerLength - MinimumHeaderLength) / VlanTag.Length;

    /// <summary>The first tag; the default value if there is none.</summary>
    public VlanTag OuterVlan => TryGetVlan(0, out VlanTag tag) ? tag : default;

    /// <summary>Bytes in front of the payload, tags included: 14 to 30.</summary>
    public int HeaderLength => _headerLength;

    /// <summary>What follows the header, to the end of the frame: it may end with padding, since Ethernet has no length of its own.</summary>
    public ReadOnlySpan<byte> Payload => Bytes[_headerLength..];

    /// <summary>The whole frame.</summary>
    public ReadOnlySpan<byte> Bytes => MemoryMarshal.CreateReadOnlySpan(in _start, _length);

    private ReadOnlySpan<byte> Fixed => MemoryMarshal.CreateReadOnlySpan(in _start, MinimumHeaderLength);

    /// <summary>Takes a frame if it holds a whole header, tags included.</summary>
    /// <returns>false if the bytes end before.</returns>
    public static bool TryParse(ReadOnlySpan<byte> source, out EthernetFrame frame) => TryParse(source, out frame, out _);

    /// <inheritdoc cref="TryParse(ReadOnlySpan{byte}, out EthernetFrame)"/>
    /// <param name="source">The bytes, from the destination address on.</param>
    /// <param name="frame">The view.</param>
    /// <param name="error"><see cref="WireError.Truncated"/> or none.</param>
    public static bool TryParse(ReadOnlySpan<byte> source, out EthernetFrame frame, out WireError error)
    {
        int headerLength = MinimumHeaderLength;
        if (source.Length >= MinimumHeaderLength)
        {
            ushort type = BinaryPrimitives.ReadUInt16BigEndian(source[TypeOffset..]);
            if (!VlanTag.IsTpid((EtherType)type) || TrySkipTags(source, ref headerLength, ref type))
            {
                frame = new EthernetFrame(source, headerLength, type);
                error = WireError.None;
                return true;
            }
        }

        frame = default;
        error = WireError.Truncated;
        return false;
    }

    /// <summary>The destination address of a frame whose length was checked before: one load, for who needs nothing else of the header.</summary>
    /// <param name="frame">At least eight bytes, from the destination address on.</param>
    /// <exception cref="ArgumentOutOfRangeException">The bytes end before.</exception>
    public static MacAddress ReadDestination(ReadOnlySpan<byte> frame) => MacAddress.ReadFromWord(BinaryPrimitives.ReadUInt64BigEndian(frame));

    /// <summary>A tag, counted from the outside.</summary>
    /// <param name="index">0 for the outer tag.</param>
    /// <param name="tag">The tag.</param>
    /// <returns>false if there are fewer.</returns>
    public bool TryGetVlan(int index, out VlanTag tag)
    {
        if ((uint)index >= (uint)VlanCount)
        {
            tag = default;
            return false;
        }

        tag = VlanTag.Read(Bytes.Slice(TypeOffset + (index * VlanTag.Length), VlanTag.Length));
        return true;
    }

    /// <summary>
    /// The header as value. It holds two tags; behind more, its type is the third tag's TPID, so that it still describes the frame's first bytes.
    /// </summary>
    public EthernetHeader ToHeader() => new(Destination, Source, VlanCount <= EthernetHeader.MaxVlanCount ? EtherType : ThirdTpid)
    {
        OuterVlan = TryGetVlan(0, out VlanTag outer) ? outer : null,
        InnerVlan = TryGetVlan(1, out VlanTag inner) ? inner : null,
    };

    private EtherType ThirdTpid => TryGetVlan(2, out VlanTag third) ? third.Tpid : EtherType;

    private static bool TrySkipTags(ReadOnlySpan<byte> source, ref int headerLength, ref ushort type)
    {
        for (int i = 0; i < MaxVlanCount && VlanTag.IsTpid((EtherType)type); i++)
        {
            headerLength += VlanTag.Length;
            if (source.Length < headerLength)
            {
                return false;
            }

            type = BinaryPrimitives.ReadUInt16BigEndian(source[(headerLength - 2)..]);
        }

        return true;
    }
}

/// <summary>An Ethernet II header as value: build, compare, write.</summary>
/// <param name="Destination">Destination address.</param>
/// <param name="Source">Source address.</param>
/// <param name="EtherType">The type of the payload, behind the tags.</param>
public readonly record struct EthernetHeader(MacAddress Destination, MacAddress Source, EtherType EtherType)
{
    /// <summary>Tags that a header holds.</summary>
    public const int MaxVlanCount = 2;

    /// <summary>The outer, or only, VLAN tag.</summary>
    public VlanTag? OuterVlan { get; init; }

    /// <summary>The tag behind <see cref="OuterVlan"/>.</summary>
    public VlanTag? InnerVlan { get; init; }

    /// <summary>Bytes on the wire: 14, 18 or 22.</summary>
    public int Length => EthernetFrame.MinimumHeaderLength +
        (OuterVlan.HasValue ? VlanTag.Length : 0) + (InnerVlan.HasValue ? VlanTag.Length : 0);

    /// <summary>Writes the header.</summary>
    /// <param name="destination">Takes <see cref="Length"/> bytes.</param>
    /// <param name="bytesWritten"><see cref="Length"/>, or 0.</param>
    /// <returns>false, with nothing written, if <paramref name="destination"/> is too short.</returns>
    /// <exception cref="InvalidOperationException">An inner tag without an outer one, or a default tag.</exception>
    public bool TryWrite(Span<byte> destination, out int bytesWritten)
    {
        if ((InnerVlan.HasValue && !OuterVlan.HasValue) ||
            (OuterVlan.HasValue && !VlanTag.IsTpid(OuterVlan.Value.Tpid)) || (InnerVlan.HasValue && !VlanTag.IsTpid(InnerVlan.Value.Tpid)))
        {
            throw new InvalidOperationException("An inner tag needs an outer one, and a tag needs a TPID.");
        }

        bytesWritten = 0;
        if (destination.Length < Length)
        {
            return false;
        }

        Destination.TryWriteBytes(destination);
        Source.TryWriteBytes(destination[MacAddress.Length..]);
        int offset = 2 * MacAddress.Length;
        if (OuterVlan is { } outer)
        {
            outer.Write(destination[offset..]);
            offset += VlanTag.Length;
        }

        if (InnerVlan is { } inner)
        {
            inner.Write(destination[offset..]);
            offset += VlanTag.Length;
        }

        BinaryPrimitives.WriteUInt16BigEndian(destination[offset..], (ushort)EtherType);
        bytesWritten = offset + sizeof(ushort);
        return true;
    }
}
