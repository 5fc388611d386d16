using Overlay.Tables;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>
/// Answers ARP requests and neighbour solicitations from the device for addresses that the tunnel knows, so that they need not be flooded (RFC 9161; in
/// Linux the bridge's <c>neigh_suppress</c>).
/// </summary>
/// <remarks>
/// <list type="bullet">
/// <item>A question is answered if the neighbour and the forwarding entry of its MAC address are known, whether the host is up or not. Else it is flooded,
/// counted, and told to the writer of the tables.</item>
/// <item>Unicast questions are not looked at: a host that polls another wants to know whether that one lives ("SHOULD NOT reply", RFC 9161 §3.3).</item>
/// <item>Tests for duplicate addresses pass, so that the owner answers: RFC 9161 §3.3 would have them answered here, but an entry may be stale, and then a
/// host would be refused an address that is free, for good. Where the entry is <see cref="NeighborFlags.Immutable"/>, it is answered.</item>
/// <item>A frame with a VLAN tag is not looked at: the tables know the network, not the VLAN within it, in which the address may be another host's.</item>
/// <item>Announcements pass and change nothing here; a repeated one is dropped where <see cref="TunnelOptions.AnnouncementHold"/> says so.</item>
/// </list>
/// </remarks>
internal sealed class NeighborResponder
{
    private const int ArpReplyLength = EthernetFrame.MinimumHeaderLength + ArpHeader.Length;

    // ff02::1, and the group address that it has on Ethernet (RFC 2464 §7).
    private const ulong AllNodesHigh = 0xFF02_0000_0000_0000;
    private const ulong AllNodesMac = 0x3333_0000_0001;

    private readonly Tunnel _tunnel;
    private readonly Vni _vni;
    private readonly OverlayTables _tables;
    private readonly NeighborCounters _counters;
    private readonly int _device;

    /// <summary>Makes one for a worker.</summary>
    /// <param name="tunnel">The tunnel as the worker sees it.</param>
    /// <param name="device">The output for answers.</param>
    public NeighborResponder(Tunnel tunnel, int device)
    {
        _tunnel = tunnel;
        _vni = tunnel.Options.Vni;
        _tables = tunnel.Tables;
        _counters = tunnel.Neighbors;
        _device = device;
    }

    /// <summary>Looks at a frame to a group address. The answer, if there is one, is appended to the batch.</summary>
    public NeighborVerdict Take(PacketBatch batch, in EthernetFrame frame, ChecksumState checksum, long now)
    {
        if (!NeighborMessage.TryRead(frame, checksum, out NeighborMessage message))
        {
            return NeighborVerdict.Pass;
        }

        if (message.Kind == NeighborMessageKind.Statement)
        {
            return TakeStatement(message, now);
        }

        bool isKnown = _tables.Neighbors.TryGet(_vni, message.Address, out NeighborEntry entry);
        if (isKnown && (entry.Mac == frame.Source || entry.Mac == message.Mac))
        {
            // Whoever has the address asks for it himself: moved here, or looking for others who have it, too.
            return NeighborVerdict.Pass;
        }

        if (message.Kind == NeighborMessageKind.Probe)
        {
            if (!isKnown || (entry.Flags & NeighborFlags.Immutable) == 0 || !TryAnswer(batch, frame, message, entry))
            {
                _counters.CountProbe();
                return NeighborVerdict.Pass;
            }

            _counters.CountAnswer();
            return NeighborVerdict.Answered;
        }

        if (!isKnown || !_tables.Forwarding.TryLookup(_vni, entry.Mac, out int _))
        {
            Miss(message.Address, entry.Mac, isKnown, now);
            return NeighborVerdict.Pass;
        }

        if (!TryAnswer(batch, frame, message, entry))
        {
            return NeighborVerdict.Pass;
        }

        _counters.CountAnswer();
        return NeighborVerdict.Answered;
    }

