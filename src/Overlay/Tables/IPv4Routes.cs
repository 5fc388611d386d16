using System.Runtime.CompilerServices;

namespace Overlay.Tables;

/// <summary>
/// IPv4 prefixes and the numbers they lead to, at one moment: nothing in it ever changes. A change makes a new one, which shares with the old one all
/// but the path to what changed.
/// </summary>
/// <remarks>
/// An <see cref="IPv4Block"/> says for each /24 what it leads to, prefixes of 9 to 24 bits taken together. Prefixes of up to 8 bits stand in
/// an array of their own, and those of more than 24 in a <see cref="HostBand"/> for each /24 that has any: so a change copies few kilobytes,
/// whatever its length. The rules, which changes and snapshots need and look-ups do not, lie apart.
/// </remarks>
internal sealed class IPv4Routes
{
    private const int RowBits = 5;
    private const int RowLength = 1 << RowBits;
    private const int RowShift = 32 - RowBits;
    private const int BlockShift = 16 + IPv4Block.BandBits;

    // Of prefixes of 0 to 8 bits: the rules, and what they mean for each first byte.
    private readonly uint[] _shortRules;
    private readonly uint[] _short;

    // By the first byte the rules of 9 to 15 bits, by the first two those of 16 to 24, by the first three the band of those of 25 to 32.
    private readonly RadixMap<uint[]> _middleRules;
    private readonly RadixMap<uint[]> _rules;
    private readonly RadixMap<uint[]> _hosts;

    // 32 rows of 32 blocks of 64 /16s.
    private readonly byte[][][] _blocks;

    private IPv4Routes(
        uint[] shortRules, uint[] @short, RadixMap<uint[]> middleRules, RadixMap<uint[]> rules, RadixMap<uint[]> hosts, byte[][][] blocks)
    {
        _shortRules = shortRules;
        _short = @short;
        _middleRules = middleRules;
        _rules = rules;
        _hosts = hosts;
        _blocks = blocks;
    }

    /// <summary>No prefix.</summary>
    public static IPv4Routes Empty { get; } = new([], new uint[RouteBand.Slots], default, default, default, EmptyBlocks());

    /// <summary>Finds what the longest prefix that holds an address leads to; 0 if there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Find(uint address)
    {
        uint found = IPv4Block.Find(_blocks[address >> RowShift][(address >> BlockShift) % RowLength], address);
        if (found >= IPv4Block.LongerMark)
        {
            found = FindHost(address, found);
        }

        // Without a branch: for traffic from everywhere nobody could foretell it.
        return found | (_short[address >> 24] & (uint)((int)(found - 1) >> 31));
    }

    /// <summary>Finds many: the waits for memory overlap.</summary>
    /// <param name="addresses">IPv4 addresses.</param>
    /// <param name="numbers">Gets for each what it leads to, 0 for none.</param>
    public void Find(ReadOnlySpan<ValueIPAddress> addresses, Span<uint> numbers)
    {
        numbers = numbers[..addresses.Length];
        byte[][][] blocks = _blocks;
        uint[] shorts = _short;
        for (int i = 0; i < addresses.Length; i++)
        {
            uint address = addresses[i].ToIPv4();
            uint found = IPv4Block.Find(blocks[address >> RowShift][(address >> BlockShift) % RowLength], address);
            if (found >= IPv4Block.LongerMark)
            {
                found = FindHost(address, found);
            }

            numbers[i] = found | (shorts[address >> 24] & (uint)((int)(found - 1) >> 31));
        }
    }

    /// <summary>What exactly a prefix leads to; 0 if it is not there.</summary>
    public uint Get(uint prefix, int length) => length switch
    {
        <= 8 => RouteBand.Get(_shortRules, RouteBand.Place(prefix >> 24, length)),
        < 16 => RouteBand.Get(_middleRules[prefix >> 24], RouteBand.Place((byte)(prefix >> 16), length - 8)),
        <= 24 => RouteBand.Get(_rules[prefix >> 16], RouteBand.Place((byte)(prefix >> 8), length - 16)),
        _ => RouteBand.Get(HostBand.Rules(_hosts[prefix >> 8]), RouteBand.Place((byte)prefix, length - 24)),
    };

    /// <summary>The routes with a prefix, or – with the number 0 – without it.</summary>
    public IPv4Routes With(uint prefix, int length, uint number) => length switch
    {
        <= 8 => WithShort(prefix, length, number),
        < 16 => WithMiddle(prefix, length, number),
        <= 24 => WithLong(prefix, length, number),
        _ => WithHost(prefix, length, number),
    };

    /// <summary>Calls for each prefix, in no order.</summary>
    public void ForEach(Action<uint, int, uint> visit)
    {
        Visit(_shortRules, 0, 0, visit);
        _middleRules.ForEach((first, rules) => Visit(rules, first << 24, 8, visit));
        _rules.ForEach((second, rules) => Visit(rules, second << 16, 16, visit));
        _hosts.ForEach((third, band) => Visit(HostBand.Rules(band), third << 8, 24, visit));
    }

