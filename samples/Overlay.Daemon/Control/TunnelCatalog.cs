using Overlay.Daemon.Configuration;

namespace Overlay.Daemon.Control;

/// <summary>The running tunnels by name.</summary>
/// <param name="tunnels">All of them, in the order of the configuration.</param>
internal sealed class TunnelCatalog(IReadOnlyList<TunnelTables> tunnels)
{
    /// <summary>All of them.</summary>
    public IReadOnlyList<TunnelTables> All { get; } = tunnels;

    /// <summary>The tunnel of a name.</summary>
    /// <exception cref="ControlRefusedException">There is none.</exception>
    public TunnelTables Find(string name) => All.FirstOrDefault(tunnel => tunnel.Name == name) ?? throw new ControlRefusedException(
        $"there is no tunnel {ConfigNode.Quote(name)}; this overlayd has {string.Join(", ", All.Select(tunnel => ConfigNode.Quote(tunnel.Name)))}");
}
