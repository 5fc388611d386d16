namespace Overlay.Tables;

/// <summary>A row of a <see cref="FloodList"/>, for display.</summary>
/// <param name="Vni">The network.</param>
/// <param name="Remote">A remote that gets a copy.</param>
public readonly record struct FloodRow(Vni Vni, ValueIPAddress Remote);
