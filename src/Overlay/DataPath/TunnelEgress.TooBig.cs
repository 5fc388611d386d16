using Overlay.Encapsulation;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <content>What the path to a remote does not take.</content>
public sealed partial class TunnelEgress
{
    // RFC 8200 §5: what every link of IPv6 takes, and so a tunnel, too (RFC 2473 §7.1).
    private const int MinimumMtuIPv6 = PathMtuOptions.MinimumIPv6;

    /// <summary>
    /// Holds what leaves to the MTUs of the paths. It is called for batches that have something longer than the smallest of them takes, be it a superpacket,
    /// of which only the segments count.
    /// </summary>
    private void HoldToPaths(PacketBatch batch, long now)
    {
        int smallest = _paths.Smallest;
        int count = batch.Count;
        for (int i = 0; i < count; i++)
        {
            ref PacketMeta meta = ref batch.Meta(i);
            if (meta.State != PacketState.Pending || meta.Output != _endpoint)
            {
                continue;
            }

            int headers = _headers + (meta.EncapsulationLimit is null ? 0 : IPInIPEncapsulator.EncapsulationLimitLength);
            int length = SegmentLength(batch, i);
            if (headers + length <= smallest)
            {
                continue;
            }

            int room = _paths.Get(meta.Remote) - headers;
            if (length > room && TakeTooBig(batch, i, length, room, now) is not DropReason.None and DropReason reason)
            {
                batch.Drop(i, reason);
            }
        }
    }

    /// <summary>Bytes of a packet, or of the largest segment of a superpacket.</summary>
    private static int SegmentLength(PacketBatch batch, int index)
    {
        ref readonly PacketMeta meta = ref batch.Meta(index);
        int length = batch.Length(index);
        return meta.Segmentation == SegmentationKind.None || meta.SegmentSize == 0 ? length : Math.Min(length, meta.HeaderLength + meta.SegmentSize);
    }

    /// <summary>
    /// RFC 2473 §7 and RFC 4213 §3.2.2 for what is inside of a tunnel, whichever it is: where the sender can make its packets smaller it is told to, and where
    /// it cannot, they are fragmented or lost.
    /// </summary>
    /// <param name="batch">The batch, to which a message or fragments may be added.</param>
    /// <param name="index">The packet, as it would leave.</param>
    /// <param name="length">Bytes of its largest segment.</param>
    /// <param name="room">Bytes that the path takes of it.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    private DropReason TakeTooBig(PacketBatch batch, int index, int length, int room, long now)
    {
        int network = 0;
        if (_wrapsInEthernet)
        {
            if (!EthernetFrame.TryParse(batch.Data(index), out EthernetFrame frame) || frame.EtherType is not (EtherType.IPv4 or EtherType.IPv6))
            {
                return DropReason.TooBig;
            }

            network = frame.HeaderLength;
        }

        if (!InnerIP.TryRead(batch.Data(index)[network..], out InnerIP inner, out _))
        {
            return DropReason.TooBig;
        }

        // Padding behind the packet is not the sender's to save; what is longer than a segment is a superpacket.
        length = Math.Min(length - network, inner.Length);
        int mtu = room - network;
        if (length <= mtu)
        {
            batch.Truncate(index, network + inner.Length);
            return DropReason.None;
        }

        ref PacketMeta meta = ref batch.Meta(index);
        if (!inner.IsIPv4)
        {
            if (length > MinimumMtuIPv6)
            {
                Tell(batch, index, network, length, Math.Max(mtu, MinimumMtuIPv6), now);
                return DropReason.TooBig;
            }

            // The sender cannot go lower. RFC 4213 §3.2.2: "Encapsulate but do not set the Don't Fragment flag"; over IPv6 only
            // the source fragments (RFC 8200 §4.5), and this end does not.
            return TryFragmentOuter(ref meta, network + length) ? DropReason.None : DropReason.TooBig;
        }

        if ((inner.Flags & InnerIP.DontFragmentFlag) != 0)
        {
            Tell(batch, index, network, length, mtu, now);
            return DropReason.TooBig;
        }

        if (_fragment == FragmentPolicy.Outer && TryFragmentOuter(ref meta, network + length))
        {
            return DropReason.None;
        }

        return _fragment == FragmentPolicy.Drop || meta.Segmentation != SegmentationKind.None
            ? DropReason.TooBig
            : InnerFragments.Cut(batch, index, network, mtu);
    }

    private void Tell(PacketBatch batch, int index, int network, int length, int mtu, long now)
    {
        if (_options.Policy.TellTooBig)
        {
            _ = _tooBig.Tell(batch, index, network, length, mtu, now);
        }
    }

    // RFC 7348 §4.3 has no exception, and what else UDP carries is no different to those who lose fragments.
    // Routers fragment; the port here does not, so that the first link must take the packet as it is.
    private bool TryFragmentOuter(ref PacketMeta meta, int length)
    {
        if (_options.Facts.IsOverUdp || !_local.IsIPv4 || _headers + length > _paths.GetBound(meta.Remote))
        {
            return false;
        }

        meta.DontFragment = false;
        return true;
    }

    private void ClampSegmentSizes(PacketBatch batch)
    {
        for (int i = 0; i < batch.Count; i++)
        {
            ref readonly PacketMeta meta = ref batch.Meta(i);
            if (meta.State == PacketState.Pending && meta.Output == _endpoint)
            {
                _clamper!.Take(batch, i, _wrapsInEthernet);
            }
        }
    }
}
