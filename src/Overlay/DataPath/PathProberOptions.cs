namespace Overlay.DataPath;

/// <summary>The timers and constants of RFC 8899 §5.1. All times are milliseconds, all sizes bytes of outer IP packet.</summary>
public sealed record PathProberOptions
{
    /// <summary>The least PROBE_TIMER: it "MUST NOT be smaller than 1 second" (RFC 8899 §5.1.1).</summary>
    public const long LeastProbeTimer = 1_000;

    /// <summary>The smallest IPv6 packet that every link carries (RFC 8200 §5): base and least size there.</summary>
    public const int BaseIPv6 = 1_280;

    /// <summary>
    /// How long an answer is waited for (PROBE_TIMER), at least <see cref="LeastProbeTimer"/>. The RFC says that it SHOULD be larger than 15 s; one second is
    /// used, since a tunnel has its black holes found within five: an underlay's round trip is far below a second, where it is not the timer grows to three
    /// round trips, and an answer that comes later still counts for nothing worse than one more probe.
    /// </summary>
    public long ProbeTimer { get; init; } = LeastProbeTimer;

    /// <summary>After how many probes in vain a size is given up (MAX_PROBES), 2 to 10.</summary>
    public int MaxProbes { get; init; } = 3;

    /// <summary>How often the size in use is confirmed while large packets flow (CONFIRMATION_TIMER), at least 500 ms.</summary>
    public long ConfirmationTimer { get; init; } = 1_000;

    /// <summary>How long a size is used until a larger one is looked for (PMTU_RAISE_TIMER); 600 s in RFC 8899 §5.1.1. At least a second, for tests.</summary>
    public long RaiseTimer { get; init; } = 600_000;

    /// <summary>The base size over IPv4 (BASE_PLPMTU), RFC 8899 §5.1.2.</summary>
    public int BaseIPv4 { get; init; } = 1_200;

    /// <summary>The least size over IPv4 (MIN_PLPMTU): what every host must be able to receive (RFC 791 §3.2); routers must pass no more than 68.</summary>
    public int MinimumIPv4 { get; init; } = 576;

    /// <summary>How many probes are sent in a second, to all remotes together. Beyond that they wait for their turn.</summary>
    public int ProbesPerSecond { get; init; } = 1_000;

    /// <summary>After how long a remote that has never answered is asked again, the first time; then after twice as long, up to <see cref="RaiseTimer"/>.</summary>
    public long RetryTimer { get; init; } = 60_000;

    /// <summary>Checks what the types cannot.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range; the message says which.</exception>
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(ProbeTimer, LeastProbeTimer);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxProbes, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxProbes, 10);
        ArgumentOutOfRangeException.ThrowIfLessThan(ConfirmationTimer, 500);
        ArgumentOutOfRangeException.ThrowIfLessThan(RaiseTimer, 1_000);
        ArgumentOutOfRangeException.ThrowIfLessThan(MinimumIPv4, 68);
        ArgumentOutOfRangeException.ThrowIfLessThan(BaseIPv4, MinimumIPv4);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(BaseIPv4, ushort.MaxValue);
        ArgumentOutOfRangeException.ThrowIfLessThan(ProbesPerSecond, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(RetryTimer, 1_000);
    }
}
