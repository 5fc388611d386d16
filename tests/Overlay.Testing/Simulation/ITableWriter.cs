using Overlay.Tables;

namespace Overlay.Testing.Simulation;

/// <summary>The one writer of tables, as the simulation calls it. A test may put another in the place of the real one.</summary>
public interface ITableWriter
{
    /// <summary>Makes a change, as <see cref="OverlayTables.Apply"/>.</summary>
    void Apply(in OverlayUpdate update);

    /// <summary>Replaces all forwarding entries of one origin, as <see cref="OverlayTables.ReplaceForwarding"/>.</summary>
    ForwardingReplacement Replace(FdbOrigin origin, IEnumerable<KeyValuePair<ForwardingKey, FdbRemote>> entries);

    /// <summary>Learns an address, as <see cref="OverlayTables.Learn"/>.</summary>
    bool Learn(in LearnedAddress learned, bool knownOnly, long now);

    /// <summary>Ages the tables, as <see cref="OverlayTables.Age"/>.</summary>
    int Age(long now, long maxAge);
}
