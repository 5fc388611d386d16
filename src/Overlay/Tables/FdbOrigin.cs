namespace Overlay.Tables;

/// <summary>Who put an entry into the forwarding table.</summary>
public enum FdbOrigin : byte
{
    /// <summary>Learned from a received packet (RFC 7348 §4.1). It ages, moves, and makes way for the others.</summary>
    Learned = 0,

    /// <summary>From the configuration. It stays until it is removed; nothing learned replaces it.</summary>
    Static = 1,

    /// <summary>From a control plane. It stays until it is withdrawn; nothing learned replaces it.</summary>
    External = 2,
}
