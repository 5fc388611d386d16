namespace Overlay.Daemon.Configuration;

/// <summary>How packets leave for the underlay.</summary>
internal enum Transport
{
    /// <summary>By the sockets of the endpoint, <c>udp</c> or <c>raw</c>: superpackets are cut here and handed over in trains.</summary>
    Sockets,

    /// <summary>Through a TAP that hands superpackets to the kernel whole, past routing policy, netfilter and IPsec.</summary>
    TunnelGso,
}
