namespace Overlay.Linux;

/// <summary>How a <see cref="RawTunnelSocket"/> is bound.</summary>
public sealed record RawTunnelOptions
{
    /// <summary>
    /// The encapsulation: <see cref="TunnelKind.IPInIP"/>, <see cref="TunnelKind.Gre"/> or <see cref="TunnelKind.Gretap"/>. Those two are one protocol to
    /// the kernel: where endpoints of both have one address, each is given the other's packets, too, and drops them as <see cref="DropReason.NotTunnel"/>.
    /// </summary>
    public TunnelKind Kind { get; init; } = TunnelKind.IPInIP;

    /// <summary>The local address: packets to it are received, packets are sent from it. It need not be on an interface yet.</summary>
    public required ValueIPAddress Local { get; init; }

    /// <summary>The interface that packets must go and come by (SO_BINDTODEVICE); null for any. Needed for a link-local address.</summary>
    public string? Link { get; init; }

    /// <summary>The receive buffer to ask for, in bytes, for each socket: IP in IP has two.</summary>
    public int ReceiveBufferBytes { get; init; } = 8 * 1024 * 1024;

    /// <summary>The send buffer to ask for, in bytes.</summary>
    public int SendBufferBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>
    /// The MTU of the tunnel in bytes of inner packet: what is received longer, with an unfinished checksum, is a superpacket and is cut by it; 0
    /// takes the link MTU minus the outer headers without optional fields.
    /// </summary>
    public ushort InnerMtu { get; init; }

    /// <summary>Checks what the types cannot.</summary>
    /// <exception cref="ArgumentException">A value is out of its range, or two do not fit each other; the message says which.</exception>
    internal void Validate()
    {
        if (Kind is not (TunnelKind.IPInIP or TunnelKind.Gre or TunnelKind.Gretap))
        {
            throw new ArgumentException($"{TunnelFacts.Of(Kind)} is carried by UDP; a raw socket carries ipip, gre and gretap.", nameof(Kind));
        }

        if (Local.IsMulticast || Local.IsBroadcast || Local.IsUnspecified)
        {
            throw new ArgumentException($"{Local} is not an address of one host.", nameof(Local));
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(ReceiveBufferBytes, 1, nameof(ReceiveBufferBytes));
        ArgumentOutOfRangeException.ThrowIfLessThan(SendBufferBytes, 1, nameof(SendBufferBytes));
        if (!Local.IsIPv4 && Local.IsLinkLocal && Link is null)
        {
            throw new ArgumentException($"{Local} is link-local and needs a link.", nameof(Link));
        }
    }
}
