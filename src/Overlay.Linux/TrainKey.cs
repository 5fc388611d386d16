namespace Overlay.Linux;

/// <summary>What all datagrams of a train have in common beside their size.</summary>
internal readonly record struct TrainKey
{
    /// <summary>The outer destination address.</summary>
    public ValueIPAddress Remote { get; init; }

    /// <summary>The IPv6 flow label; 0 for IPv4.</summary>
    public uint FlowLabel { get; init; }

    /// <summary>The outer destination port.</summary>
    public ushort Port { get; init; }

    /// <summary>What stands for the source port: the output's number for it.</summary>
    public ushort Source { get; init; }

    /// <summary>The outer traffic class.</summary>
    public byte TrafficClass { get; init; }

    /// <summary>The outer TTL or hop limit; 0 for the system's default.</summary>
    public byte Ttl { get; init; }

    /// <summary>DF of an outer IPv4 header.</summary>
    public bool DontFragment { get; init; }

    /// <summary>
    /// Whether a packet with the other key may belong to the same flow: then one must not overtake the other. An inner flow always has the same
    /// source port and flow label, but its packets may differ in ECN, DSCP, TTL and DF.
    /// </summary>
    public bool MayShareFlow(in TrainKey other) =>
        Source == other.Source && FlowLabel == other.FlowLabel && Port == other.Port && Remote == other.Remote;
}
