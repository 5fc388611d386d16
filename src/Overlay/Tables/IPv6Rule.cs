namespace Overlay.Tables;

/// <summary>A prefix of up to 64 bits of one half of an IPv6 address, and what it leads to.</summary>
/// <param name="Key">The half, no bit set behind the prefix.</param>
/// <param name="Length">0 to 64, or <see cref="LongerLength"/>.</param>
/// <param name="Number">From <see cref="RouteValues{T}"/>; 1 with <see cref="LongerLength"/>.</param>
internal readonly record struct IPv6Rule(ulong Key, byte Length, uint Number) : IComparable<IPv6Rule>
{
    /// <summary>The length of a rule that says that there are prefixes of more than 64 bits; it comes behind the one of 64 bits.</summary>
    public const byte LongerLength = 65;

    /// <summary>The last key of the prefix.</summary>
    public ulong End => Length >= 64 ? Key : Key | (ulong.MaxValue >> Length);

    /// <summary>By address, the shorter before the longer.</summary>
    public int CompareTo(IPv6Rule other)
    {
        int order = Key.CompareTo(other.Key);
        return order != 0 ? order : Length.CompareTo(other.Length);
    }
}
