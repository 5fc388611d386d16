namespace Overlay.Wire;

/// <summary>The types of IPv6 options that this library names (IANA registry "Destination Options and Hop-by-Hop Options").</summary>
public enum IPv6OptionType : byte
{
    /// <summary>One byte of padding; neither length nor data follows (RFC 8200 §4.2).</summary>
    Pad1 = 0,

    /// <summary>Two bytes of padding or more (RFC 8200 §4.2).</summary>
    PadN = 1,

    /// <summary>The tunnel encapsulation limit (RFC 2473 §4.1.1).</summary>
    TunnelEncapsulationLimit = 4,

    /// <summary>Router alert, as MLD has it (RFC 2711).</summary>
    RouterAlert = 5,
}

/// <summary>What a node does with an option that it does not know: the two highest bits of the type (RFC 8200 §4.2).</summary>
public enum IPv6OptionAction : byte
{
    /// <summary>Skip it.</summary>
    Skip,

    /// <summary>Discard the packet.</summary>
    Discard,

    /// <summary>Discard the packet and send an ICMPv6 parameter problem, code 2, that points to the type, whatever the destination is.</summary>
    DiscardAndReport,

    /// <summary>Discard the packet and send an ICMPv6 parameter problem, code 2, that points to the type, unless the destination is multicast.</summary>
    DiscardAndReportUnicast,
}

/// <summary>A view of one option of an IPv6 hop-by-hop or destination options header (RFC 8200 §4.2).</summary>
/// <remarks>
/// <code>
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+- - - - - - - - -
/// |  Option Type  |  Opt Data Len |  Option Data
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+- - - - - - - - -
/// </code>
/// The length counts the data only. Options come out of <see cref="IPv6OptionsPacket.Options"/>.
/// </remarks>
public readonly ref struct IPv6Option
{
    private const int ActionShift = 6;
    private const byte MayChangeBit = 0x20;

    internal IPv6Option(IPv6OptionType type, int offset, ReadOnlySpan<byte> data)
    {
        Type = type;
        Offset = offset;
        Data = data;
    }

    /// <summary>The whole type byte.</summary>
    public IPv6OptionType Type { get; }

    /// <summary>What a node does that does not know the type.</summary>
    public IPv6OptionAction Action => (IPv6OptionAction)((byte)Type >> ActionShift);

    /// <summary>Whether the data may change on the way.</summary>
    public bool MayChange => ((byte)Type & MayChangeBit) != 0;

    /// <summary>Where the type byte lies, in bytes from the start of the extension header: 2 or more.</summary>
    public int Offset { get; }

    /// <summary>What follows type and length: 0 to 255 bytes.</summary>
    public ReadOnlySpan<byte> Data { get; }
}

/// <summary>The options of an IPv6 extension header one after the other, padding left out, for <c>foreach</c>; nothing is allocated.</summary>
/// <remarks>
/// If the memory is changed after the header was parsed, so that an option reaches beyond the end, the enumeration ends in front of it.
/// </remarks>
public ref struct IPv6OptionEnumerator
{
    private readonly int _headerLength;
    private ReadOnlySpan<byte> _rest;
    private IPv6Option _current;

    /// <param name="header">The extension header, from its first byte.</param>
    internal IPv6OptionEnumerator(ReadOnlySpan<byte> header)
    {
        _headerLength = header.Length;
        _rest = header[Math.Min(IPv6OptionsPacket.OptionsOffset, header.Length)..];
        _current = default;
        Error = WireError.None;
    }

    /// <summary>The option that <see cref="MoveNext"/> found.</summary>
    public readonly IPv6Option Current => _current;

    /// <summary><see cref="WireError.HeaderLength"/> if an option reaches beyond the header.</summary>
    internal WireError Error { get; private set; }

    /// <summary>Goes to the next option, or at first to the first.</summary>
    /// <returns>false at the end.</returns>
    public bool MoveNext()
    {
        // Each step takes at least one byte, so the walk ends.
        while (!_rest.IsEmpty)
        {
            IPv6OptionType type = (IPv6OptionType)_rest[0];
            if (type == IPv6OptionType.Pad1)
            {
                _rest = _rest[1..];
                continue;
            }

            int length = _rest.Length < 2 ? int.MaxValue : 2 + _rest[1];
            if (length > _rest.Length)
            {
                Error = WireError.HeaderLength;
                break;
            }

            int offset = _headerLength - _rest.Length;
            ReadOnlySpan<byte> data = _rest[2..length];
            _rest = _rest[length..];
            if (type != IPv6OptionType.PadN)
            {
                _current = new IPv6Option(type, offset, data);
                return true;
            }
        }

        _rest = default;
        _current = default;
        return false;
    }

    /// <summary>Itself, at its place: what <c>foreach</c> asks for.</summary>
    public readonly IPv6OptionEnumerator GetEnumerator() => this;
}

