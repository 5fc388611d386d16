namespace Overlay.DataPath;

/// <summary>What a message of ARP or neighbour discovery is for.</summary>
internal enum NeighborMessageKind
{
    /// <summary>Who has the address? An ARP request or a neighbour solicitation.</summary>
    Question,

    /// <summary>Is the address free? An ARP probe (RFC 5227 §2.1.1) or the solicitation of duplicate address detection (RFC 4862 §5.4.2).</summary>
    Probe,

    /// <summary>I have the address: an ARP reply, a gratuitous ARP packet of either operation, or a neighbour advertisement.</summary>
    Statement,
}
