using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing;

namespace Overlay.Linux.Tests;

/// <summary>A VXLAN tunnel of our own on the link of a <see cref="VtepLab"/>: a TAP, an endpoint and a worker that runs until disposed.</summary>
internal sealed class RunningTunnel : IDisposable
{
    public const string DeviceName = "tap0";
    private readonly CancellationTokenSource _stop = new();
    private readonly PollWaiter _waiter = new();
    private readonly UdpTunnelSocket _endpoint;
    private readonly Thread _thread;
    private Exception? _failure;

    public RunningTunnel(VtepLab lab, bool coalesce, int mtu = 1450)
    {
        Device = lab.Us.Run(() => TunDevice.Open(DeviceName, new TunDeviceOptions { Coalesce = coalesce }));
        lab.Us.Ip("link", "set", DeviceName, "address", VtepLab.OurMac.ToString(), "mtu", $"{mtu}");
        lab.Us.Configure(DeviceName, $"{VtepLab.InnerOurs}/24");
        lab.Us.Ip("neigh", "replace", VtepLab.InnerPeer.ToString(), "lladdr", VtepLab.PeerMac.ToString(), "dev", DeviceName, "nud", "permanent");
        _endpoint = lab.Bind(new UdpTunnelOptions { Local = VtepLab.Ours, InnerMtu = (ushort)mtu });
        OverlayTables tables = new();
        tables.Apply(OverlayUpdate.SetForwarding(new Vni(VtepLab.Vni), VtepLab.PeerMac, new FdbEntry(VtepLab.Peer)));
        Tunnel = new Tunnel(
            new TunnelOptions
            {
                Name = DeviceName,
                Kind = TunnelKind.Vxlan,
                Layer = DeviceLayer.Ethernet,
                Local = VtepLab.Ours,
                Vni = new Vni(VtepLab.Vni),
                DeviceMac = VtepLab.OurMac,
            },
            tables);
        TunnelWorker worker = new(_waiter, PacketBatchPool.Create());
        int inside = worker.AddPort(Device);
        int outside = worker.AddPort(_endpoint);
        TunnelIngress ingress = new(TunnelKind.Vxlan);
        ingress.Attach(Tunnel, inside);
        worker.SetPath(inside, new TunnelEgress(Tunnel, inside, outside));
        worker.SetPath(outside, ingress);
        _thread = new Thread(() => Run(worker)) { IsBackground = true };
        _thread.Start();
    }

    public TunDevice Device { get; }

    public Tunnel Tunnel { get; }

    /// <summary>Ends the worker; what it failed with fails the test.</summary>
    public void Stop()
    {
        _stop.Cancel();
        _thread.Join();
        if (_failure is not null)
        {
            throw new InvalidOperationException("The worker failed.", _failure);
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        _thread.Join();
        Device.Dispose();
        _endpoint.Dispose();
        _waiter.Dispose();
        _stop.Dispose();
    }

    private void Run(TunnelWorker worker)
    {
        try
        {
            worker.Run(_stop.Token);
        }
        catch (Exception exception)
        {
            _failure = exception;
        }
    }
}
