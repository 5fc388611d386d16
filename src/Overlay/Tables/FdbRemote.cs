namespace Overlay.Tables;

/// <summary>What a remote index of a <see cref="ForwardingTable"/> stands for.</summary>
/// <param name="Address">The underlay address.</param>
/// <param name="Port">The UDP destination port; 0 means the endpoint's own.</param>
public readonly record struct FdbRemote(ValueIPAddress Address, ushort Port = 0)
{
    /// <summary>The VNI in the outer header of what is sent there; null means that of the network.</summary>
    public Vni? Vni { get; init; }
}
