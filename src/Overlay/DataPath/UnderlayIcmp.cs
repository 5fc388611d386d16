using System.Buffers.Binary;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>
/// Judges ICMP errors from the underlay for one tunnel, and lowers its path MTUs by those that stand up to it. One thread.
/// </summary>
/// <remarks>
/// <para>
/// Anybody can write an ICMP message. What it takes to be believed (RFC 8201 §4, RFC 8899 §4.6.1) is to quote a packet that this tunnel sends: from its
/// address, to a live remote, by its protocol and ports, its network where so much is quoted; and to say of it what can be true: its MTU is smaller than that
/// packet, not smaller than paths are, and never raises what holds. A sender that sees none of the tunnel's packets has the source port to guess, and gains
/// ten minutes of smaller packets (<see cref="PathMtuOptions"/>).
/// </para>
/// <para>
/// The sender of the inner packet is told at the next one that does not fit (RFC 4459 §3.2, RFC 2003 §5.1), with a packet of its own to quote: routers quote
/// too little of the outer one to tell at once (RFC 2003 §4: eight bytes). For the same reason "unreachable" is kept and shown, not relayed.
/// </para>
/// </remarks>
public sealed class UnderlayIcmp
{
    private readonly Tunnel _tunnel;
    private readonly ushort _port;
    private readonly long[] _counts = new long[(int)UnderlayIcmpVerdict.Ignored + 1];

    /// <summary>Makes a judge.</summary>
    /// <param name="tunnel">The tunnel: its options and its path MTUs.</param>
    /// <param name="port">The UDP destination port of what it sends; 0 where there is none.</param>
    public UnderlayIcmp(Tunnel tunnel, ushort port)
    {
        ArgumentNullException.ThrowIfNull(tunnel);
        _tunnel = tunnel;
        _port = port;
    }

    /// <summary>How many messages had a verdict. Any thread.</summary>
    public long Count(UnderlayIcmpVerdict verdict) => Volatile.Read(ref _counts[(int)verdict]);

    /// <summary>Judges a message that came over IPv4.</summary>
    /// <param name="message">The ICMP message, header first.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <param name="remote">The remote that it is about; unspecified if it is about none.</param>
    public UnderlayIcmpVerdict TakeIPv4(ReadOnlySpan<byte> message, long now, out ValueIPAddress remote)
    {
        remote = default;
        if (!IcmpPacket.TryParse(message, out IcmpPacket icmp) || !icmp.IsChecksumValid)
        {
            return Enter(UnderlayIcmpVerdict.Malformed);
        }

        if (!IPv4Packet.TryParseTruncated(icmp.Payload, out IPv4Packet quoted))
        {
            return Enter(UnderlayIcmpVerdict.Malformed);
        }

        if (quoted.FragmentOffset != 0)
        {
            // Of a packet that a router on the way has cut up; its header is not there.
            return Enter(UnderlayIcmpVerdict.Foreign);
        }

        UnderlayIcmpVerdict verdict = JudgeQuote(quoted.Source, quoted.Destination, quoted.Protocol, quoted.Payload, quoted.TotalLength - quoted.HeaderLength, out int index);
        if (index < 0 || verdict != UnderlayIcmpVerdict.Known)
        {
            return Enter(verdict);
        }

        if (icmp.IsFragmentationNeeded && !quoted.DontFragment)
        {
            // Routers fragment such a packet, and complain of nothing.
            return Enter(UnderlayIcmpVerdict.Forged);
        }

        remote = quoted.Destination;
        if (icmp.IsFragmentationNeeded)
        {
            // RFC 1191 §5: an old router says 0.
            int mtu = icmp.NextHopMtu != 0 ? icmp.NextHopMtu : PathMtus.BelowPlateau(quoted.TotalLength);
            return Enter(Lower(index, mtu, quoted.TotalLength, now));
        }

        return Enter((icmp.Type, icmp.Code) switch
        {
            // RFC 2003 §4.1: "Source Route Failed … MUST NOT be relayed".
            (IcmpType.DestinationUnreachable, 5) => UnderlayIcmpVerdict.Ignored,
            (IcmpType.DestinationUnreachable or IcmpType.TimeExceeded, _) => UnderlayIcmpVerdict.Unreachable,
            _ => UnderlayIcmpVerdict.Ignored,
        });
    }

