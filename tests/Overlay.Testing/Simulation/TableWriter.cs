using Overlay.Tables;

namespace Overlay.Testing.Simulation;

/// <summary>The real writer: the tables themselves.</summary>
public sealed class TableWriter(OverlayTables tables) : ITableWriter
{
    /// <inheritdoc/>
    public void Apply(in OverlayUpdate update) => tables.Apply(update);

    /// <inheritdoc/>
    public ForwardingReplacement Replace(FdbOrigin origin, IEnumerable<KeyValuePair<ForwardingKey, FdbRemote>> entries) => tables.ReplaceForwarding(origin, entries);

    /// <inheritdoc/>
    public bool Learn(in LearnedAddress learned, bool knownOnly, long now) => tables.Learn(learned, knownOnly, now);

    /// <inheritdoc/>
    public int Age(long now, long maxAge) => tables.Age(now, maxAge);
}
