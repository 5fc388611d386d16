using System.Runtime.CompilerServices;

namespace Overlay.Tables;

/// <summary>
/// IPv4 prefixes and the numbers they lead to, at one moment: nothing in it ever changes. A change makes a new one, which shares with the old one all
/// but the path to what changed.
/// </summary>
/// <remarks>
/// A row, a node and a band are found by bits of the address; there are so few of the first two that they lie in the nearest caches. The
/// <see cref="IPv4Band"/> says for each /24 what prefixes of 9 to 24 bits, taken together, lead to. Prefixes of up to 8 bits stand in an array of their
/// own, and those of more than 24 in a <see cref="HostBand"/> for each /24 that has any. So most changes copy less than 2 KB.
/// </remarks>
internal sealed class IPv4Routes
{
    /// <summary>How many addresses are looked up at once, at most.</summary>
    public const int GroupLength = 32;

    private const int Width = 1 << RowBits;
    private const int RowBits = 5;

    // Of prefixes of 0 to 8 bits: the rules, and what they mean for each first byte.
    private readonly uint[] _shortRules;
    private readonly uint[] _short;
    private Rows _rows;

    private IPv4Routes(uint[] shortRules)
    {
        _shortRules = shortRules;
        _short = new uint[RouteBand.Slots];
        RouteBand.Paint(shortRules, 0, _short);
        Span<IPv4Row> rows = _rows;
        rows.Fill(IPv4Row.Empty);
    }

    private IPv4Routes(IPv4Routes other)
    {
        _shortRules = other._shortRules;
        _short = other._short;
        _rows = other._rows;
    }

    /// <summary>No prefix.</summary>
    public static IPv4Routes Empty { get; } = new([]);

    /// <summary>Makes the routes of all their prefixes at once.</summary>
    /// <param name="routes">In order, each once.</param>
    public static IPv4Routes Create(ReadOnlySpan<IPv4Rule> routes)
    {
        List<uint> rules = [];
        foreach ((uint prefix, byte length, uint number) in routes)
        {
            if (length <= 8)
            {
                rules.Add(RouteBand.Rule(RouteBand.Place(prefix >> 24, length), number));
            }
        }

        IPv4Routes result = new(RouteBand.Sorted(rules));
        while (!routes.IsEmpty)
        {
            int row = RowOf(routes[0].Prefix);
            result._rows[row] = IPv4Row.Create(IPv4Rule.Take(ref routes, RowBits));
        }

        return result;
    }

    /// <summary>Finds what the longest prefix that holds an address leads to; 0 if there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Find(uint address)
    {
        // Nothing of these is ever null. Asked so, the compiler knows it, too, and does not read the head of each object to find out: that would be
        // one more line of the cache.
        uint found = _rows[RowOf(address)] is { } row && row.Node(address) is { } node ? IPv4Band.Find(node.BandOf(address), address) : IPv4Band.Further;
        if (found == IPv4Band.Further)
        {
            found = FindFurther(address);
        }

        // Without a branch: for traffic from everywhere nobody could foretell it.
        return found | (_short[address >> 24] & (uint)((int)(found - 1) >> 31));
    }

    /// <summary>Finds many: the waits for memory overlap.</summary>
    /// <remarks>Compiled for good at once: by stages, from what it happens to see first, the loops have come out several times slower.</remarks>
    /// <param name="addresses">IPv4 addresses, at most <see cref="GroupLength"/>.</param>
    /// <param name="numbers">Gets for each what it leads to, 0 for none.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Find(ReadOnlySpan<ValueIPAddress> addresses, Span<uint> numbers)
    {
        Bands bands = default;
        numbers = numbers[..addresses.Length];
        for (int i = 0; i < addresses.Length && i < GroupLength; i++)
        {
            uint address = addresses[i].ToIPv4();
            if (_rows[RowOf(address)] is { } row && row.Node(address) is { } node)
            {
                uint[] band = node.BandOf(address);
                bands[i] = band;
                IPv4Band.Prefetch(band);
            }
        }

        for (int i = 0; i < addresses.Length && i < GroupLength; i++)
        {
            uint address = addresses[i].ToIPv4();
            uint found = IPv4Band.Find(bands[i], address);
            if (found == IPv4Band.Further)
            {
                found = FindFurther(address);
            }

            numbers[i] = found | (_short[address >> 24] & (uint)((int)(found - 1) >> 31));
        }
    }

