namespace Overlay.Forwarding.Cases;

/// <summary>Who comes when: each round begins one further, so that nobody always has the same predecessor's heat or the same place.</summary>
internal static class Rotation
{
    /// <summary>The order of a round.</summary>
    /// <param name="items">The order of round 0.</param>
    /// <param name="round">Counted from 0.</param>
    public static IEnumerable<T> Of<T>(IReadOnlyList<T> items, int round)
    {
        for (int i = 0; i < items.Count; i++)
        {
            yield return items[(i + round) % items.Count];
        }
    }
}
