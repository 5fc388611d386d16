namespace Overlay.Tables;

/// <summary>Where frames to a MAC address go.</summary>
/// <param name="Remote">The underlay address of the VTEP behind which the MAC address lives.</param>
/// <param name="Port">The UDP destination port; 0 means the endpoint's own.</param>
/// <param name="Origin">Who says so.</param>
public readonly record struct FdbEntry(ValueIPAddress Remote, ushort Port = 0, FdbOrigin Origin = FdbOrigin.Static)
{
    /// <summary>The VNI in the outer header of what is sent there; null means that of the network.</summary>
    public Vni? Vni { get; init; }
}
