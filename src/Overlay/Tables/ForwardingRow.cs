namespace Overlay.Tables;

/// <summary>A row of a <see cref="ForwardingTable"/>, for display.</summary>
/// <param name="Vni">The network.</param>
/// <param name="Mac">The inner destination.</param>
/// <param name="Entry">Where it lives.</param>
/// <param name="IdleMilliseconds">How long ago its host was last heard, to about a second; 0 unless learned.</param>
public readonly record struct ForwardingRow(Vni Vni, MacAddress Mac, FdbEntry Entry, long IdleMilliseconds);