    /// <summary>Judges a message that came over IPv6.</summary>
    /// <param name="message">The ICMPv6 message, header first.</param>
    /// <param name="source">The source address of the packet that it came in.</param>
    /// <param name="destination">Its destination address.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <param name="remote">The remote that it is about; unspecified if it is about none.</param>
    public UnderlayIcmpVerdict TakeIPv6(ReadOnlySpan<byte> message, ValueIPAddress source, ValueIPAddress destination, long now, out ValueIPAddress remote)
    {
        remote = default;
        if (!IcmpV6Packet.TryParse(message, out IcmpV6Packet icmp) || !icmp.IsChecksumValid(source, destination))
        {
            return Enter(UnderlayIcmpVerdict.Malformed);
        }

        ReadOnlySpan<byte> quoted = icmp.Payload;
        if (quoted.Length < IPv6Packet.HeaderLength || quoted[0] >> 4 != 6)
        {
            return Enter(UnderlayIcmpVerdict.Malformed);
        }

        int length = BinaryPrimitives.ReadUInt16BigEndian(quoted[IPv6Packet.PayloadLengthOffset..]);
        IPProtocol protocol = (IPProtocol)quoted[IPv6Packet.NextHeaderOffset];
        ReadOnlySpan<byte> payload = quoted[IPv6Packet.HeaderLength..];
        if (protocol == IPProtocol.DestinationOptions && _tunnel.Options.Kind == TunnelKind.IPInIP && payload.Length >= 8)
        {
            // The encapsulation limit (RFC 2473 §5.1) stands between: eight bytes, and it says what follows.
            protocol = (IPProtocol)payload[0];
            payload = payload[8..];
        }

        ValueIPAddress to = ValueIPAddress.ReadIPv6(quoted[IPv6Packet.DestinationOffset..]);
        UnderlayIcmpVerdict verdict = JudgeQuote(ValueIPAddress.ReadIPv6(quoted[IPv6Packet.SourceOffset..]), to, protocol, payload, length, out int index);
        if (index < 0 || verdict != UnderlayIcmpVerdict.Known)
        {
            return Enter(verdict);
        }

        remote = to;
        return Enter(icmp.Type switch
        {
            IcmpV6Type.PacketTooBig => Lower(index, (int)Math.Min(icmp.NextHopMtu, int.MaxValue), IPv6Packet.HeaderLength + length, now),
            IcmpV6Type.DestinationUnreachable or IcmpV6Type.TimeExceeded => UnderlayIcmpVerdict.Unreachable,
            _ => UnderlayIcmpVerdict.Ignored,
        });
    }

    private UnderlayIcmpVerdict Lower(int index, int mtu, int quotedLength, long now)
    {
        PathMtus paths = _tunnel.PathMtus;
        int before = paths.Get(index);
        if (mtu >= quotedLength || mtu < (_tunnel.Options.Local.IsIPv4 ? Encapsulation.TunnelMtu.Minimum : PathMtuOptions.MinimumIPv6))
        {
            return UnderlayIcmpVerdict.BadMtu;
        }

        return paths.Lower(index, mtu, now) ? UnderlayIcmpVerdict.Lowered : mtu <= before ? UnderlayIcmpVerdict.Known : UnderlayIcmpVerdict.BadMtu;
    }

    // Known: the tunnel sends such a packet.
    private UnderlayIcmpVerdict JudgeQuote(
        ValueIPAddress source, ValueIPAddress destination, IPProtocol protocol, ReadOnlySpan<byte> payload, int payloadLength, out int index)
    {
        index = -1;
        TunnelOptions options = _tunnel.Options;
        bool isOwn = source == options.Local || (options.Policy.SourceSpray is { } spray && spray.Prefix.Contains(source.ToIPAddress()));
        if (!isOwn || !HasProtocol(options, protocol) || !_tunnel.PathMtus.TryGetIndex(destination, out int found))
        {
            return UnderlayIcmpVerdict.Foreign;
        }

        if (options.Facts.IsOverUdp)
        {
            // RFC 792: eight bytes of the datagram are always quoted.
            if (payload.Length < UdpPacket.HeaderLength)
            {
                return UnderlayIcmpVerdict.Malformed;
            }

            ushort from = BinaryPrimitives.ReadUInt16BigEndian(payload);
            if (BinaryPrimitives.ReadUInt16BigEndian(payload[2..]) != _port)
            {
                return UnderlayIcmpVerdict.Foreign;
            }

            if (from < options.Policy.SourcePortMinimum || from > options.Policy.SourcePortMaximum ||
                BinaryPrimitives.ReadUInt16BigEndian(payload[4..]) != payloadLength)
            {
                return UnderlayIcmpVerdict.Forged;
            }

            payload = payload[UdpPacket.HeaderLength..];
            if (options.Facts.HasVni && payload.Length >= sizeof(ulong) &&
                (uint)(BinaryPrimitives.ReadUInt64BigEndian(payload) >> 8 & Vni.MaxValue) != options.Vni.Value)
            {
                return UnderlayIcmpVerdict.Foreign;
            }
        }
        else if (options.Facts.IsGre && payload.Length >= 8 && options.Gre.Key is uint key &&
            BinaryPrimitives.ReadUInt32BigEndian(payload[(options.Gre.Checksum && payload.Length >= 12 ? 8 : 4)..]) != key)
        {
            return UnderlayIcmpVerdict.Foreign;
        }

        index = found;
        return UnderlayIcmpVerdict.Known;
    }

    private static bool HasProtocol(TunnelOptions options, IPProtocol protocol) =>
        options.Facts.IsOverUdp ? protocol == IPProtocol.Udp
            : options.Facts.IsGre ? protocol == IPProtocol.Gre
            : protocol is IPProtocol.IPv4 or IPProtocol.IPv6;

    private UnderlayIcmpVerdict Enter(UnderlayIcmpVerdict verdict)
    {
        Volatile.Write(ref _counts[(int)verdict], _counts[(int)verdict] + 1);
        return verdict;
    }
}
