namespace Overlay.Tables;

/// <summary>What a received frame teaches (RFC 7348 §4.1).</summary>
/// <param name="Vni">The network.</param>
/// <param name="Mac">The inner source.</param>
/// <param name="Remote">The outer source.</param>
public readonly record struct LearnedAddress(Vni Vni, MacAddress Mac, ValueIPAddress Remote);
