using Overlay.Daemon.Configuration;
using Overlay.DataPath;
using Overlay.Linux;

namespace Overlay.Daemon.DataPlane;

/// <summary>The port of an endpoint for one worker: its sockets, and over them the transport <c>tunnelGso</c> where it is asked for and can be had.</summary>
internal sealed class EndpointPort : IDisposable
{
    private EndpointPort(IPacketPort port, OffloadState state)
    {
        Port = port;
        Opened = state;
    }

    /// <summary>What the worker serves.</summary>
    public IPacketPort Port { get; }

    /// <summary>The UDP sockets; null for IP in IP.</summary>
    public UdpTunnelSocket? Udp => (Port as TunnelGsoSocket)?.Socket ?? Port as UdpTunnelSocket;

    /// <summary>The raw sockets; null for VXLAN.</summary>
    public RawTunnelSocket? Raw => (Port as IPInIPGsoSocket)?.Socket ?? Port as RawTunnelSocket;

    /// <summary>Whether superpackets leave whole now, and why not.</summary>
    public OffloadState TunnelGso => Port switch
    {
        TunnelGsoSocket gso => Now(gso.Failure),
        IPInIPGsoSocket gso => Now(gso.Failure),
        _ => Opened,
    };

    /// <summary>The interface of the transport; null if there is none.</summary>
    public string? DeviceName => (Port as TunnelGsoSocket)?.DeviceName ?? (Port as IPInIPGsoSocket)?.DeviceName;

    /// <summary>Superpackets that left whole.</summary>
    public long Superpackets => (Port as TunnelGsoSocket)?.Superpackets ?? (Port as IPInIPGsoSocket)?.Superpackets ?? 0;

    /// <summary>What went through the interface: superpackets, trains and single datagrams.</summary>
    public long Frames => (Port as TunnelGsoSocket)?.Frames ?? (Port as IPInIPGsoSocket)?.Superpackets ?? 0;

    /// <summary>How often the interface refused a frame, so that its packets left by the sockets.</summary>
    public long Fallbacks => (Port as TunnelGsoSocket)?.Fallbacks ?? (Port as IPInIPGsoSocket)?.Fallbacks ?? 0;

    private OffloadState Opened { get; }

    /// <summary>Takes sockets over.</summary>
    public static EndpointPort Open(EndpointConfig config, IPacketPort sockets)
    {
        if (config.Transport != Transport.TunnelGso || !config.TunnelGso)
        {
            return new EndpointPort(sockets, OffloadState.NotAsked);
        }

        try
        {
            IPacketPort port = sockets switch
            {
                UdpTunnelSocket udp => TunnelGsoSocket.Open(udp),
                RawTunnelSocket raw => IPInIPGsoSocket.Open(raw),
                _ => throw new InvalidOperationException($"{sockets.GetType().Name} is no endpoint."),
            };
            return new EndpointPort(port, OffloadState.Active);
        }
        catch (Exception e) when (e is LinuxException or PlatformNotSupportedException)
        {
            // An offload, not a promise: the sockets carry the same packets.
            return new EndpointPort(sockets, new OffloadState(false, e.Message));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Port.Dispose();

    private static OffloadState Now(string? failure) => failure is null ? OffloadState.Active : new OffloadState(false, failure);
}
