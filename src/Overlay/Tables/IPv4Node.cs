using System.Runtime.CompilerServices;

namespace Overlay.Tables;

/// <summary>64 neighbouring /16s: the band of each, and its prefixes. Nothing in it ever changes once it is made.</summary>
internal sealed class IPv4Node
{
    /// <summary>The /16s of a node.</summary>
    public const int Width = 1 << Bits;

    private const int Bits = 6;

    private Bands _bands;
    private Networks _networks;

    private IPv4Node()
    {
        Span<uint[]> bands = _bands;
        bands.Fill(IPv4Band.Empty);
    }

    private IPv4Node(IPv4Node other)
    {
        _bands = other._bands;
        _networks = other._networks;
    }

    /// <summary>A node without prefixes.</summary>
    public static IPv4Node Empty { get; } = new();

    /// <summary>Makes the node of the prefixes that stand in it.</summary>
    /// <param name="routes">In order, each once; those of less than 16 bits are passed over.</param>
    /// <param name="inherited">What holds in each /16 where none of them does.</param>
    public static IPv4Node Create(ReadOnlySpan<IPv4Rule> routes, ReadOnlySpan<uint> inherited)
    {
        if (routes.IsEmpty && inherited.IndexOfAnyExcept(0u) < 0)
        {
            return Empty;
        }

        IPv4Node node = new();
        while (!routes.IsEmpty)
        {
            int index = IndexOf(routes[0].Prefix);
            node._networks[index] = IPv4Network.Create(IPv4Rule.Take(ref routes, 16));
        }

        node.Paint(inherited);
        return node;
    }

    /// <summary>The band of an address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint[] BandOf(uint address) => _bands[IndexOf(address)];

    /// <summary>The prefixes in the /16 of an address; null if there are none.</summary>
    public IPv4Network? NetworkOf(uint address) => _networks[IndexOf(address)];

    /// <summary>The node with another /16.</summary>
    public IPv4Node With(uint address, IPv4Network? network, uint[] band)
    {
        IPv4Node node = new(this);
        node._networks[IndexOf(address)] = network;
        node._bands[IndexOf(address)] = band;
        return node;
    }

    /// <summary>The node where something else is inherited in some /16s.</summary>
    /// <param name="first">The first address.</param>
    /// <param name="inherited">For each /16 from there on.</param>
    public IPv4Node WithInherited(uint first, ReadOnlySpan<uint> inherited)
    {
        IPv4Node node = new(this);
        node.Paint(inherited, IndexOf(first));
        return node;
    }

    private static int IndexOf(uint address) => (int)(address >> 16) & (Width - 1);

    private void Paint(ReadOnlySpan<uint> inherited, int start = 0)
    {
        // What leads to the same throughout is the same band.
        uint[] plain = IPv4Band.Empty;
        uint number = 0;
        for (int i = 0; i < inherited.Length; i++)
        {
            IPv4Network? network = _networks[start + i];
            if (network is null && inherited[i] != number)
            {
                plain = IPv4Band.Create(null, inherited[i]);
                number = inherited[i];
            }

            _bands[start + i] = network is null ? plain : IPv4Band.Create(network, inherited[i]);
        }
    }

    [InlineArray(Width)]
    private struct Bands
    {
        private uint[] _first;
    }

    [InlineArray(Width)]
    private struct Networks
    {
        private IPv4Network? _first;
    }
}
