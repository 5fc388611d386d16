namespace Overlay.Tables;

/// <summary>Puts routes as they were given into the order that tables are made of.</summary>
internal static class RouteOrder
{
    /// <summary>Sorts routes; where a prefix stands twice the last one holds.</summary>
    /// <typeparam name="TRoute">A route, which compares by its prefix alone.</typeparam>
    /// <param name="given">The routes as they were given.</param>
    /// <param name="dropped">Told of each that does not hold.</param>
    public static ReadOnlySpan<TRoute> LastOfEach<TRoute>(List<TRoute> given, Action<TRoute> dropped)
        where TRoute : struct, IComparable<TRoute>
    {
        TRoute[] routes = [.. given];
        int[] places = [.. Enumerable.Range(0, routes.Length)];
        Array.Sort(routes, places);
        int count = 0;
        for (int i = 0; i < routes.Length; i++)
        {
            if (count == 0 || routes[count - 1].CompareTo(routes[i]) != 0)
            {
                routes[count] = routes[i];
                places[count++] = places[i];
            }
            else if (places[count - 1] < places[i])
            {
                dropped(routes[count - 1]);
                routes[count - 1] = routes[i];
                places[count - 1] = places[i];
            }
            else
            {
                dropped(routes[i]);
            }
        }

        return routes.AsSpan(0, count);
    }
}
