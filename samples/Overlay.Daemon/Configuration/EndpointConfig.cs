namespace Overlay.Daemon.Configuration;

/// <summary>
/// The sockets under a tunnel. An endpoint is (kind, local, port) and may carry several tunnels if VNIs tell them apart; whatever is a property of the sockets
/// must then be the same in all of them, so that equality of these records is the rule.
/// </summary>
internal sealed record EndpointConfig
{
    /// <summary>The encapsulation.</summary>
    public required TunnelKind Kind { get; init; }

    /// <summary>What is true of the encapsulation.</summary>
    public TunnelFacts Facts => TunnelFacts.Of(Kind);

    /// <summary>The underlay address of this end.</summary>
    public required ValueIPAddress Local { get; init; }

    /// <summary>The UDP port; 0 for a kind that UDP does not carry.</summary>
    public ushort Port { get; init; }

    /// <summary>The interface that the sockets are bound to (SO_BINDTODEVICE); null for any.</summary>
    public string? Link { get; init; }

    /// <summary>Whether outer UDP checksums are sent.</summary>
    public bool OuterChecksum { get; init; } = true;

    /// <summary>Whether packets with a zero UDP checksum are taken over IPv6 (RFC 6935).</summary>
    public bool ZeroChecksumIPv6 { get; init; }

    /// <summary>The lowest outer source port.</summary>
    public ushort SourcePortMinimum { get; init; } = 49_152;

    /// <summary>The highest outer source port.</summary>
    public ushort SourcePortMaximum { get; init; } = 65_535;

    /// <summary>How many source ports carry the entropy of the inner flows, 1 to 256.</summary>
    public int SourcePortCount { get; init; } = 16;

    /// <summary>Whether received trains are taken in one piece (UDP_GRO).</summary>
    public bool Gro { get; init; } = true;

    /// <summary>Whether trains are sent in one piece (UDP_SEGMENT).</summary>
    public bool Gso { get; init; } = true;

    /// <summary>How packets leave.</summary>
    public Transport Transport { get; init; }

    /// <summary>Whether the transport <c>tunnelGso</c> may be used where it is asked for (offload.tunnelGso).</summary>
    public bool TunnelGso { get; init; } = true;

    /// <summary>What the configuration and the status call the transport by sockets.</summary>
    public string SocketTransport => Facts.IsOverUdp ? "udp" : "raw";

    /// <summary>For messages: <c>192.0.2.1:4789</c>, <c>[2001:db8::1]:4789</c>, and without UDP the address alone.</summary>
    public override string ToString() => Port == 0 ? $"{Local}" : Local.IsIPv4 ? $"{Local}:{Port}" : $"[{Local}]:{Port}";
}
