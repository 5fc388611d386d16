using Overlay.Capture;
using Overlay.DataPath;

namespace Overlay.Daemon.DataPlane;

/// <summary>The paths by which one worker serves a tunnel.</summary>
/// <param name="Egress">From the device.</param>
/// <param name="TracedEgress">The same as the worker has it.</param>
/// <param name="Ingress">From the endpoint; the other tunnels of the endpoint have it, too.</param>
/// <param name="TracedIngress">The same as the worker has it.</param>
/// <param name="Number">The tunnel's number in <paramref name="Ingress"/>.</param>
/// <param name="Endpoint">The endpoint's port.</param>
internal sealed record TunnelPaths(
    TunnelEgress Egress, TracedPath TracedEgress, TunnelIngress Ingress, TracedPath TracedIngress, int Number, EndpointPort Endpoint);
