using Overlay.DataPath;

namespace Overlay.Daemon.Status;

/// <summary>What became of ICMP errors from the underlay, by verdict.</summary>
internal static class UnderlayIcmpCounts
{
    /// <summary>Only verdicts that there were, and not of messages that were about something else; null if there were none.</summary>
    public static IReadOnlyDictionary<string, long>? From(UnderlayIcmp icmp)
    {
        SortedDictionary<string, long> counts = [];
        foreach (UnderlayIcmpVerdict verdict in Enum.GetValues<UnderlayIcmpVerdict>())
        {
            if (verdict != UnderlayIcmpVerdict.Foreign && icmp.Count(verdict) is > 0 and long count)
            {
                counts.Add(Word(verdict), count);
            }
        }

        return counts.Count > 0 ? counts : null;
    }

    private static string Word(UnderlayIcmpVerdict verdict) => verdict switch
    {
        UnderlayIcmpVerdict.BadMtu => "bad-mtu",
        UnderlayIcmpVerdict.Malformed => "malformed",
        UnderlayIcmpVerdict.Forged => "forged",
        UnderlayIcmpVerdict.Lowered => "lowered",
        UnderlayIcmpVerdict.Known => "known",
        UnderlayIcmpVerdict.Unreachable => "unreachable",
        UnderlayIcmpVerdict.Ignored => "ignored",
        _ => "foreign",
    };
}
