namespace Overlay.Tables;

/// <summary>An IPv4 prefix and what it leads to.</summary>
/// <param name="Prefix">Its first address.</param>
/// <param name="Length">0 to 32.</param>
/// <param name="Number">From <see cref="RouteValues{T}"/>.</param>
internal readonly record struct IPv4Rule(uint Prefix, byte Length, uint Number) : IComparable<IPv4Rule>
{
    private ulong Order => ((ulong)Prefix << 8) | Length;

    /// <summary>By address, the shorter before the longer.</summary>
    public int CompareTo(IPv4Rule other) => Order.CompareTo(other.Order);

    /// <summary>Takes from the front of rules in order those that agree with the first one in its upper bits.</summary>
    /// <param name="rules">The rules, at least one; gets those behind.</param>
    /// <param name="bits">How many bits, 1 to 24.</param>
    public static ReadOnlySpan<IPv4Rule> Take(ref ReadOnlySpan<IPv4Rule> rules, int bits)
    {
        uint name = rules[0].Prefix >> (32 - bits);
        int count = 1;
        while (count < rules.Length && rules[count].Prefix >> (32 - bits) == name)
        {
            count++;
        }

        ReadOnlySpan<IPv4Rule> taken = rules[..count];
        rules = rules[count..];
        return taken;
    }
}
