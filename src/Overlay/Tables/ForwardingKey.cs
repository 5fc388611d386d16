namespace Overlay.Tables;

/// <summary>What a <see cref="ForwardingTable"/> is asked for.</summary>
/// <param name="Vni">The network.</param>
/// <param name="Mac">The inner destination.</param>
public readonly record struct ForwardingKey(Vni Vni, MacAddress Mac);
