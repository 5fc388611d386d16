namespace Overlay.Wire;

/// <summary>The ECN field: the two low bits of the IPv4 TOS and of the IPv6 traffic class (RFC 3168 §5, Figure 1).</summary>
public enum Ecn : byte
{
    /// <summary>Not-ECT, 00: the transport does not understand ECN.</summary>
    NotEct = 0,

    /// <summary>ECT(1), 01: ECN-capable; low latency, low loss service where RFC 9331 is spoken.</summary>
    Ect1 = 1,

    /// <summary>ECT(0), 10: ECN-capable.</summary>
    Ect0 = 2,

    /// <summary>CE, 11: congestion experienced.</summary>
    Ce = 3,
}
