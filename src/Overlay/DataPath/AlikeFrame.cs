using System.Buffers.Binary;
using System.Runtime.Intrinsics;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>
/// The last datagram whose frame passed, as far as anything in it or beside it decided: the next of the same train is alike, and what was decided
/// for the one holds for the other. Only within one batch, since tables may change after.
/// </summary>
internal struct AlikeFrame
{
    /// <summary>Bytes of the tunnel headers that are compared: VXLAN, VXLAN-GPE, and Geneve without options.</summary>
    public const int TunnelHeaderLength = sizeof(ulong);

    // The Ethernet header without tags, and the first two bytes of the IP header: version, header length and traffic class (IPv6: its upper half).
    private const int FrameStart = EthernetFrame.MinimumHeaderLength + 2;
    private const int Network = TunnelHeaderLength + EthernetFrame.MinimumHeaderLength;

    private bool _isSet;
    private bool _isIPv4;
    private byte _trafficClass;
    private ulong _header;
    private Vector128<byte> _start;
    private ValueIPAddress _remote;

    /// <summary>The number of the tunnel that it belongs to.</summary>
    public int Tunnel { get; private set; }

    /// <summary>Forgets it.</summary>
    public void Clear() => _isSet = false;

    /// <summary>Remembers a datagram that passed.</summary>
    /// <param name="header">Its tunnel header, the whole of it.</param>
    /// <param name="frame">Its frame, as it goes on: combining ECN once more would change nothing.</param>
    /// <param name="meta">Its meta.</param>
    public void Set(ulong header, ReadOnlySpan<byte> frame, in PacketMeta meta)
    {
        EtherType type = frame.Length < FrameStart ? default : (EtherType)BinaryPrimitives.ReadUInt16BigEndian(frame[(EthernetFrame.MinimumHeaderLength - 2)..]);
        _isIPv4 = type == EtherType.IPv4;
        _isSet = _isIPv4 ? frame[EthernetFrame.MinimumHeaderLength] == 0x45 : type == EtherType.IPv6 && frame[EthernetFrame.MinimumHeaderLength] >> 4 == 6;
        // A frame with an odd IP header passes as it is; its ECN was not looked at.
        _isSet &= HasWholePacket(frame[EthernetFrame.MinimumHeaderLength..]);
        if (_isSet)
        {
            _header = header;
            _start = Vector128.Create<byte>(frame);
            _remote = meta.Remote;
            _trafficClass = meta.TrafficClass;
            Tunnel = meta.Tunnel;
        }
    }

    /// <summary>Whether the same is decided for another datagram.</summary>
    public readonly bool Matches(ReadOnlySpan<byte> datagram, in PacketMeta meta)
    {
        return _isSet && datagram.Length >= TunnelHeaderLength + FrameStart && BinaryPrimitives.ReadUInt64BigEndian(datagram) == _header &&
            Vector128.Create<byte>(datagram[TunnelHeaderLength..]) == _start && meta.TrafficClass == _trafficClass && meta.Remote == _remote &&
            HasWholePacket(datagram[Network..]);
    }

    // All that remains of the checks of an IP header: its length.
    private readonly bool HasWholePacket(ReadOnlySpan<byte> ip)
    {
        int header = _isIPv4 ? IPv4Packet.MinimumHeaderLength : IPv6Packet.HeaderLength;
        if (ip.Length < header)
        {
            return false;
        }

        int length = _isIPv4
            ? BinaryPrimitives.ReadUInt16BigEndian(ip[IPv4Packet.TotalLengthOffset..])
            : header + BinaryPrimitives.ReadUInt16BigEndian(ip[IPv6Packet.PayloadLengthOffset..]);
        return length >= header && length <= ip.Length;
    }
}
