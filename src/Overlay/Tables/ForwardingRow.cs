namespace Overlay.Tables;

/// <summary>A row of a <see cref="ForwardingTable"/>, for display.</summary>
/// <param name="Vni">The network.</param>
/// <param name="Mac">The inner destination.</param>
/// <param name="Entry">Where it lives.</param>
/// <param name="IdleMilliseconds">How long ago its host was last heard, to about a second; 0 unless learned.</param>
/// <param name="IsFrozen">Whether it moved too often and stays where it is for the time being (RFC 7432 §15.1).</param>
public readonly record struct ForwardingRow(Vni Vni, MacAddress Mac, FdbEntry Entry, long IdleMilliseconds, bool IsFrozen = false);
