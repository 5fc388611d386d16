namespace Overlay.DataPath;

/// <summary>What becomes of a packet that the path to its remote does not take and that routers may fragment: IPv4 without DF.</summary>
public enum FragmentPolicy : byte
{
    /// <summary>It is dropped and counted as <see cref="DropReason.TooBig"/>.</summary>
    Drop,

    /// <summary>The inner packet is cut into fragments, each of which fits (RFC 791 §3.2). Its receiver puts it together.</summary>
    Inner,

    /// <summary>
    /// It goes as it is, and the outer packet may be fragmented: over IPv4 by whoever has the smaller link, its DF bit clear. The other end of the tunnel
    /// puts it together (RFC 2003 §5.1, RFC 4213 §3.2). Over IPv6, where only the source fragments, the inner packet is cut instead.
    /// </summary>
    Outer,
}
