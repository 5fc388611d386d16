using Overlay.Demo.Cases;
using Overlay.Demo.Traffic;

namespace Overlay.Demo.Report;

/// <summary>What one case showed; an element of <c>cases</c> in the JSON. What was not reached or does not apply is absent there.</summary>
internal sealed record CaseResult
{
    /// <summary>The case: <c>vxlan-kernel</c>, <c>vxlan-kernel-over-ipv6</c>, <c>vxlan-overlayd</c>, <c>4in4</c>, <c>6in4</c>, <c>4in6</c>, <c>6in6</c>.</summary>
    public required string Case { get; init; }

    /// <summary>Who is at the other end: <c>Linux 6.1 vxlan</c>, <c>overlayd</c>.</summary>
    public required string Peer { get; init; }

    /// <summary>Whether this machine can run it.</summary>
    public bool Available { get; init; } = true;

    /// <summary>Why it cannot.</summary>
    public string? Unavailable { get; init; }

    /// <summary>Whether everything was as it should be.</summary>
    public bool Passed { get; init; }

    /// <summary>What was not; empty if it passed.</summary>
    public IReadOnlyList<string> Failures { get; init; } = [];

    /// <summary>The MTU of the tunnel device in bytes.</summary>
    public int? Mtu { get; init; }

    /// <summary>The median round trip of pings over the first of the inner families, in microseconds.</summary>
    public double? RoundTripMicroseconds { get; init; }

    /// <summary>One TCP connection from here to the peer, in 10⁹ bits of payload per second.</summary>
    public double? GbitPerSecondSent { get; init; }

    /// <summary>One TCP connection from the peer to here.</summary>
    public double? GbitPerSecondReceived { get; init; }

    /// <summary>What measured them: <c>iperf3</c>, or <c>own</c> for the demo's own sender and receiver.</summary>
    public string? MeasuredBy { get; init; }

    /// <summary>Each inner family: <c>ipv4</c>, <c>ipv6</c>.</summary>
    public IReadOnlyDictionary<string, FamilyResult> Families { get; init; } = new Dictionary<string, FamilyResult>();

    /// <summary>Drops by reason, in wire packets, of all daemons and both directions; <c>receive-buffer-full</c> is the kernel's, in front of the sockets.</summary>
    public IReadOnlyDictionary<string, long> Drops { get; init; } = new Dictionary<string, long>();

    /// <summary>Why drops had to happen, by reason; a reason without an explanation fails the case.</summary>
    public IReadOnlyDictionary<string, string> DropsExplained { get; init; } = new Dictionary<string, string>();

    /// <summary>The books of each overlayd and direction; each must balance.</summary>
    public IReadOnlyList<DirectionBook> Books { get; init; } = [];
}

/// <summary>What one inner family showed.</summary>
internal sealed record FamilyResult
{
    /// <summary>The peer's MAC as resolved here, by ARP or neighbour discovery; absent on a tun, which has none.</summary>
    public string? NeighborMac { get; init; }

    /// <summary>Our MAC as resolved by the peer.</summary>
    public string? OwnMacAtPeer { get; init; }

    /// <summary>Pings of 56 bytes.</summary>
    public EchoResult? Ping { get; init; }

    /// <summary>Pings that fill the MTU, with DF.</summary>
    public EchoResult? FullSizePing { get; init; }

    /// <summary>Datagrams that fill the MTU, there and back, every byte compared.</summary>
    public UdpResult? Udp { get; init; }

    /// <summary>Bytes of TCP to the peer, every byte compared.</summary>
    public long? TcpBytesSent { get; init; }

    /// <summary>Bytes of TCP from the peer, every byte compared.</summary>
    public long? TcpBytesReceived { get; init; }
}
