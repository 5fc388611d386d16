namespace Overlay.Tables;

/// <summary>Where inner packets to a prefix go.</summary>
/// <param name="Remote">The underlay address of the tunnel's other end.</param>
/// <param name="Mac">The inner destination MAC address, where the tunnel carries Ethernet (layer-3 VXLAN); zero otherwise.</param>
public readonly record struct RouteEntry(ValueIPAddress Remote, MacAddress Mac = default);
