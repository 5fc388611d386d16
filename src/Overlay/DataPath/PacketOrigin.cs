namespace Overlay.DataPath;

/// <summary>How a descriptor came to be; each is one summand of rx + replicated + originated = tx + consumed + drops.</summary>
public enum PacketOrigin : byte
{
    /// <summary>Received from a port.</summary>
    Received,

    /// <summary>A further copy of a flooded packet.</summary>
    Replicated,

    /// <summary>Made here: an ARP or neighbour-discovery answer, an ICMP message, a fragment other than the first.</summary>
    Originated,
}
