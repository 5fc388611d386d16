namespace Overlay.Tables;

/// <summary>A row of a <see cref="RouteTable{T}"/>, for display.</summary>
/// <typeparam name="T">What the table gives for a destination.</typeparam>
/// <param name="Prefix">The first address of the prefix.</param>
/// <param name="Length">Its bits: 0 to 32 for IPv4, 0 to 128 for IPv6.</param>
/// <param name="Value">What it leads to.</param>
public readonly record struct RouteRow<T>(ValueIPAddress Prefix, int Length, T Value);
