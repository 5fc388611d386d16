using Overlay.Daemon.Configuration;
using Overlay.Daemon.Status;
using Overlay.DataPath;
using Overlay.Encapsulation;
using Overlay.Linux;

namespace Overlay.Daemon.DataPlane;

/// <summary>The sockets of one endpoint, one for each worker that serves it, and the paths behind them.</summary>
internal sealed class EndpointRuntime : IDisposable
{
    // Kernel modules that take protocols 4 and 41, or 47, too.
    private static readonly string[] KernelIPInIP = ["ipip", "sit", "ip6_tunnel"];
    private static readonly string[] KernelGre = ["ip_gre", "ip6_gre"];

    private readonly EndpointConfig _config;

    /// <summary>Binds the sockets.</summary>
    /// <param name="config">The endpoint.</param>
    /// <param name="headers">The headers of the tunnels over it, in their order; empty where UDP does not carry them.</param>
    /// <param name="innerMtu">The smallest MTU among the devices over it: how a superpacket of unknown segment size is cut.</param>
    /// <param name="groups">The multicast groups of the tunnels over it, each once.</param>
    /// <param name="workers">The numbers of the workers that serve it. Where UDP does not carry it there is one: each raw socket would get a copy of every packet.</param>
    /// <exception cref="IOException">An address or port cannot be had; the message names it.</exception>
    public EndpointRuntime(EndpointConfig config, IReadOnlyList<TunnelHeader> headers, int innerMtu, IReadOnlyList<ValueIPAddress> groups, IReadOnlyList<int> workers)
    {
        _config = config;
        Workers = workers;
        BareHeader = headers.Count;
        Ingress = [.. workers.Select(_ => new TunnelIngress(config.Kind))];
        IPacketPort[] sockets = config.Facts.IsOverUdp
            ? UdpTunnelSocket.BindGroup(
                new UdpTunnelOptions
                {
                    // The last one is for probes of the path MTU and their answers.
                    Headers = [.. headers, TunnelHeader.Bare(config.Kind)],
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
                    Groups = groups,
                },
                workers.Count)
            : [RawTunnelSocket.Bind(new RawTunnelOptions { Kind = config.Kind, Local = config.Local, Link = config.Link, InnerMtu = (ushort)innerMtu })];
        Ports = [.. sockets.Select(socket => EndpointPort.Open(config, socket))];
        List<UdpGroupSocket> joined = [];
        Groups = joined;
        try
        {
            joined.AddRange(groups.Select(group => UdpGroupSocket.Join(Ports[0].Udp!, group)));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Who serves it: worker number <c>Workers[i]</c> has <c>Ports[i]</c> and <c>Ingress[i]</c>.</summary>
    public IReadOnlyList<int> Workers { get; }

    /// <summary>The number of the header of packets that bring theirs along; of no meaning without UDP.</summary>
    public int BareHeader { get; }

    /// <summary>Its ports.</summary>
    public IReadOnlyList<EndpointPort> Ports { get; }

    /// <summary>The groups that are joined; the first worker serves them.</summary>
    public IReadOnlyList<UdpGroupSocket> Groups { get; }

    /// <summary>The path of each socket.</summary>
    public IReadOnlyList<TunnelIngress> Ingress { get; }

    /// <summary>What the kernel granted, in one line for the log.</summary>
    public string Granted
    {
        get
        {
            EndpointStatus status = Status();
            string sockets = Ports.Count > 1 ? $"{Ports.Count} sockets, each with " : "";
            return Ports[0].Udp is { } udp
                ? $"{status.Name}: {sockets}receive buffer {status.ReceiveBufferBytes} bytes, {status.SourcePorts} source ports, GSO {OnOff(udp.Gso)}, GRO {OnOff(udp.Gro)}"
                : $"{status.Name}: receive buffer {status.ReceiveBufferBytes} bytes";
        }
    }

    /// <summary>What stands beside this endpoint in the kernel and may disturb it, in one line for the log; null if nothing does.</summary>
    public string? Neighbor
    {
        get
        {
            string[] modules = _config.Facts.IsOverUdp ? [] : _config.Facts.IsGre ? KernelGre : KernelIPInIP;
            string[] loaded = [.. modules.Where(module => Directory.Exists($"/sys/module/{module}"))];
            return loaded.Length == 0
                ? null
                : $"{Name}: the kernel's {string.Join(", ", loaded)} sees the same packets and may answer ICMP unreachable for tunnels it does not know; unload it if remotes report that";
        }
    }

    /// <summary>How packets leave, if it is not as usual, in one line for the log; null if it is.</summary>
    public string? Transport => _config.Transport != Configuration.Transport.TunnelGso ? null
        : Ports.FirstOrDefault(port => !port.TunnelGso.IsActive) is { } without
            ? $"{Name}: transport tunnelGso is not available, {_config.SocketTransport} is used: {without.TunnelGso.Reason}"
            : $"{Name}: transport tunnelGso by the interface {string.Join(", ", Ports.Select(port => port.DeviceName))}";

    private string Name => Ports[0].Port.Name;

    /// <summary>What the kernel granted and lost, of all sockets together.</summary>
    public EndpointStatus Status() => new()
    {
        Name = Name,
        ReceiveBufferBytes = Ports[0].Udp?.ReceiveBufferBytes ?? Ports[0].Raw?.ReceiveBufferBytes ?? 0,
        // Every socket of the group sends from the same ones.
        SourcePorts = Ports[0].Udp?.SourcePorts.Length ?? 0,
        KernelDrops = Ports.Sum(port => port.Udp?.KernelDrops ?? port.Raw?.KernelDrops ?? 0) + Groups.Sum(group => group.KernelDrops),
        Transport = Ports.All(port => port.TunnelGso.IsActive) ? "tunnelGso" : _config.SocketTransport,
        TunnelGsoSuperpackets = Ports.Sum(port => port.Superpackets),
        TunnelGsoFrames = Ports.Sum(port => port.Frames),
    };

    /// <summary>Trains towards the underlay, as status shows them.</summary>
    public OffloadUse Gso() => Ports[0].Udp is not null
        ? OffloadUse.FromAll(Ports.Select(port => (port.Udp!.Gso, port.Udp.GsoFallbacks)))
        : OffloadUse.Absent(_config.Gso, "raw sockets send no trains");

    /// <summary>Trains from the underlay and packets joined for the device, as status shows them: on if one of the two is.</summary>
    public OffloadUse Gro(TunDevice device)
    {
        OffloadState joining = device.Coalescing;
        if (Ports[0].Udp is not { } udp)
        {
            return OffloadUse.From(joining);
        }

        if (udp.Gro.IsActive == joining.IsActive)
        {
            return OffloadUse.From(udp.Gro);
        }

        string reason = joining.IsActive ? $"sockets: {udp.Gro.Reason}" : $"device: {joining.Reason}";
        return OffloadUse.From(new OffloadState(true, reason));
    }

    /// <summary>Superpackets towards the underlay, as status shows them.</summary>
    public OffloadUse TunnelGso(bool configured) => _config.Transport == Configuration.Transport.TunnelGso
        ? OffloadUse.FromAll(Ports.Select(port => (port.TunnelGso, port.Fallbacks)))
        : OffloadUse.Absent(configured, $"transport is {_config.SocketTransport}");

    public void Dispose()
    {
        foreach (UdpGroupSocket group in Groups)
        {
            group.Dispose();
        }

        foreach (EndpointPort port in Ports)
        {
            port.Dispose();
        }
    }

    private static string OnOff(OffloadState state) =>
        (state.IsActive ? "on" : "off") + (state.Reason is { } reason ? $" ({reason})" : "");
}
