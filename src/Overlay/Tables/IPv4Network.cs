namespace Overlay.Tables;

/// <summary>The prefixes of 16 to 32 bits in one /16: what changes, snapshots and the rarer look-ups need. Nothing in it ever changes.</summary>
internal sealed class IPv4Network
{
    private const int MinimumLength = 16;

    private readonly byte[] _hostNetworks;
    private readonly uint[][] _hosts;

    private IPv4Network(uint[] words, byte[] hostNetworks, uint[][] hosts)
    {
        Words = words;
        _hostNetworks = hostNetworks;
        _hosts = hosts;
    }

    /// <summary>The prefixes of 16 to 24 bits, see <see cref="RouteBand"/>.</summary>
    public ReadOnlySpan<uint> Rules => Words.AsSpan(0, Words.AsSpan().IndexOf(0u));

    /// <summary>The same with a zero behind, or as many as make it an <see cref="IPv4Band"/>.</summary>
    public uint[] Words { get; }

    /// <summary>The third bytes of the /24s that have longer prefixes, ascending.</summary>
    public ReadOnlySpan<byte> HostNetworks => _hostNetworks;

    /// <summary>Makes the network of the prefixes that stand in it; null of none.</summary>
    /// <param name="routes">In order, each once; those of less than 16 bits are passed over.</param>
    public static IPv4Network? Create(ReadOnlySpan<IPv4Rule> routes)
    {
        List<uint> rules = [];
        List<byte> hostNetworks = [];
        List<uint[]> hosts = [];
        while (!routes.IsEmpty)
        {
            byte third = (byte)(routes[0].Prefix >> 8);
            List<uint> band = [];
            foreach ((uint prefix, byte length, uint number) in IPv4Rule.Take(ref routes, 24))
            {
                if (length > 24)
                {
                    band.Add(RouteBand.Rule(RouteBand.Place((byte)prefix, length - 24), number));
                }
                else if (length >= MinimumLength)
                {
                    rules.Add(RouteBand.Rule(RouteBand.Place(third, length - MinimumLength), number));
                }
            }

            if (band.Count > 0)
            {
                                hostNetworks.Add(third);
                hosts.Add(HostBand.Create(RouteBand.Sorted(band))!);
            }
        }

        uint[] words = NewWords(rules.Count);
        RouteBand.Sorted(rules).CopyTo(words, 0);
        return NullIfEmpty(words, [.. hostNetworks], [.. hosts]);
    }

    /// <summary>The prefixes of more than 24 bits in a /24, see <see cref="HostBand"/>; null if there are none.</summary>
    public uint[]? HostsOf(byte third) => _hostNetworks.AsSpan().IndexOf(third) is >= 0 and int index ? _hosts[index] : null;

    /// <summary>What the longest prefix leads to that holds an address; 0 if there is none.</summary>
    public uint Find(uint address)
    {
        uint found = HostsOf((byte)(address >> 8)) is { } band ? HostBand.Find(band, address) : 0;
        return found != 0 ? found : RouteBand.Resolve(Rules, (byte)(address >> 8));
    }

    /// <summary>A network with a prefix of 16 to 24 bits, or – with the number 0 – without it; null if no prefix is left.</summary>
    /// <param name="network">The network; null for none.</param>
    /// <param name="prefix">The prefix.</param>
    /// <param name="length">Its length.</param>
    /// <param name="number">What it leads to.</param>
    public static IPv4Network? With(IPv4Network? network, uint prefix, int length, uint number)
    {
        ReadOnlySpan<uint> before = network is null ? [] : network.Rules;
        uint place = RouteBand.Place((byte)(prefix >> 8), length - MinimumLength);
        uint[] after = NewWords(RouteBand.CountWith(before, place, number));
        RouteBand.Copy(before, place, number, after);
        return NullIfEmpty(after, network?._hostNetworks ?? [], network?._hosts ?? []);
    }

    /// <summary>A network with other prefixes of more than 24 bits in one /24; null if no prefix is left.</summary>
    /// <param name="network">The network; null for none.</param>
    /// <param name="third">The third byte of the /24.</param>
    /// <param name="band">Its longer prefixes; null for none.</param>
    public static IPv4Network? With(IPv4Network? network, byte third, uint[]? band)
    {
        byte[] hostNetworks = network?._hostNetworks ?? [];
        uint[][] hosts = network?._hosts ?? [];
        int index = Array.BinarySearch(hostNetworks, third);
        int behind = index < 0 ? ~index : index + 1;
        index = index < 0 ? ~index : index;
        return band is null
            ? NullIfEmpty(network?.Words ?? IPv4Band.Empty, [.. hostNetworks[..index], .. hostNetworks[behind..]], [.. hosts[..index], .. hosts[behind..]])
            : NullIfEmpty(network?.Words ?? IPv4Band.Empty, [.. hostNetworks[..index], third, .. hostNetworks[behind..]], [.. hosts[..index], band, .. hosts[behind..]]);
    }

    private static IPv4Network? NullIfEmpty(uint[] words, byte[] hostNetworks, uint[][] hosts) =>
        words[0] != 0 || hosts.Length > 0 ? new IPv4Network(words, hostNetworks, hosts) : null;

    private static uint[] NewWords(int rules) => rules == 0 ? IPv4Band.Empty : new uint[Math.Max(IPv4Band.MinimumLength, rules + 1)];
}
