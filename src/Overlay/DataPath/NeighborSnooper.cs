using Overlay.Tables;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>
/// Hears of neighbours by what comes through the tunnel: the sender of any ARP packet, as RFC 826 has it, and neighbour advertisements, which alone say
/// whether a host is a router (RFC 9161 §3.2). Only what names the frame's own source: nobody speaks for another.
/// </summary>
internal static class NeighborSnooper
{
    /// <summary>Looks at a frame that a permitted remote sent.</summary>
    public static void Take(Tunnel tunnel, in EthernetFrame frame, in PacketMeta meta, long now)
    {
        if (!NeighborMessage.TryRead(frame, meta.Checksum, out NeighborMessage message) || message.Mac != frame.Source)
        {
            return;
        }

        bool isStatement = message.Kind == NeighborMessageKind.Statement;
        if (!isStatement && (frame.EtherType != EtherType.Arp || message.Kind == NeighborMessageKind.Probe))
        {
            return;
        }

        ValueIPAddress address = isStatement ? message.Address : message.Asker;
        Vni vni = tunnel.Options.Vni;
        if (tunnel.Tables.Neighbors.NeedsLearning(vni, address, message.Mac, message.Flags, now))
        {
            // A full queue counts the loss itself; the host will be heard again.
            _ = tunnel.LearnedNeighbors.TryEnqueue(new LearnedNeighbor(vni, address, message.Mac, message.Flags, meta.Remote));
        }
    }
}
