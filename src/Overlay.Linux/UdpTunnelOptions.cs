using System.Net.Sockets;
using Overlay.Encapsulation;

namespace Overlay.Linux;

/// <summary>How a <see cref="UdpTunnelSocket"/> is bound.</summary>
public sealed record UdpTunnelOptions
{
    /// <summary>The most send sockets: each is a file descriptor, and more source ports make shorter trains.</summary>
    public const int MaxSourcePortCount = 256;

    /// <summary>The local address. It need not be on an interface yet. The unspecified address takes packets to any local address.</summary>
    public required ValueIPAddress Local { get; init; }

    /// <summary>
    /// The headers of the tunnels over this endpoint, all of one kind, which the endpoint then speaks; <see cref="DataPath.PacketMeta.Header"/> chooses.
    /// Unless given, that of VXLAN, which any number of VXLAN tunnels without group policy share.
    /// </summary>
    public IReadOnlyList<TunnelHeader> Headers { get; init; } = [TunnelHeader.Vxlan];

    /// <summary>The encapsulation: that of the headers.</summary>
    public TunnelKind Kind => Headers[0].Kind;

    /// <summary>The UDP port that packets are received on. 4789 is VXLAN's (RFC 7348 §8); <see cref="TunnelFacts.DefaultPort"/> knows the others.</summary>
    public ushort Port { get; init; } = 4789;

    /// <summary>The interface that packets must go and come by (SO_BINDTODEVICE); null for any. Needed for a link-local address.</summary>
    public string? Link { get; init; }

    /// <summary>
    /// Whether outer UDP checksums are sent. On: the kernel's UDP GSO and GRO work with a checksum only, and that is worth far more than a
    /// checksum costs. RFC 7348 §5 says "SHOULD be transmitted as zero"; this is a deliberate deviation.
    /// </summary>
    public bool OuterChecksum { get; init; } = true;

    /// <summary>Whether IPv6 packets without UDP checksum are taken (RFC 6935 §5). Off: the kernel drops them.</summary>
    public bool ZeroChecksumIPv6 { get; init; }

    /// <summary>The lowest source port.</summary>
    public ushort SourcePortMinimum { get; init; } = 49_152;

    /// <summary>The highest source port.</summary>
    public ushort SourcePortMaximum { get; init; } = 65_535;

    /// <summary>
    /// How many source ports to send from, 1 to <see cref="MaxSourcePortCount"/>: the entropy by which the underlay spreads flows over paths and
    /// queues (RFC 7348 §5). 16 spreads well and keeps trains long.
    /// </summary>
    public int SourcePortCount { get; init; } = 16;

    /// <summary>Whether packets are handed to the kernel in trains (UDP_SEGMENT).</summary>
    public bool Gso { get; init; } = true;

    /// <summary>Whether packets are taken from the kernel in trains (UDP_GRO).</summary>
    public bool Gro { get; init; } = true;

    /// <summary>The receive buffer to ask for, in bytes: a burst of 5 ms at 10 Gbit/s. What was got is in <see cref="UdpTunnelSocket.ReceiveBufferBytes"/>.</summary>
    public int ReceiveBufferBytes { get; init; } = 8 * 1024 * 1024;

    /// <summary>The send buffer to ask for, in bytes, for each source port.</summary>
    public int SendBufferBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>Whether the outer TTL or hop limit of received packets is wanted in the meta.</summary>
    public bool ReceiveTtl { get; init; }

    /// <summary>
    /// The MTU of the inner network in bytes of IP packet, by which a received superpacket of unknown segment size is cut; 0 takes the link MTU
    /// minus the overhead.
    /// </summary>
    public ushort InnerMtu { get; init; }

    /// <summary>
    /// Multicast groups that packets are sent to. They leave by <see cref="Link"/>, or the interface that has the local address, and are not looped back to this
    /// host, as of the kernel's vxlan. To receive from them is <see cref="UdpGroupSocket"/>'s business.
    /// </summary>
    public IReadOnlyList<ValueIPAddress> Groups { get; init; } = [];

    /// <summary>The interface that groups are joined on and sent to by.</summary>
    /// <exception cref="LinuxException">ENODEV: there is none.</exception>
    internal string MulticastLink(string name) => Link ?? LinkMtu.FindLink(Local)
        ?? throw new LinuxException(Errno.ENODEV, "MCAST_JOIN_GROUP", name, $"no interface has the address {Local}; a link says which one is meant");

    /// <summary>Checks what the types cannot.</summary>
    /// <exception cref="ArgumentException">A value is out of its range, or two do not fit each other; the message says which.</exception>
    internal void Validate()
    {
        if (Headers.Count is 0 or > ushort.MaxValue + 1 || Headers.Any(header => header.Kind != Headers[0].Kind))
        {
            string kinds = string.Join(", ", Headers.Select(header => TunnelFacts.Of(header.Kind).Name).Distinct());
            throw new ArgumentException($"An endpoint has 1 to 65 536 headers of one kind; these are {Headers.Count} ({kinds}).", nameof(Headers));
        }

        if (Port == 0)
        {
            throw new ArgumentException("The UDP port is 1 to 65 535.", nameof(Port));
        }

        if (Local.IsMulticast || Local.IsBroadcast)
        {
            throw new ArgumentException($"{Local} is not an address of one host.", nameof(Local));
        }

        foreach (ValueIPAddress group in Groups)
        {
            if (!group.IsMulticast || group.IsIPv4 != Local.IsIPv4)
            {
                throw new ArgumentException($"{group} is not a multicast address of the family of {Local}.", nameof(Groups));
            }
        }

        if (SourcePortMinimum == 0 || SourcePortMinimum > SourcePortMaximum)
        {
            throw new ArgumentException($"The source ports {SourcePortMinimum} to {SourcePortMaximum} are no range.", nameof(SourcePortMinimum));
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(SourcePortCount, 1, nameof(SourcePortCount));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(SourcePortCount, MaxSourcePortCount, nameof(SourcePortCount));
        ArgumentOutOfRangeException.ThrowIfLessThan(ReceiveBufferBytes, 1, nameof(ReceiveBufferBytes));
        ArgumentOutOfRangeException.ThrowIfLessThan(SendBufferBytes, 1, nameof(SendBufferBytes));
        if (Local.AddressFamily == AddressFamily.InterNetworkV6 && Local.IsLinkLocal && Link is null)
        {
            throw new ArgumentException($"{Local} is link-local and needs a link.", nameof(Link));
        }
    }
}