/// <summary>
/// A view of an IPv6 hop-by-hop or destination options header, whose options have been walked to the end, and of what follows (RFC 8200 §4.3, §4.6).
/// </summary>
/// <remarks>
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  Next Header  |  Hdr Ext Len  |                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+                               +
/// .                            Options                            .
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// Hdr Ext Len counts units of 8 bytes, "not including the first 8 octets". That a node knows all options is not judged:
/// <see cref="IPv6Option.Action"/> says what becomes of one that it does not.
/// </remarks>
public readonly ref struct IPv6OptionsPacket
{
    /// <summary>Bytes of the shortest header, 8.</summary>
    public const int MinimumHeaderLength = 8;

    /// <summary>Bytes of the longest header, 2048.</summary>
    public const int MaximumHeaderLength = 256 * MinimumHeaderLength;

    internal const int OptionsOffset = 2;

    private const int HeaderLengthOffset = 1;

    private readonly ReadOnlySpan<byte> _header;
    private readonly ReadOnlySpan<byte> _payload;

    private IPv6OptionsPacket(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload)
    {
        _header = header;
        _payload = payload;
    }

    /// <summary>Bytes of the header: 8 to 2048, a multiple of 8.</summary>
    public int HeaderLength => _header.Length;

    /// <summary>What follows the header.</summary>
    public IPProtocol NextHeader => (IPProtocol)_header[0];

    /// <summary>The options, padding left out.</summary>
    public IPv6OptionEnumerator Options => new(_header);

    /// <summary>All that follows the header.</summary>
    public ReadOnlySpan<byte> Payload => _payload;

    /// <summary>Reads a header.</summary>
    /// <param name="source">The bytes, from the next header field on.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <returns>false if the header is cut off or an option reaches beyond it.</returns>
    public static bool TryParse(ReadOnlySpan<byte> source, out IPv6OptionsPacket packet) => TryParse(source, out packet, out _);

    /// <summary>Reads a header and says what is wrong with it.</summary>
    /// <param name="source">The bytes, from the next header field on.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <param name="error">
    /// <see cref="WireError.Truncated"/>: fewer than 8 bytes, or fewer than the header says. <see cref="WireError.HeaderLength"/>: an option, or its
    /// length byte, lies beyond the end of the header.
    /// </param>
    public static bool TryParse(ReadOnlySpan<byte> source, out IPv6OptionsPacket packet, out WireError error)
    {
        packet = default;
        int length = source.Length < MinimumHeaderLength ? int.MaxValue : (source[HeaderLengthOffset] + 1) * MinimumHeaderLength;
        if (length > source.Length)
        {
            error = WireError.Truncated;
            return false;
        }

        ReadOnlySpan<byte> header = source[..length];
        IPv6OptionEnumerator options = new(header);
        while (options.MoveNext())
        {
        }

        error = options.Error;
        if (error != WireError.None)
        {
            return false;
        }

        packet = new IPv6OptionsPacket(header, source[length..]);
        return true;
    }

    /// <summary>Finds the tunnel encapsulation limit (RFC 2473 §4.1.1).</summary>
    /// <param name="limit">How many more tunnels the packet may enter.</param>
    /// <param name="offset">Where the limit lies, in bytes from the start of the extension header.</param>
    /// <returns>false if there is no such option. One whose data are not one byte is none, as in Linux.</returns>
    public bool TryGetEncapsulationLimit(out byte limit, out int offset)
    {
        foreach (IPv6Option option in Options)
        {
            if (option.Type == IPv6OptionType.TunnelEncapsulationLimit && option.Data.Length == 1)
            {
                limit = option.Data[0];
                offset = option.Offset + EncapsulationLimitHeader.LimitOffsetInOption;
                return true;
            }
        }

        limit = 0;
        offset = 0;
        return false;
    }
}
