using System.Diagnostics.CodeAnalysis;
using Overlay.Tables;

namespace Overlay.DataPath;

/// <summary>Finds the route of a destination with its prefix, which the look-up of the hot path does not tell.</summary>
internal static class RouteSearch
{
    /// <summary>Asks for the prefixes of a destination one by one, the longest first. Any thread.</summary>
    /// <param name="tables">The tables.</param>
    /// <param name="destination">The inner destination.</param>
    /// <param name="flowHash">The hash of the packet's flow, which chooses among several remotes.</param>
    /// <param name="row">The route.</param>
    public static bool TryFind(OverlayTables tables, ValueIPAddress destination, uint flowHash, [MaybeNullWhen(false)] out RouteRow<RouteEntry> row)
    {
        for (int length = destination.BitLength; length >= 0; length--)
        {
            ValueIPAddress prefix = destination.Mask(length);
            if (tables.Routes.TryGetTarget(null, prefix, length, out RouteTarget target))
            {
                row = new RouteRow<RouteEntry>(prefix, length, target.Choose(flowHash));
                return true;
            }
        }

        row = default;
        return false;
    }
}
