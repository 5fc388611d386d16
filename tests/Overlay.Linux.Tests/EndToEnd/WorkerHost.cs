using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>One tunnel in this process, as overlayd runs it: device, endpoint, worker and its thread, with meters on both ports.</summary>
internal sealed class WorkerHost : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly PollWaiter _waiter = new();
    private readonly AllocationMeter _device;
    private readonly AllocationMeter _endpoint;
    private readonly Thread _thread;
    private Exception? _failure;

    public WorkerHost(Netns netns, TunnelOptions options, OverlayTables tables, string address, int prefixLength, string? route)
    {
        Tunnel = new Tunnel(options, tables);
        int innerMtu = options.Kind == TunnelKind.Vxlan ? 1450 : 1480;
        _endpoint = new AllocationMeter(netns.Run<IPacketPort>(() => options.Kind == TunnelKind.Vxlan
            ? UdpTunnelSocket.Bind(new UdpTunnelOptions { Local = options.Local, InnerMtu = (ushort)innerMtu })
            : RawTunnelSocket.Bind(new RawTunnelOptions { Local = options.Local, InnerMtu = (ushort)innerMtu })));
        _device = new AllocationMeter(netns.Run(() => TunDevice.Open(options.Name, new TunDeviceOptions { Layer = options.Layer })));
        string mtu = innerMtu.ToString(System.Globalization.CultureInfo.InvariantCulture);
        netns.Ip("link", "set", options.Name, "mtu", mtu);
        if (options.Layer == DeviceLayer.Ethernet)
        {
            netns.Ip("link", "set", options.Name, "address", options.DeviceMac.ToString());
        }

        netns.Configure(options.Name, $"{address}/{prefixLength}");
        if (route is not null)
        {
            netns.Ip("route", "add", route, "dev", options.Name);
        }

        TunnelWorker worker = new(_waiter, PacketBatchPool.Create());
        int inside = worker.AddPort(_device);
        int outside = worker.AddPort(_endpoint);
        TunnelIngress ingress = new(options.Kind);
        ingress.Attach(Tunnel, inside);
        worker.SetPath(inside, new TunnelEgress(Tunnel, inside, outside));
        worker.SetPath(outside, ingress);
        _thread = new Thread(() => Run(worker)) { IsBackground = true, Name = "worker" };
        _thread.Start();
    }

    public Tunnel Tunnel { get; }

    /// <summary>Runs traffic, and says what the worker's thread allocated meanwhile and how many packets came in from device and underlay.</summary>
    public (long Bytes, long FromDevice, long FromUnderlay) Measure(Action aLittle, Action traffic)
    {
        long before = _device.Allocated(aLittle);
        (long device, long endpoint) = (_device.Received, _endpoint.Received);
        traffic();
        (device, endpoint) = (_device.Received - device, _endpoint.Received - endpoint);
        return (_device.Allocated(aLittle) - before, device, endpoint);
    }

    public void Dispose()
    {
        _stop.Cancel();
        _thread.Join();
        _device.Dispose();
        _endpoint.Dispose();
        _waiter.Dispose();
        _stop.Dispose();
        Assert.Null(_failure);
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