    /// <summary>What exactly a prefix leads to; 0 if it is not there.</summary>
    public uint Get(uint prefix, int length)
    {
        IPv4Row row = _rows[RowOf(prefix)];
        IPv4Network? network = row.Node(prefix).NetworkOf(prefix);
        return length switch
        {
            <= 8 => RouteBand.Get(_shortRules, RouteBand.Place(prefix >> 24, length)),
            < 16 => RouteBand.Get(row.RulesOf(prefix), RouteBand.Place((byte)(prefix >> 16), length - 8)),
            <= 24 => RouteBand.Get(network is null ? [] : network.Rules, RouteBand.Place((byte)(prefix >> 8), length - 16)),
            _ => RouteBand.Get(HostBand.Rules(network?.HostsOf((byte)(prefix >> 8))), RouteBand.Place((byte)prefix, length - 24)),
        };
    }

    /// <summary>The routes with a prefix, or – with the number 0 – without it.</summary>
    public IPv4Routes With(uint prefix, int length, uint number)
    {
        if (length <= 8)
        {
            return new IPv4Routes(RouteBand.With(_shortRules, RouteBand.Place(prefix >> 24, length), number)) { _rows = _rows };
        }

        IPv4Row row = _rows[RowOf(prefix)];
        IPv4Routes result = new(this);
        result._rows[RowOf(prefix)] = length switch
        {
            < 16 => row.With(prefix, length, number),
            <= 24 => row.With(prefix, WithLong(row, prefix, length, number)),
            _ => row.With(prefix, WithHost(row, prefix, length, number)),
        };
        return result;
    }

    /// <summary>Adds all prefixes, in no order.</summary>
    public void CopyTo(List<IPv4Rule> routes)
    {
        Add(routes, _shortRules, 0, 0);
        for (uint first = 0; first < RouteBand.Slots; first++)
        {
            Add(routes, _rows[RowOf(first << 24)].RulesOf(first << 24), first << 24, 8);
        }

        for (uint second = 0; second < 1 << 16; second++)
        {
            uint prefix = second << 16;
            if (_rows[RowOf(prefix)].Node(prefix).NetworkOf(prefix) is { } network)
            {
                Add(routes, network.Rules, prefix, 16);
                foreach (byte third in network.HostNetworks)
                {
                    Add(routes, HostBand.Rules(network.HostsOf(third)), prefix | ((uint)third << 8), 24);
                }
            }
        }
    }

    private static void Add(List<IPv4Rule> routes, ReadOnlySpan<uint> rules, uint start, int bits)
    {
        foreach (uint rule in rules)
        {
            routes.Add(new IPv4Rule(start | (RouteBand.SlotOf(rule) << (24 - bits)), (byte)(bits + RouteBand.LengthOf(rule)), RouteBand.NumberOf(rule)));
        }
    }

    private static int RowOf(uint address) => (int)(address >> (32 - RowBits));

    private static uint Inherited(IPv4Row row, uint address) => RouteBand.Resolve(row.RulesOf(address), (byte)(address >> 16));

    private static IPv4Node WithLong(IPv4Row row, uint prefix, int length, uint number)
    {
        IPv4Node node = row.Node(prefix);
        IPv4Network? network = IPv4Network.With(node.NetworkOf(prefix), prefix, length, number);
        return node.With(prefix, network, IPv4Band.Create(network, Inherited(row, prefix)));
    }

    private static IPv4Node WithHost(IPv4Row row, uint prefix, int length, uint number)
    {
        IPv4Node node = row.Node(prefix);
        byte third = (byte)(prefix >> 8);
        uint[]? before = node.NetworkOf(prefix)?.HostsOf(third);
        uint[]? after = HostBand.Create(RouteBand.With(HostBand.Rules(before), RouteBand.Place((byte)prefix, length - 24), number));
        IPv4Network? network = IPv4Network.With(node.NetworkOf(prefix), third, after);
        bool isSame = before is null == after is null;
        return node.With(prefix, network, isSame ? node.BandOf(prefix) : IPv4Band.Create(network, Inherited(row, prefix)));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private uint FindFurther(uint address)
    {
        IPv4Row row = _rows[RowOf(address)];
        return row.Node(address).NetworkOf(address)?.Find(address) is not (null or 0) and uint found ? found : Inherited(row, address);
    }

    [InlineArray(GroupLength)]
    private struct Bands
    {
        private uint[] _first;
    }

    [InlineArray(Width)]
    private struct Rows
    {
        private IPv4Row _first;
    }
}
