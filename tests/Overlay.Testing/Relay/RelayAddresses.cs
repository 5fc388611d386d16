namespace Overlay.Testing.Relay;

/// <summary>The addresses that a relay's ICMP errors come from.</summary>
/// <param name="IPv4">By default the dummy address for that (RFC 7600 §4.8).</param>
/// <param name="IPv6">By default one for documentation.</param>
public sealed record RelayAddresses(ValueIPAddress IPv4, ValueIPAddress IPv6)
{
    /// <summary>192.0.0.8 and 2001:db8:ffff::8.</summary>
    public static RelayAddresses Default { get; } = new(ValueIPAddress.Parse("192.0.0.8"), ValueIPAddress.Parse("2001:db8:ffff::8"));
}
