namespace Overlay.Tables;

/// <summary>An IPv6 prefix and what it leads to.</summary>
/// <param name="Prefix">Its first address.</param>
/// <param name="Length">0 to 128.</param>
/// <param name="Number">From <see cref="RouteValues{T}"/>.</param>
internal readonly record struct IPv6Route(ValueIPAddress Prefix, byte Length, uint Number) : IComparable<IPv6Route>
{
    /// <summary>By address, the shorter before the longer.</summary>
    public int CompareTo(IPv6Route other)
    {
        int order = Prefix.CompareTo(other.Prefix);
        return order != 0 ? order : Length.CompareTo(other.Length);
    }
}
