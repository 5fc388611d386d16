using Overlay.DataPath;
using Overlay.Tables;

namespace Overlay.Daemon.Configuration;

/// <summary>How much may be flooded: <c>{ "broadcast": { "packetsPerSecond": 1000, "burst": 100 }, "unknownUnicast": …, "multicast": … }</c>.</summary>
internal static class FloodLimitReader
{
    // What comes within so much of a second is let through at once, unless "burst" says otherwise.
    private const int BurstFraction = 10;

    /// <summary>Reads the limits; a class without one has none.</summary>
    public static FloodLimits Read(ConfigNode? node, ValueReader values, ConfigErrors errors)
    {
        if (ObjectReader.Open(node, "policy.floodLimit", errors) is not ObjectReader classes)
        {
            return FloodLimits.None;
        }

        FloodLimits limits = new()
        {
            Broadcast = ReadLimit(classes, "broadcast", values, errors),
            UnknownUnicast = ReadLimit(classes, "unknownUnicast", values, errors),
            Multicast = ReadLimit(classes, "multicast", values, errors),
        };
        classes.Finish();
        return limits;
    }

    private static FloodLimit? ReadLimit(ObjectReader classes, string key, ValueReader values, ConfigErrors errors)
    {
        string where = $"policy.floodLimit.{key}";
        if (ObjectReader.Open(classes.Take(key), where, errors) is not ObjectReader limit)
        {
            return null;
        }

        int? rate = values.Integer(
            limit.Require("packetsPerSecond", $"a number from 1 to {FloodLimit.Maximum}"), $"{where}.packetsPerSecond", 1, FloodLimit.Maximum);
        int? burst = values.Integer(limit.Take("burst"), $"{where}.burst", 1, FloodLimit.Maximum);
        limit.Finish();
        return rate is int perSecond ? new FloodLimit(perSecond, burst ?? Math.Max(1, perSecond / BurstFraction)) : null;
    }
}
