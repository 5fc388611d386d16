using Overlay.Daemon.Configuration;
using Overlay.DataPath;
using Overlay.Linux;

namespace Overlay.Daemon.DataPlane;

/// <summary>The port of an endpoint for one worker: its sockets, and over them the transport <c>tunnelGso</c> where it is asked for and can be had.</summary>
internal sealed class EndpointPort : IDisposable
{
    private readonly IPacketPort _sockets;
    private readonly SuperpacketSocket? _whole;
    private readonly OffloadState _opened;

    private EndpointPort(IPacketPort sockets, SuperpacketSocket? whole, OffloadState opened)
    {
        _sockets = sockets;
        _whole = whole;
        _opened = opened;
    }

    /// <summary>What the worker serves.</summary>
    public IPacketPort Port => _whole ?? _sockets;

    /// <summary>The UDP sockets; null for tunnels without UDP.</summary>
    public UdpTunnelSocket? Udp => _sockets as UdpTunnelSocket;

    /// <summary>The raw sockets; null for tunnels over UDP.</summary>
    public RawTunnelSocket? Raw => _sockets as RawTunnelSocket;

    /// <summary>Whether superpackets leave whole now, and why not.</summary>
    public OffloadState TunnelGso => _whole?.Failure is { } failure ? new OffloadState(false, failure) : _opened;

    /// <summary>The interface of the transport; null if there is none.</summary>
    public string? DeviceName => _whole?.DeviceName;

    /// <summary>Superpackets that left whole.</summary>
    public long Superpackets => _whole?.Superpackets ?? 0;

    /// <summary>What went through the interface: superpackets, and for VXLAN trains and single datagrams.</summary>
    public long Frames => _whole?.Frames ?? 0;

    /// <summary>How often the interface refused a frame, so that its packets left by the sockets.</summary>
    public long Fallbacks => _whole?.Fallbacks ?? 0;

    /// <summary>Takes sockets over.</summary>
    public static EndpointPort Open(EndpointConfig config, IPacketPort sockets)
    {
        if (config.Transport != Transport.TunnelGso || !config.TunnelGso)
        {
            return new EndpointPort(sockets, null, OffloadState.NotAsked);
        }

        try
        {
            SuperpacketSocket whole = sockets switch
            {
                UdpTunnelSocket udp => TunnelGsoSocket.Open(udp),
                RawTunnelSocket raw => IPInIPGsoSocket.Open(raw),
                _ => throw new InvalidOperationException($"{sockets.GetType().Name} is no endpoint."),
            };
            return new EndpointPort(sockets, whole, OffloadState.Active);
        }
        catch (Exception e) when (e is LinuxException or PlatformNotSupportedException)
        {
            // An offload, not a promise: the sockets carry the same packets.
            return new EndpointPort(sockets, null, new OffloadState(false, e.Message));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Port.Dispose();
}
