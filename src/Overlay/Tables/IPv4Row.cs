using System.Runtime.CompilerServices;

namespace Overlay.Tables;

/// <summary>A /5: its 32 nodes, and the prefixes of 9 to 15 bits. Nothing in it ever changes once it is made.</summary>
internal sealed class IPv4Row
{
    private const int Width = 32;
    private const int Firsts = 8;
    private const int NodesOfFirst = Width / Firsts;
    private const int NodeShift = 22;

    private Nodes _nodes;
    private Rules _rules;

    private IPv4Row()
    {
        Span<IPv4Node> nodes = _nodes;
        nodes.Fill(IPv4Node.Empty);
    }

    private IPv4Row(IPv4Row other)
    {
        _nodes = other._nodes;
        _rules = other._rules;
    }

    /// <summary>A row without prefixes.</summary>
    public static IPv4Row Empty { get; } = new();

    /// <summary>Makes the row of the prefixes that stand in it.</summary>
    /// <param name="routes">In order, each once; those of less than 9 bits are passed over.</param>
    public static IPv4Row Create(ReadOnlySpan<IPv4Rule> routes)
    {
        IPv4Row row = new();
        Span<uint> inherited = stackalloc uint[RouteBand.Slots];
        while (!routes.IsEmpty)
        {
            uint address = routes[0].Prefix;
            ReadOnlySpan<IPv4Rule> all = IPv4Rule.Take(ref routes, 8);
            List<uint> rules = [];
            foreach ((uint prefix, byte length, uint number) in all)
            {
                if (length is > 8 and < 16)
                {
                    rules.Add(RouteBand.Rule(RouteBand.Place((byte)(prefix >> 16), length - 8), number));
                }
            }

            row._rules[FirstOf(address)] = rules.Count > 0 ? RouteBand.Sorted(rules) : null;
            RouteBand.Paint(row.RulesOf(address), 0, inherited);
            for (int i = 0; i < NodesOfFirst; i++)
            {
                int node = (NodesOfFirst * FirstOf(address)) + i;
                ReadOnlySpan<IPv4Rule> own = !all.IsEmpty && NodeOf(all[0].Prefix) == node ? IPv4Rule.Take(ref all, 32 - NodeShift) : [];
                row._nodes[node] = IPv4Node.Create(own, inherited.Slice(i * IPv4Node.Width, IPv4Node.Width));
            }
        }

        return row;
    }

    /// <summary>The node of an address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public IPv4Node Node(uint address) => _nodes[NodeOf(address)];

    /// <summary>The prefixes of 9 to 15 bits in the /8 of an address, see <see cref="RouteBand"/>.</summary>
    public ReadOnlySpan<uint> RulesOf(uint address) => _rules[FirstOf(address)];

    /// <summary>The row with another node.</summary>
    public IPv4Row With(uint address, IPv4Node node)
    {
        IPv4Row row = new(this);
        row._nodes[NodeOf(address)] = node;
        return row;
    }

    /// <summary>The row with a prefix of 9 to 15 bits, or – with the number 0 – without it.</summary>
    public IPv4Row With(uint prefix, int length, uint number)
    {
        uint[] rules = RouteBand.With(RulesOf(prefix), RouteBand.Place((byte)(prefix >> 16), length - 8), number);
        IPv4Row row = new(this);
        row._rules[FirstOf(prefix)] = rules.Length > 0 ? rules : null;
        Span<uint> inherited = stackalloc uint[RouteBand.Slots];
        RouteBand.Paint(rules, 0, inherited);
        ReadOnlySpan<uint> changed = inherited.Slice((byte)(prefix >> 16), 1 << (16 - length));
        for (uint address = prefix; !changed.IsEmpty; address += 1u << NodeShift)
        {
            int count = Math.Min(changed.Length, IPv4Node.Width);
            row._nodes[NodeOf(address)] = Node(address).WithInherited(address, changed[..count]);
            changed = changed[count..];
        }

        return row;
    }

    private static int NodeOf(uint address) => (int)(address >> NodeShift) & (Width - 1);

    private static int FirstOf(uint address) => (int)(address >> 24) & (Firsts - 1);

    [InlineArray(Width)]
    private struct Nodes
    {
        private IPv4Node _first;
    }

    [InlineArray(Firsts)]
    private struct Rules
    {
        private uint[]? _first;
    }
}
