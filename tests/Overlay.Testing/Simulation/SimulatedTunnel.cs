using Overlay.DataPath;

namespace Overlay.Testing.Simulation;

/// <summary>One end of a tunnel: its options and tables, one <see cref="Tunnel"/> for each worker, and the stations behind its device.</summary>
public sealed class SimulatedTunnel
{
    private readonly SimulatedWorld _world;
    private readonly List<SimulatedStation> _stations = [];

    internal SimulatedTunnel(SimulatedWorld world, SimulatedHost host, TunnelOptions options, SimulatedTables tables)
    {
        _world = world;
        Host = host;
        Options = options;
        Tables = tables;
        Twins = [.. Enumerable.Range(0, host.Options.Workers).Select(_ => new Tunnel(options, tables.Tables))];
        foreach (Tunnel twin in Twins)
        {
            tables.AddQueue(twin.Learned);
        }
    }

    /// <summary>The host.</summary>
    public SimulatedHost Host { get; }

    /// <summary>What the tunnel is.</summary>
    public TunnelOptions Options { get; }

    /// <summary>The network.</summary>
    public Vni Vni => Options.Vni;

    /// <summary>Whether it carries frames; otherwise packets.</summary>
    public bool IsEthernet => Options.Layer == DeviceLayer.Ethernet;

    /// <summary>The tables behind it.</summary>
    public SimulatedTables Tables { get; }

    /// <summary>The tunnel as each worker sees it.</summary>
    public IReadOnlyList<Tunnel> Twins { get; }

    /// <summary>Who stands behind its device now.</summary>
    public IReadOnlyList<SimulatedStation> Stations => _stations;

    /// <summary>Gives a frame to the device.</summary>
    /// <param name="what">What it is, for the log.</param>
    /// <param name="bytes">The frame or, where the tunnel carries IP, the packet.</param>
    /// <returns>The record by which it is followed.</returns>
    public SimulatedFrame Send(string what, byte[] bytes)
    {
        SimulatedFrame frame = new(_world.NextFrameId(), Vni, this, IsEthernet, what, bytes);
        _world.Publish(new FrameSent(frame, this));
        Host.EnqueueFromDevice(this, frame);
        return frame;
    }

    internal void Attach(SimulatedStation station) => _stations.Add(station);

    internal void Detach(SimulatedStation station) => _stations.Remove(station);

    internal void Deliver(ReadOnlySpan<byte> bytes)
    {
        foreach (SimulatedStation station in _stations)
        {
            station.Receive(bytes);
        }
    }

    /// <inheritdoc/>
    public override string ToString() => Options.Name;
}
