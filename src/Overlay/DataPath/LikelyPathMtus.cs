namespace Overlay.DataPath;

/// <summary>Sizes that links and tunnels have, so that a search tries those first (RFC 8899 §5.3.2).</summary>
internal static class LikelyPathMtus
{
    // Bytes of outer IP packet. IPv6's least; common caps; WireGuard over IPv6 and IPv4, VXLAN, PPPoE over L2TP, a cloud's default, GRE, IP in IP, PPPoE, Ethernet;
    // baby giants; FDDI, POS; a cloud's jumbo with and without its own VXLAN; jumbo frames as switches have them; the loopback device of old.
    private static ReadOnlySpan<ushort> Sizes =>
    [
        1_280, 1_300, 1_350, 1_400, 1_420, 1_440, 1_450, 1_454, 1_460, 1_472, 1_476, 1_480, 1_492, 1_500, 1_600, 2_000, 4_352, 4_470,
        8_000, 8_896, 8_950, 9_000, 9_001, 9_198, 9_216, 16_384,
    ];

    /// <summary>Whether a size is one of them.</summary>
    public static bool Contains(int size) => size <= ushort.MaxValue && Sizes.BinarySearch((ushort)size) >= 0;

    /// <summary>The one in the middle of those above <paramref name="low"/> and up to <paramref name="high"/>.</summary>
    /// <returns>0 if there is none.</returns>
    public static int Middle(int low, int high)
    {
        int first = 0;
        while (first < Sizes.Length && Sizes[first] <= low)
        {
            first++;
        }

        int end = first;
        while (end < Sizes.Length && Sizes[end] <= high)
        {
            end++;
        }

        return end > first ? Sizes[first + ((end - first) / 2)] : 0;
    }
}
