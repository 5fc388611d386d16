using System.Buffers.Binary;

namespace Overlay.Wire;

/// <summary>A view of one Geneve option (RFC 8926 §3.5).</summary>
/// <remarks>
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |          Option Class         |      Type     |R|R|R| Length  |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                                                               |
/// ~                  Variable-Length Option Data                  ~
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// Length counts the data in words of four bytes; the three reserved bits "MUST be ignored on receipt". Options come out of
/// <see cref="GenevePacket.Options"/>.
/// </remarks>
public readonly ref struct GeneveOption
{
    /// <summary>Bytes in front of the data.</summary>
    public const int HeaderLength = 4;

    /// <summary>Bytes of data at most: 31 words.</summary>
    public const int MaximumDataLength = LengthMask * LengthUnit;

    /// <summary>The highest bit of a type: a receiver that does not know the option "MUST" drop the packet.</summary>
    public const byte CriticalBit = 0x80;

    internal const int LengthMask = 0x1F;
    internal const int LengthUnit = 4;

    private readonly uint _head;

    private GeneveOption(uint head, ReadOnlySpan<byte> data)
    {
        _head = head;
        Data = data;
    }

    /// <summary>The name space of the type (IANA registry "Geneve Option Class").</summary>
    public ushort Class => (ushort)(_head >> 16);

    /// <summary>The type within the class, <see cref="CriticalBit"/> included.</summary>
    public byte Type => (byte)(_head >> 8);

    /// <summary>Whether a receiver that does not know this option must drop the packet.</summary>
    public bool IsCritical => (Type & CriticalBit) != 0;

    /// <summary>The data: 0 to 124 bytes, a multiple of four.</summary>
    public ReadOnlySpan<byte> Data { get; }

    /// <summary>Takes the first option from the bytes.</summary>
    /// <param name="options">Options.</param>
    /// <param name="option">The option.</param>
    /// <param name="length">Its bytes, 4 to 128.</param>
    /// <returns>false if the bytes end before the option does.</returns>
    internal static bool TryTake(ReadOnlySpan<byte> options, out GeneveOption option, out int length)
    {
        option = default;
        length = 0;
        if (options.Length < HeaderLength)
        {
            return false;
        }

        uint head = BinaryPrimitives.ReadUInt32BigEndian(options);
        length = HeaderLength + ((int)(head & LengthMask) * LengthUnit);
        if (length > options.Length)
        {
            return false;
        }

        option = new GeneveOption(head, options[HeaderLength..length]);
        return true;
    }
}

/// <summary>The options of a Geneve header one after the other, for <c>foreach</c>; nothing is allocated.</summary>
/// <remarks>
/// If the memory is changed after the packet was parsed, so that an option reaches beyond the end, the enumeration ends in front of it.
/// </remarks>
public ref struct GeneveOptionEnumerator
{
    private ReadOnlySpan<byte> _rest;
    private GeneveOption _current;

    internal GeneveOptionEnumerator(ReadOnlySpan<byte> options)
    {
        _rest = options;
        _current = default;
    }

    /// <summary>The option that <see cref="MoveNext"/> found.</summary>
    public readonly GeneveOption Current => _current;

    /// <summary>Goes to the next option, or at first to the first.</summary>
    /// <returns>false at the end.</returns>
    public bool MoveNext()
    {
        bool found = GeneveOption.TryTake(_rest, out _current, out int length);
        _rest = found ? _rest[length..] : default;
        return found;
    }

    /// <summary>Itself, at its place: what <c>foreach</c> asks for.</summary>
    public readonly GeneveOptionEnumerator GetEnumerator() => this;

    /// <summary>Whether the lengths of the options add up to the bytes given, exactly, and whether one of them is critical.</summary>
    internal static bool TryWalk(ReadOnlySpan<byte> options, out bool hasCriticalOption)
    {
        hasCriticalOption = false;
        // Each step takes at least 4 bytes, so the walk ends.
        while (!options.IsEmpty)
        {
            if (!GeneveOption.TryTake(options, out GeneveOption option, out int length))
            {
                return false;
            }

            hasCriticalOption |= option.IsCritical;
            options = options[length..];
        }

        return true;
    }
}
