using System.Buffers.Binary;
using Overlay.Daemon.Doctor.Underlay;
using Overlay.Encapsulation;
using Overlay.Wire;

namespace Overlay.Daemon.Doctor.Checksums;

/// <summary>The checksums of one packet of a tunnel, as it came in.</summary>
/// <param name="Outer">That of the outer UDP header, and of an outer IPv4 header.</param>
/// <param name="InnerIP">That of an inner IPv4 header.</param>
/// <param name="Inner">That of TCP, UDP, ICMP or ICMPv6 inside.</param>
/// <param name="Tunnel">Which tunnel.</param>
/// <param name="InnerProtocol">What is inside; null if it is not IP.</param>
internal readonly record struct PacketChecksums(ChecksumState Outer, ChecksumState InnerIP, ChecksumState Inner, TunnelKind Tunnel, IPProtocol? InnerProtocol)
{
    private const int UdpChecksumOffset = 6;
    private const int TcpChecksumOffset = 16;
    private const int IcmpChecksumOffset = 2;

    // None of those looks at the outer checksum: that is judged here.
    private const DecapsulationOptions Any =
        DecapsulationOptions.SkipUdpChecksum | DecapsulationOptions.AcceptZeroUdpChecksumIPv6 | DecapsulationOptions.AcceptCriticalOptions;

    /// <summary>Looks at a packet.</summary>
    /// <param name="packet">The IP packet.</param>
    /// <param name="tunnels">The kinds to look for, each with its UDP port; 0 where it has none.</param>
    /// <param name="checksums">What they are.</param>
    /// <returns>false if it is of none of those tunnels.</returns>
    public static bool TryRead(ReadOnlySpan<byte> packet, IReadOnlyList<(TunnelKind Kind, ushort Port)> tunnels, out PacketChecksums checksums)
    {
        checksums = default;
        if (!OuterView.TryParse(packet, out OuterView outer) || outer.IsFragment)
        {
            return false;
        }

        foreach ((TunnelKind kind, ushort port) in tunnels)
        {
            if (Decapsulator.TryDecapsulate(packet, kind, port, Any, out Decapsulated inner, out _))
            {
                ChecksumState outerState = outer.HasWrongHeaderChecksum ? ChecksumState.Wrong
                    : outer.Protocol == IPProtocol.Udp ? Transport(outer) : ChecksumState.None;
                checksums = ReadInner(inner, outerState);
                return true;
            }
        }

        return false;
    }

    /// <summary>The checksum above IP.</summary>
    internal static ChecksumState Transport(OuterView view)
    {
        int field = view.Protocol switch
        {
            IPProtocol.Udp => UdpChecksumOffset,
            IPProtocol.Tcp => TcpChecksumOffset,
            IPProtocol.Icmp or IPProtocol.IcmpV6 => IcmpChecksumOffset,
            _ => -1,
        };
        ReadOnlySpan<byte> segment = view.Transport;
        if (field < 0 || view.IsFragment || segment.Length < field + 2)
        {
            return ChecksumState.None;
        }

        ushort checksum = BinaryPrimitives.ReadUInt16BigEndian(segment[field..]);
        if (view.Protocol == IPProtocol.Udp)
        {
            if (checksum == 0)
            {
                return ChecksumState.None;
            }

            if (UdpPacket.TryParse(segment, out UdpPacket udp))
            {
                segment = segment[..udp.Length];
            }
        }

        ulong pseudoHeader = view.Protocol == IPProtocol.Icmp ? 0 : InternetChecksum.PseudoHeader(view.Source, view.Destination, view.Protocol, segment.Length);
        return InternetChecksum.IsValid(segment, pseudoHeader) ? ChecksumState.Right
            : view.Protocol != IPProtocol.Icmp && checksum == InternetChecksum.Fold(pseudoHeader) ? ChecksumState.Partial
            : ChecksumState.Wrong;
    }

    private static PacketChecksums ReadInner(Decapsulated inner, ChecksumState outer)
    {
        ReadOnlySpan<byte> packet = inner.Payload;
        if (inner.InnerProtocol == EtherType.TransparentEthernetBridging)
        {
            packet = EthernetFrame.TryParse(packet, out EthernetFrame frame) ? frame.Payload : default;
        }

        return OuterView.TryParse(packet, out OuterView view)
            ? new PacketChecksums(outer, view.HasWrongHeaderChecksum ? ChecksumState.Wrong : ChecksumState.Right, Transport(view), inner.Kind, view.Protocol)
            : new PacketChecksums(outer, ChecksumState.None, ChecksumState.None, inner.Kind, null);
    }
}
