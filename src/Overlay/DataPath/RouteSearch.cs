using System.Diagnostics.CodeAnalysis;
using Overlay.Tables;

namespace Overlay.DataPath;

/// <summary>Finds the route of a destination with its prefix, which the look-up of the hot path does not tell.</summary>
internal static class RouteSearch
{
    /// <summary>Asks for the prefixes of a destination one by one, the longest first. Any thread.</summary>
    public static bool TryFind(OverlayTables tables, ValueIPAddress destination, [MaybeNullWhen(false)] out RouteRow<RouteEntry> row)
    {
        for (int length = destination.BitLength; length >= 0; length--)
        {
            ValueIPAddress prefix = destination.Mask(length);
            if (tables.Routes.TryGet(prefix, length, out RouteEntry route))
            {
                row = new RouteRow<RouteEntry>(prefix, length, route);
                return true;
            }
        }

        row = default;
        return false;
    }
}
