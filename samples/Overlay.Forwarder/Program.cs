// A user-space forwarder in one file: one TUN device, one tunnel, and a table on the command line.
//
//   overlay-forwarder vxlan 192.0.2.1 tun7 10.7.1.1/32 --vni 7 --mac 02:00:00:00:00:01 10.7.2.0/24=192.0.2.2,02:00:00:00:00:02
//   overlay-forwarder ipip  192.0.2.1 tun7 10.7.1.1/32 10.7.2.0/24=192.0.2.2 fd00:7:2::/64=192.0.2.2
//
// Each row sends a prefix to a remote; a VXLAN row also names the inner MAC address of the remote.
// Needs CAP_NET_ADMIN for the device, and CAP_NET_RAW for IP in IP.

using System.Net;
using System.Runtime.InteropServices;
using Overlay;
using Overlay.DataPath;
using Overlay.Encapsulation;
using Overlay.Linux;
using Overlay.Tables;

[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]

using CancellationTokenSource stop = new();
using PosixSignalRegistration term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
try
{
    Forward(Arguments.Parse(args), stop.Token);
    return 0;
}
catch (IOException e)
{
    Console.Error.WriteLine($"overlay-forwarder: {e.Message}");
    return 3;
}
catch (Exception e) when (e is FormatException or OverflowException or ArgumentException)
{
    // Not a number, no such prefix length, a name that no interface can have: the command line is wrong.
    Console.Error.WriteLine($"overlay-forwarder: {e.Message}");
    Console.Error.WriteLine("usage: overlay-forwarder vxlan|ipip LOCAL DEVICE ADDRESS/LENGTH [--vni N] [--mac MAC] PREFIX=REMOTE[,MAC]...");
    return 2;
}

void Stop(PosixSignalContext context)
{
    context.Cancel = true;
    stop.Cancel();
}

static void Forward(Arguments arguments, CancellationToken stop)
{
    // The tables: where each inner prefix goes.
    OverlayTables tables = new();
    foreach ((IPNetwork prefix, RouteEntry entry) in arguments.Routes)
    {
        tables.Apply(OverlayUpdate.SetRoute(prefix, entry));
    }

    // The two ports: a device towards this host, an endpoint towards the underlay.
    using RouteNetlink netlink = RouteNetlink.Open();
    int linkMtu = arguments.Routes.Min(route => netlink.GetRoute(route.Entry.Remote).Mtu);
    int mtu = TunnelMtu.InnerMtu(linkMtu, arguments.Kind, arguments.Local.AddressFamily);
    using IPacketPort endpoint = arguments.Kind == TunnelKind.Vxlan
        ? UdpTunnelSocket.Bind(new UdpTunnelOptions { Local = arguments.Local, InnerMtu = (ushort)mtu })
        : RawTunnelSocket.Bind(new RawTunnelOptions { Local = arguments.Local, InnerMtu = (ushort)mtu });
    using TunDevice device = TunDevice.Open(arguments.Device, new TunDeviceOptions { Layer = DeviceLayer.IP });
    netlink.SetLink(device.InterfaceIndex, new LinkSettings { Mtu = mtu });
    netlink.AddAddress(device.InterfaceIndex, arguments.Address, arguments.AddressLength);
    netlink.SetLink(device.InterfaceIndex, new LinkSettings { Up = true });
    foreach ((IPNetwork prefix, _) in arguments.Routes)
    {
        netlink.AddRoute(new KernelRoute(prefix, device.InterfaceIndex));
    }

    // The tunnel: what it is, and the decisions of both directions.
    Tunnel tunnel = new(
        new TunnelOptions
        {
            Name = arguments.Device,
            Kind = arguments.Kind,
            Layer = DeviceLayer.IP,
            Local = arguments.Local,
            Vni = arguments.Vni,
            DeviceMac = arguments.Mac,
        },
        tables);
    using PollWaiter waiter = new();
    TunnelWorker worker = new(waiter, PacketBatchPool.Create());
    int inside = worker.AddPort(device);
    int outside = worker.AddPort(endpoint);
    TunnelIngress ingress = new(arguments.Kind);
    ingress.Attach(tunnel, inside);
    worker.SetPath(inside, new TunnelEgress(tunnel, inside, outside));
    worker.SetPath(outside, ingress);

    Console.WriteLine("ready");
    worker.Run(stop);
    long dropped = tunnel.Egress.TotalDrops + tunnel.Ingress.TotalDrops + ingress.Unowned.TotalDrops;
    Console.WriteLine($"sent {tunnel.Egress.TxPackets}, received {tunnel.Ingress.TxPackets}, dropped {dropped}");
}

/// <summary>The command line.</summary>
internal sealed record Arguments(TunnelKind Kind, ValueIPAddress Local, string Device, ValueIPAddress Address, int AddressLength)
{
    public Vni Vni { get; private set; }

    public MacAddress Mac { get; private set; }

    public List<(IPNetwork Prefix, RouteEntry Entry)> Routes { get; } = [];

    public static Arguments Parse(string[] args)
    {
        if (args.Length < 5 || args[0] is not ("vxlan" or "ipip") || args[3].Split('/') is not [string address, string length])
        {
            throw new FormatException("a kind, a local address, a device, an address with its length, and at least one row are needed");
        }

        Arguments result = new(
            args[0] == "vxlan" ? TunnelKind.Vxlan : TunnelKind.IPInIP, ValueIPAddress.Parse(args[1]), args[2], ValueIPAddress.Parse(address), int.Parse(length));
        Queue<string> rest = new(args[4..]);
        while (rest.TryDequeue(out string? word))
        {
            switch (word)
            {
                case "--vni":
                    result.Vni = Vni.Parse(rest.TryDequeue(out string? vni) ? vni : "");
                    break;
                case "--mac":
                    result.Mac = MacAddress.Parse(rest.TryDequeue(out string? mac) ? mac : "");
                    break;
                default:
                    result.Routes.Add(ParseRow(word, result.Kind));
                    break;
            }
        }

        if (result.Routes.Exists(route => route.Entry.Remote.AddressFamily != result.Local.AddressFamily))
        {
            throw new FormatException($"each remote must be of the family of {result.Local}");
        }

        return result.Routes.Count > 0 ? result : throw new FormatException("no row says where packets go");
    }

    private static (IPNetwork Prefix, RouteEntry Entry) ParseRow(string row, TunnelKind kind) => (row.Split('=', ','), kind) switch
    {
        ([string prefix, string remote, string mac], TunnelKind.Vxlan) => (IPNetwork.Parse(prefix), new RouteEntry(ValueIPAddress.Parse(remote), MacAddress.Parse(mac))),
        ([string prefix, string remote], TunnelKind.IPInIP) => (IPNetwork.Parse(prefix), new RouteEntry(ValueIPAddress.Parse(remote))),
        _ => throw new FormatException($"'{row}' is no row: PREFIX=REMOTE for ipip, PREFIX=REMOTE,MAC for vxlan"),
    };
}
