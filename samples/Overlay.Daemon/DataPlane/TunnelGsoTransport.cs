using Overlay.Daemon.Configuration;
using Overlay.DataPath;
using Overlay.Linux;

namespace Overlay.Daemon.DataPlane;

/// <summary>Opens the transport <c>tunnelGso</c> of an endpoint that asks for it, or finds out why it has to do without.</summary>
internal static class TunnelGsoTransport
{
    /// <summary>Chooses the port of an endpoint.</summary>
    /// <param name="config">The endpoint.</param>
    /// <param name="socket">Its sockets.</param>
    /// <param name="refusal">Why the endpoint does not have the transport that it asks for; null if it has it.</param>
    /// <returns>The sockets, or what has taken them over.</returns>
    public static IPacketPort Open(EndpointConfig config, UdpTunnelSocket socket, out string? refusal)
    {
        refusal = null;
        if (config.Transport != Transport.TunnelGso)
        {
            return socket;
        }

        if (!config.TunnelGso)
        {
            refusal = "offload.tunnelGso is false";
            return socket;
        }

        try
        {
            return TunnelGsoSocket.Open(socket);
        }
        catch (Exception e) when (e is LinuxException or PlatformNotSupportedException)
        {
            // An offload, not a promise: the sockets carry the same packets.
            refusal = e.Message;
            return socket;
        }
    }
}
