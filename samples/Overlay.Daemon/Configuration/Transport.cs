namespace Overlay.Daemon.Configuration;

/// <summary>How packets leave for the underlay.</summary>
internal enum Transport
{
    /// <summary>By the sockets of the endpoint: superpackets are cut here and handed over in trains.</summary>
    Udp,

    /// <summary>Through a TAP that hands superpackets to the kernel whole, past routing policy, netfilter and IPsec.</summary>
    TunnelGso,
}
