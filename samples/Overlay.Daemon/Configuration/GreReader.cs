using Overlay.DataPath;

namespace Overlay.Daemon.Configuration;

/// <summary>The optional fields of GRE: <c>key</c>, <c>checksum</c> and <c>sequence</c> of a tunnel.</summary>
internal static class GreReader
{
    /// <summary>Reads the keys, or refuses them where the kind has none.</summary>
    /// <param name="tunnel">The tunnel.</param>
    /// <param name="kind">Its kind; null if that is itself a mistake.</param>
    /// <param name="values">Reads the values.</param>
    public static GreOptions Read(ObjectReader tunnel, TunnelFacts? kind, ValueReader values)
    {
        if (kind is { IsGre: false })
        {
            string by = $"by {kind.WithArticle()} tunnel";
            tunnel.Refuse("key", by);
            tunnel.Refuse("checksum", by);
            tunnel.Refuse("sequence", by);
            return GreOptions.Default;
        }

        return new GreOptions
        {
            Key = (uint?)values.Long(tunnel.Take("key"), "key", 0, uint.MaxValue),
            Checksum = values.Flag(tunnel.Take("checksum"), "checksum") ?? false,
            SequenceNumbers = values.Flag(tunnel.Take("sequence"), "sequence") ?? false,
        };
    }
}
