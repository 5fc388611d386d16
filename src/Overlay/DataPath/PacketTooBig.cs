using System.Buffers.Binary;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>
/// Tells the sender of an inner packet that it is too big for the path: ICMP "fragmentation needed" (RFC 1191 §4) or ICMPv6 "packet too big" (RFC 4443
/// §3.2), with the MTU that it has. Without them a sender knows nothing, and its connections hang: the kernel's vxlan tells hosts behind a bridge only.
/// </summary>
/// <remarks>
/// The message comes from the packet's destination, as the kernel's own tunnels have it (net/ipv4/ip_tunnel_core.c): on Ethernet this end has no address in
/// the sender's network, and on IP a host whose routes are checked (rp_filter) takes from the device what it would send there.
/// </remarks>
internal sealed class PacketTooBig
{
    // RFC 1812 §4.3.2.3: as much as fits into 576 bytes. RFC 4443 §2.4 c: into 1280.
    private const int MaxQuoteIPv4 = 576 - IPv4Packet.MinimumHeaderLength - IcmpPacket.HeaderLength;
    private const int MaxQuoteIPv6 = 1_280 - IPv6Packet.HeaderLength - IcmpV6Packet.HeaderLength;

    // RFC 1812 §4.3.2.5: ICMP errors have precedence 6.
    private const byte InternetworkControl = 6 << 5;

    private readonly int _device;
    private readonly bool _isEthernet;
    private readonly MessageRate _rate;

    /// <summary>Makes one for a worker.</summary>
    /// <param name="options">The tunnel.</param>
    /// <param name="device">The output for messages.</param>
    public PacketTooBig(TunnelOptions options, int device)
    {
        _device = device;
        _isEthernet = options.Layer == DeviceLayer.Ethernet;
        _rate = new MessageRate(options.FlowHashSeed);
    }

    /// <summary>Adds a message to the batch, if there may be one.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="index">The packet, behind an Ethernet header where there is one.</param>
    /// <param name="network">Bytes in front of its IP header.</param>
    /// <param name="length">Bytes of its largest segment, from the IP header on; of a plain packet, all.</param>
    /// <param name="mtu">What its sender is told, in bytes.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <returns>Whether there is one.</returns>
    public bool Tell(PacketBatch batch, int index, int network, int length, int mtu, long now)
    {
        ReadOnlySpan<byte> frame = batch.Data(index);
        ReadOnlySpan<byte> packet = frame[network..];
        bool isIPv4 = packet[0] >> 4 == 4;
        ValueIPAddress sender;
        if (isIPv4)
        {
            if (!IPv4Packet.TryParseTruncated(packet, out IPv4Packet packet4) || !MayBeToldOf(packet4))
            {
                return false;
            }

            sender = packet4.Source;
        }
        else
        {
            if (!IPv6Packet.TryParse(packet, out IPv6Packet packet6) || !MayBeToldOf(packet6))
            {
                return false;
            }

            sender = packet6.Source;
        }

        // RFC 1812 §4.3.2.7: nothing that came as a broadcast or multicast of the link layer.
        if (_isEthernet && (frame[0] & 1) != 0)
        {
            return false;
        }

        int ethernet = _isEthernet ? network : 0;
        int quote = Math.Min(Math.Min(packet.Length, length), isIPv4 ? MaxQuoteIPv4 : MaxQuoteIPv6);
        int headers = isIPv4 ? IPv4Packet.MinimumHeaderLength + IcmpPacket.HeaderLength : IPv6Packet.HeaderLength + IcmpV6Packet.HeaderLength;
        int total = ethernet + headers + quote;
        if (!batch.HasRoom(total) || !_rate.TryTake(sender, now) || !batch.TryReserve(total, out Span<byte> answer))
        {
            return false;
        }

        if (ethernet != 0)
        {
            // Back to where it came from, tags and all.
            frame[..ethernet].CopyTo(answer);
            frame.Slice(MacAddress.Length, MacAddress.Length).CopyTo(answer);
            frame[..MacAddress.Length].CopyTo(answer[MacAddress.Length..]);
        }

        Span<byte> quoted = answer[(ethernet + headers)..];
        packet[..quote].CopyTo(quoted);
        if (isIPv4)
        {
            QuoteSegmentIPv4(quoted, length);
            WriteIPv4(answer[ethernet..], quoted, mtu);
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(quoted[IPv6Packet.PayloadLengthOffset..], (ushort)(length - IPv6Packet.HeaderLength));
            WriteIPv6(answer[ethernet..], quoted, mtu);
        }

        ref PacketMeta meta = ref batch.Meta(batch.Commit(total));
        meta.Origin = PacketOrigin.Originated;
        meta.Output = _device;
        return true;
    }

