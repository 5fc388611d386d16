namespace Overlay.DataPath;

/// <summary>What became of an ICMP error that came from the underlay.</summary>
public enum UnderlayIcmpVerdict : byte
{
    /// <summary>It does not quote a packet of this tunnel: of another one, or of another program.</summary>
    Foreign,

    /// <summary>It is cut, or its checksum is wrong.</summary>
    Malformed,

    /// <summary>It quotes a packet as this tunnel would send it, but not all of it adds up: nobody but a forger would write it.</summary>
    Forged,

    /// <summary>What it says of the MTU cannot be: more than the packet that it quotes, or less than a path of its family can have.</summary>
    BadMtu,

    /// <summary>The path MTU was lowered.</summary>
    Lowered,

    /// <summary>It said what was known already, or less.</summary>
    Known,

    /// <summary>The remote cannot be reached, or the packet's hops ran out on the way (RFC 2003 §4.1, §4.4).</summary>
    Unreachable,

    /// <summary>Something that a tunnel's entry keeps to itself: redirects, source routes that fail, parameter problems (RFC 2003 §4.1, §4.3).</summary>
    Ignored,
}
