namespace Overlay.Wire;

/// <summary>The types of IPv4 options (IANA registry "IP Option Numbers"): the copied flag, two bits of class and five of number in one byte.</summary>
public enum IPv4OptionType : byte
{
    /// <summary>The options end here; no length follows (RFC 791 §3.1).</summary>
    EndOfOptions = 0,

    /// <summary>One byte between options; no length follows (RFC 791 §3.1).</summary>
    NoOperation = 1,

    /// <summary>Record route (RFC 791 §3.1).</summary>
    RecordRoute = 7,

    /// <summary>Internet timestamp (RFC 791 §3.1).</summary>
    Timestamp = 68,

    /// <summary>Security (RFC 1108).</summary>
    Security = 130,

    /// <summary>Loose source and record route (RFC 791 §3.1).</summary>
    LooseSourceRoute = 131,

    /// <summary>Strict source and record route (RFC 791 §3.1).</summary>
    StrictSourceRoute = 137,

    /// <summary>Router alert, as IGMP has it (RFC 2113).</summary>
    RouterAlert = 148,
}

/// <summary>A view of one IPv4 option that has a length (RFC 791 §3.1).</summary>
/// <remarks>
/// <code>
/// +--------+--------+--------+--
/// |  type  | length | data ...
/// +--------+--------+--------+--
///
///  type: |copied| class (2 bits) | number (5 bits) |
/// </code>
/// The length counts the type and itself. Options come out of <see cref="IPv4Packet.EnumerateOptions"/>.
/// </remarks>
public readonly ref struct IPv4Option
{
    private const byte CopiedBit = 0x80;

    internal IPv4Option(IPv4OptionType type, int offset, ReadOnlySpan<byte> data)
    {
        Type = type;
        Offset = offset;
        Data = data;
    }

    /// <summary>The whole type byte.</summary>
    public IPv4OptionType Type { get; }

    /// <summary>Whether the option is copied into all fragments.</summary>
    public bool IsCopied => ((byte)Type & CopiedBit) != 0;

    /// <summary>Where the type byte lies, in bytes from the start of the options: 0 to 38.</summary>
    public int Offset { get; }

    /// <summary>What follows type and length: 0 to 38 bytes.</summary>
    public ReadOnlySpan<byte> Data { get; }
}

/// <summary>The options of an IPv4 header one after the other, for <c>foreach</c>; nothing is allocated.</summary>
/// <remarks>
/// "No operation" is passed over, and "end of options" ends the enumeration, whatever follows. So does an option with a bad length:
/// <see cref="Error"/> then says why. A <c>foreach</c> works on a copy; who wants to see the error calls <see cref="MoveNext"/>.
/// </remarks>
public ref struct IPv4OptionEnumerator
{
    private readonly int _length;
    private ReadOnlySpan<byte> _rest;
    private IPv4Option _current;

    /// <summary>Enumerates options.</summary>
    /// <param name="options">What <see cref="IPv4Packet.Options"/> gives.</param>
    public IPv4OptionEnumerator(ReadOnlySpan<byte> options)
    {
        _length = options.Length;
        _rest = options;
        _current = default;
        Error = WireError.None;
    }

    /// <summary>The option that <see cref="MoveNext"/> found.</summary>
    public readonly IPv4Option Current => _current;

    /// <summary>
    /// Why the enumeration ended. <see cref="WireError.None"/>: it has not, or the options are well formed. <see cref="WireError.Truncated"/>: the last
    /// option has no length, or reaches beyond the header. <see cref="WireError.HeaderLength"/>: its length is below 2.
    /// </summary>
    public WireError Error { get; private set; }

    /// <summary>Goes to the next option, or at first to the first.</summary>
    /// <returns>false at the end, and at an option with a bad length.</returns>
    public bool MoveNext()
    {
        // Each step takes at least one byte, so the walk ends.
        while (!_rest.IsEmpty)
        {
            IPv4OptionType type = (IPv4OptionType)_rest[0];
            if (type == IPv4OptionType.NoOperation)
            {
                _rest = _rest[1..];
                continue;
            }

            if (type == IPv4OptionType.EndOfOptions)
            {
                break;
            }

            int length = _rest.Length < 2 ? int.MaxValue : _rest[1];
            Error = length < 2 ? WireError.HeaderLength : length > _rest.Length ? WireError.Truncated : WireError.None;
            if (Error != WireError.None)
            {
                break;
            }

            _current = new IPv4Option(type, _length - _rest.Length, _rest[2..length]);
            _rest = _rest[length..];
            return true;
        }

        _rest = default;
        _current = default;
        return false;
    }

    /// <summary>Itself, at its place: what <c>foreach</c> asks for.</summary>
    public readonly IPv4OptionEnumerator GetEnumerator() => this;
}
