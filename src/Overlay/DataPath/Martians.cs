namespace Overlay.DataPath;

/// <summary>Addresses that no packet on a network comes from (RFC 1812 §5.3.7, RFC 4213 §3.6, RFC 4291 §2).</summary>
internal static class Martians
{
    /// <summary>
    /// Whether an address is in 0.0.0.0/8 (this network), 127.0.0.0/8 (loopback), 224.0.0.0/4 (groups) or 240.0.0.0/4 (class E and the broadcast address); in
    /// ::/96 (unspecified, loopback, IPv4-compatible) or ff00::/8 (groups).
    /// </summary>
    public static bool Contains(ValueIPAddress address)
    {
        if (address.IsIPv4)
        {
            return address.ToIPv4() >> 24 is 0 or 127 or >= 224;
        }

        return address.IsMulticast || (address.High == 0 && address.Low <= uint.MaxValue);
    }
}
