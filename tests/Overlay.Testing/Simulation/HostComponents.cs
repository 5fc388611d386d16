using Overlay.DataPath;
using Overlay.Tables;

namespace Overlay.Testing.Simulation;

/// <summary>
/// What a host is made of. The real parts unless a test puts another in front of, or in the place of, one: a path of one's own to be tried, or a broken one
/// that an invariant must catch.
/// </summary>
public sealed record HostComponents
{
    /// <summary>Makes tables, by what the forwarding table is told.</summary>
    public Func<ForwardingTableOptions, OverlayTables> Tables { get; init; } = static options => new OverlayTables(options);

    /// <summary>Makes the writer of tables.</summary>
    public Func<OverlayTables, ITableWriter> Writer { get; init; } = static tables => new TableWriter(tables);

    /// <summary>Gives the path from a device to the endpoint, by the real one and its tunnel.</summary>
    public Func<IPacketPath, Tunnel, IPacketPath> Egress { get; init; } = static (path, _) => path;

    /// <summary>Gives the path from the endpoint to the devices, by the real one and the worker's number of the endpoint's port.</summary>
    public Func<IPacketPath, int, IPacketPath> Ingress { get; init; } = static (path, _) => path;

    /// <summary>Gives the port of the endpoint, by the simulated one.</summary>
    public Func<IPacketPort, IPacketPort> Endpoint { get; init; } = static port => port;
}
