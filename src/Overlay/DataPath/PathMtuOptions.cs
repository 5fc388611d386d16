using Overlay.Encapsulation;

namespace Overlay.DataPath;

/// <summary>How far path MTUs are believed, and for how long.</summary>
public sealed record PathMtuOptions
{
    /// <summary>
    /// The least path MTU that ICMP makes believe over IPv4, in bytes: what every IPv4 host must be able to receive (RFC 791 §3.2), below which no link of
    /// today is. RFC 1191 §3 allows down to 68, and with that whoever can forge one message could have a tunnel send 68-byte packets; Linux stops at 552.
    /// </summary>
    public const int DefaultMinimumIPv4 = 576;

    /// <summary>The least path MTU over IPv6, in bytes, which each of its links must carry (RFC 8200 §5).</summary>
    public const int MinimumIPv6 = 1_280;

    /// <summary>For how long a path MTU that ICMP lowered holds: "about 10 minutes" (RFC 1191 §6.3, RFC 8201 §5.3).</summary>
    public const long DefaultLifetimeMilliseconds = 600_000;

    /// <summary>The least path MTU that ICMP makes believe over IPv4, in bytes, <see cref="TunnelMtu.Minimum"/> to 65 535.</summary>
    public int MinimumIPv4 { get; init; } = DefaultMinimumIPv4;

    /// <summary>
    /// For how long a path MTU that ICMP lowered holds, in milliseconds. <see cref="long.MaxValue"/> keeps it for good (RFC 1191 §6.3: "a timeout value of
    /// infinity"). RFC 1191 §6.3 forbids less than five minutes after a message, since each trial costs a packet; at least a second, for tests.
    /// </summary>
    public long LifetimeMilliseconds { get; init; } = DefaultLifetimeMilliseconds;
}