    private NeighborVerdict TakeStatement(in NeighborMessage message, long now)
    {
        _counters.CountAnnouncement();
        if (_tunnel.Options.NeighborLearning && _tables.Neighbors.TryGet(_vni, message.Address, out NeighborEntry entry) &&
            entry.Origin == NeighborOrigin.Learned && entry.Mac != message.Mac)
        {
            // The host is on this side now: what others said of it is not to be repeated to its neighbours.
            _ = _tunnel.LearnedNeighbors.TryEnqueue(new LearnedNeighbor(_vni, message.Address, message.Mac, message.Flags, default));
        }

        return _tunnel.Announcements?.IsRepeated(new NeighborMiss(_vni, message.Address, message.Mac), now) == true
            ? NeighborVerdict.Repeated
            : NeighborVerdict.Pass;
    }

    private void Miss(ValueIPAddress address, MacAddress mac, bool isKnown, long now)
    {
        if (isKnown)
        {
            _counters.CountUnforwarded();
        }
        else
        {
            _counters.CountUnknown();
        }

        // A full queue counts the loss itself.
        _ = _tunnel.NeighborMisses.TryEnqueue(new NeighborMiss(_vni, address, mac), now);
    }

    private bool TryAnswer(PacketBatch batch, in EthernetFrame frame, in NeighborMessage message, in NeighborEntry entry) =>
        message.Address.IsIPv4 ? TryAnswerArp(batch, frame, message, entry) : TryAnswerSolicitation(batch, frame, message, entry);

    private bool TryAnswerArp(PacketBatch batch, in EthernetFrame frame, in NeighborMessage message, in NeighborEntry entry)
    {
        if (!batch.TryReserve(ArpReplyLength, out Span<byte> reply))
        {
            return false;
        }

        // To where the question came from, not to what it names: else it could have answers sent to others.
        _ = new EthernetHeader(frame.Source, entry.Mac, EtherType.Arp).TryWrite(reply, out int ethernet);
        ArpHeader arp = new(ArpOperation.Reply, entry.Mac, message.Address, message.Mac, message.Asker);
        _ = arp.TryWrite(reply[ethernet..], out _);
        Originate(batch, ArpReplyLength);
        return true;
    }

    private bool TryAnswerSolicitation(PacketBatch batch, in EthernetFrame frame, in NeighborMessage message, in NeighborEntry entry)
    {
        // Whoever only tests the address has none to be answered at: all nodes are told, and it is no solicited answer (RFC 4861 §7.2.4).
        bool isProbe = message.Kind == NeighborMessageKind.Probe;
        ValueIPAddress asker = isProbe ? ValueIPAddress.FromHighLow(AllNodesHigh, 1) : message.Asker;
        NeighborDiscoveryHeader advertisement = new(IcmpV6Type.NeighborAdvertisement, message.Address)
        {
            Flags = (isProbe ? NeighborDiscoveryFlags.None : NeighborDiscoveryFlags.Solicited) |
                ((entry.Flags & NeighborFlags.Router) != 0 ? NeighborDiscoveryFlags.Router : NeighborDiscoveryFlags.None) |
                ((entry.Flags & NeighborFlags.Override) != 0 ? NeighborDiscoveryFlags.Override : NeighborDiscoveryFlags.None),
            LinkLayerAddress = entry.Mac,
        };
        int total = EthernetFrame.MinimumHeaderLength + IPv6Packet.HeaderLength + advertisement.Length;
        if (!batch.TryReserve(total, out Span<byte> reply))
        {
            return false;
        }

        MacAddress destination = isProbe ? MacAddress.FromValue(AllNodesMac) : frame.Source;
        _ = new EthernetHeader(destination, entry.Mac, EtherType.IPv6).TryWrite(reply, out int ethernet);
        IPv6Header header = new(message.Address, asker, IPProtocol.IcmpV6)
        {
            PayloadLength = (ushort)advertisement.Length,
            HopLimit = NeighborDiscoveryPacket.RequiredHopLimit,
        };
        _ = header.TryWrite(reply[ethernet..], out int network);
        _ = advertisement.TryWriteMessage(reply[(ethernet + network)..], message.Address, asker, out _);
        Originate(batch, total);
        return true;
    }

    private void Originate(PacketBatch batch, int length)
    {
        ref PacketMeta meta = ref batch.Meta(batch.Commit(length));
        meta.Origin = PacketOrigin.Originated;
        meta.Output = _device;
    }
}
