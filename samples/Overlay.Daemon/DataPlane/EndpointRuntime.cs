using Overlay.Daemon.Configuration;
using Overlay.Daemon.Status;
using Overlay.DataPath;
using Overlay.Linux;

namespace Overlay.Daemon.DataPlane;

/// <summary>The sockets of one endpoint and the path behind them.</summary>
internal sealed class EndpointRuntime : IDisposable
{
    // Kernel modules that take protocols 4 and 41, too.
    private static readonly string[] KernelTunnels = ["ipip", "sit", "ip6_tunnel"];

    private readonly EndpointConfig _config;
    private readonly string? _transportRefusal;

    /// <summary>Binds the sockets.</summary>
    /// <param name="config">The endpoint.</param>
    /// <param name="innerMtu">The smallest MTU among the devices over it: how a superpacket of unknown segment size is cut.</param>
    /// <exception cref="IOException">An address or port cannot be had; the message names it.</exception>
    public EndpointRuntime(EndpointConfig config, int innerMtu)
    {
        _config = config;
        Ingress = new TunnelIngress(config.Kind);
        Port = config.Kind == TunnelKind.Vxlan
            ? TunnelGsoTransport.Open(config, UdpTunnelSocket.Bind(new UdpTunnelOptions
            {
                Local = config.Local,
                Port = config.Port,
                Link = config.Link,
                OuterChecksum = config.OuterChecksum,
                ZeroChecksumIPv6 = config.ZeroChecksumIPv6,
                SourcePortMinimum = config.SourcePortMinimum,
                SourcePortMaximum = config.SourcePortMaximum,
                SourcePortCount = config.SourcePortCount,
                Gso = config.Gso,
                Gro = config.Gro,
                InnerMtu = (ushort)innerMtu,
            }), out _transportRefusal)
            : RawTunnelSocket.Bind(new RawTunnelOptions { Local = config.Local, Link = config.Link, InnerMtu = (ushort)innerMtu });
    }

    public IPacketPort Port { get; }

    public TunnelIngress Ingress { get; }

    /// <summary>What the kernel granted, in one line for the log.</summary>
    public string Granted
    {
        get
        {
            EndpointStatus status = Status();
            return _config.Kind == TunnelKind.Vxlan
                ? $"{status.Name}: receive buffer {status.ReceiveBufferBytes} bytes, {status.SourcePorts} source ports, GSO {OnOff(status.Gso)}, GRO {OnOff(status.Gro)}"
                : $"{status.Name}: receive buffer {status.ReceiveBufferBytes} bytes";
        }
    }

    /// <summary>What stands beside this endpoint in the kernel and may disturb it, in one line for the log; null if nothing does.</summary>
    public string? Neighbor
    {
        get
        {
            string[] loaded = _config.Kind == TunnelKind.IPInIP ? [.. KernelTunnels.Where(module => Directory.Exists($"/sys/module/{module}"))] : [];
            return loaded.Length == 0
                ? null
                : $"{Port.Name}: the kernel's {string.Join(", ", loaded)} sees the same packets and may answer ICMP unreachable for tunnels it does not know; unload it if remotes report that";
        }
    }

    /// <summary>How packets leave, if it is not as usual, in one line for the log; null if it is.</summary>
    public string? Transport => Port is TunnelGsoSocket gso
        ? $"{Port.Name}: transport tunnelGso by the interface {gso.DeviceName}"
        : _transportRefusal is null ? null : $"{Port.Name}: transport tunnelGso is not available, udp is used: {_transportRefusal}";

    public EndpointStatus Status() => Port switch
    {
        TunnelGsoSocket gso => Status(gso.Socket) with
        {
            Transport = gso.Active ? "tunnelGso" : "udp",
            TransportReason = gso.Failure,
            TunnelGso = gso.Active,
            TunnelGsoSuperpackets = gso.Superpackets,
            TunnelGsoFrames = gso.Frames,
            TunnelGsoFallbacks = gso.Fallbacks,
        },
        UdpTunnelSocket udp => Status(udp),
        RawTunnelSocket raw => new EndpointStatus { Name = raw.Name, ReceiveBufferBytes = raw.ReceiveBufferBytes, KernelDrops = raw.KernelDrops },
        _ => throw new InvalidOperationException($"{Port.GetType().Name} is no endpoint."),
    };

    public void Dispose() => Port.Dispose();

    private EndpointStatus Status(UdpTunnelSocket socket) => new()
    {
        Name = socket.Name,
        ReceiveBufferBytes = socket.ReceiveBufferBytes,
        Gso = socket.GsoActive,
        Gro = _config.Gro,
        SourcePorts = socket.SourcePorts.Length,
        KernelDrops = socket.KernelDrops,
        Transport = "udp",
        TransportReason = _transportRefusal,
    };

    private static string OnOff(bool value) => value ? "on" : "off";
}