    // Of a superpacket the first segment is quoted, not the whole, which never was a packet.
    private static void QuoteSegmentIPv4(Span<byte> quoted, int length)
    {
        Span<byte> field = quoted.Slice(IPv4Packet.TotalLengthOffset, sizeof(ushort));
        ushort before = BinaryPrimitives.ReadUInt16BigEndian(field);
        BinaryPrimitives.WriteUInt16BigEndian(field, (ushort)length);
        Span<byte> checksum = quoted.Slice(IPv4Packet.ChecksumOffset, sizeof(ushort));
        BinaryPrimitives.WriteUInt16BigEndian(checksum, InternetChecksum.Update(BinaryPrimitives.ReadUInt16BigEndian(checksum), before, (ushort)length));
    }

    private static void WriteIPv4(Span<byte> answer, ReadOnlySpan<byte> quoted, int mtu)
    {
        IPv4Header header = new(
            ValueIPAddress.ReadIPv4(quoted[IPv4Packet.DestinationOffset..]), ValueIPAddress.ReadIPv4(quoted[IPv4Packet.SourceOffset..]), IPProtocol.Icmp)
        {
            PayloadLength = (ushort)(IcmpPacket.HeaderLength + quoted.Length),
            TrafficClass = InternetworkControl,
            // Of itself it is small enough for any path, and an atomic datagram needs no identification (RFC 6864 §4.1).
            Flags = IPv4Flags.DontFragment,
        };
        _ = header.TryWrite(answer, out int written);
        _ = IcmpHeader.FragmentationNeeded((ushort)mtu).TryWriteMessage(answer[written..], quoted, out _);
    }

    private static void WriteIPv6(Span<byte> answer, ReadOnlySpan<byte> quoted, int mtu)
    {
        ValueIPAddress source = ValueIPAddress.ReadIPv6(quoted[IPv6Packet.DestinationOffset..]);
        ValueIPAddress destination = ValueIPAddress.ReadIPv6(quoted[IPv6Packet.SourceOffset..]);
        IPv6Header header = new(source, destination, IPProtocol.IcmpV6) { PayloadLength = (ushort)(IcmpV6Packet.HeaderLength + quoted.Length) };
        _ = header.TryWrite(answer, out int written);
        _ = IcmpV6Header.PacketTooBig((uint)mtu).TryWriteMessage(answer[written..], source, destination, quoted, out _);
    }

    // RFC 1812 §4.3.2.7: not about an ICMP error, to or about many, from nobody, or about any fragment but the first.
    private static bool MayBeToldOf(IPv4Packet packet)
    {
        ValueIPAddress source = packet.Source;
        ValueIPAddress destination = packet.Destination;
        return packet.FragmentOffset == 0 && IsHost(source) && !destination.IsMulticast && !destination.IsBroadcast &&
            !(packet.Protocol == IPProtocol.Icmp && (!IcmpPacket.TryParse(packet.Payload, out IcmpPacket message) || IsError(message.Type)));
    }

    // RFC 4443 §2.4 e; the exception that it makes for "packet too big" about multicast is not used: one packet would have many answers. A host that sent a
    // fragment is told by the first one.
    private static bool MayBeToldOf(IPv6Packet packet)
    {
        ValueIPAddress source = packet.Source;
        if (!IsHost(source) || packet.Destination.IsMulticast)
        {
            return false;
        }

        return packet.TryGetTransport(out IPProtocol protocol, out ReadOnlySpan<byte> transport, out IPv6Fragment fragment)
            ? protocol != IPProtocol.IcmpV6 || (IcmpV6Packet.TryParse(transport, out IcmpV6Packet message) && !message.IsError && message.Type != IcmpV6Type.Redirect)
            : !fragment.IsNonFirst;
    }

    private static bool IsHost(ValueIPAddress address) =>
        !address.IsUnspecified && !address.IsMulticast && !address.IsBroadcast && !address.IsLoopback;

    private static bool IsError(IcmpType type) =>
        type is IcmpType.DestinationUnreachable or IcmpType.SourceQuench or IcmpType.Redirect or IcmpType.TimeExceeded or IcmpType.ParameterProblem;
}