    private static void Visit(ReadOnlySpan<uint> rules, uint start, int bits, Action<uint, int, uint> visit)
    {
        foreach (uint rule in rules)
        {
            visit(start | (RouteBand.SlotOf(rule) << (24 - bits)), bits + RouteBand.LengthOf(rule), RouteBand.NumberOf(rule));
        }
    }

    private static byte[][][] EmptyBlocks()
    {
        byte[][] row = new byte[RowLength][];
        Array.Fill(row, IPv4Block.Empty);
        byte[][][] rows = new byte[RowLength][][];
        Array.Fill(rows, row);
        return rows;
    }

    private static T[] With<T>(T[] array, uint index, T element)
    {
        T[] copy = array.AsSpan().ToArray();
        copy[index] = element;
        return copy;
    }

    private static uint[]? NullIfEmpty(uint[] rules) => rules.Length > 0 ? rules : null;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private uint FindHost(uint address, uint marked)
    {
        uint found = HostBand.Find(_hosts[address >> 8]!, address);
        return found != 0 ? found : marked & ~IPv4Block.LongerMark;
    }

    private byte[] BlockOf(uint address) => _blocks[address >> RowShift][(address >> BlockShift) % RowLength];

    private byte[][][] WithBlock(uint address, byte[] block)
    {
        uint row = address >> RowShift;
        return With(_blocks, row, With(_blocks[row], (address >> BlockShift) % RowLength, block));
    }

    private IPv4Routes WithShort(uint prefix, int length, uint number)
    {
        uint[] rules = RouteBand.With(_shortRules, RouteBand.Place(prefix >> 24, length), number);
        uint[] painted = new uint[RouteBand.Slots];
        RouteBand.Paint(rules, 0, painted);
        return new IPv4Routes(rules, painted, _middleRules, _rules, _hosts, _blocks);
    }

    private IPv4Routes WithMiddle(uint prefix, int length, uint number)
    {
        uint[] rules = RouteBand.With(_middleRules[prefix >> 24], RouteBand.Place((byte)(prefix >> 16), length - 8), number);
        Span<uint> inherited = stackalloc uint[RouteBand.Slots];
        Span<uint> slots = stackalloc uint[RouteBand.Slots];
        RouteBand.Paint(rules, 0, inherited);
        uint first = prefix >> 16;
        uint end = first + (1u << (16 - length));
        byte[][][] blocks = _blocks;
        for (uint second = first; second < end;)
        {
            byte[] block = BlockOf(second << 16);
            uint address = second << 16;
            do
            {
                RouteBand.Paint(_rules[second], inherited[(byte)second], slots);
                IPv4Block.CopyMarks(block, second, slots);
                block = IPv4Block.With(block, second, slots);
                second++;
            }
            while (second < end && second % (1 << IPv4Block.BandBits) != 0);
            uint row = address >> RowShift;
            blocks = With(blocks, row, With(blocks[row], (address >> BlockShift) % RowLength, block));
        }

        return new IPv4Routes(_shortRules, _short, _middleRules.With(prefix >> 24, NullIfEmpty(rules)), _rules, _hosts, blocks);
    }

    private IPv4Routes WithLong(uint prefix, int length, uint number)
    {
        uint[] rules = RouteBand.With(_rules[prefix >> 16], RouteBand.Place((byte)(prefix >> 8), length - 16), number);
        Span<uint> slots = stackalloc uint[RouteBand.Slots];
        byte[] block = BlockOf(prefix);
        RouteBand.Paint(rules, RouteBand.Resolve(_middleRules[prefix >> 24], (byte)(prefix >> 16)), slots);
        IPv4Block.CopyMarks(block, prefix >> 16, slots);
        byte[][][] blocks = WithBlock(prefix, IPv4Block.With(block, prefix >> 16, slots));
        return new IPv4Routes(_shortRules, _short, _middleRules, _rules.With(prefix >> 16, NullIfEmpty(rules)), _hosts, blocks);
    }

    private IPv4Routes WithHost(uint prefix, int length, uint number)
    {
        uint[]? before = _hosts[prefix >> 8];
        uint[]? band = HostBand.Create(RouteBand.With(HostBand.Rules(before), RouteBand.Place((byte)prefix, length - 24), number));
        byte[][][] blocks = _blocks;
        if (before is null != band is null)
        {
            Span<uint> slots = stackalloc uint[RouteBand.Slots];
            byte[] block = BlockOf(prefix);
            RouteBand.Paint(_rules[prefix >> 16], RouteBand.Resolve(_middleRules[prefix >> 24], (byte)(prefix >> 16)), slots);
            IPv4Block.CopyMarks(block, prefix >> 16, slots);
            slots[(byte)(prefix >> 8)] ^= IPv4Block.LongerMark;
            blocks = WithBlock(prefix, IPv4Block.With(block, prefix >> 16, slots));
        }

        return new IPv4Routes(_shortRules, _short, _middleRules, _rules, _hosts.With(prefix >> 8, band), blocks);
    }
}
