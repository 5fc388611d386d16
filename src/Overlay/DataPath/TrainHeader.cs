using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>
/// The headers of a superpacket's first packet, prepared so that each next one is recognised and its checksums are verified without being parsed: one
/// masked comparison, and sums of what is equal taken once.
/// </summary>
internal sealed class TrainHeader
{
    // Ethernet with two tags, IPv6, and TCP with all its options, in whole vectors.
    private const int Capacity = 128;
    private const ushort PshMask = (ushort)TcpFlags.Psh;

    private readonly byte[] _head = new byte[Capacity];

    // Zero where packets of one train may differ.
    private readonly byte[] _mask = new byte[Capacity];
    private FlowPacket _shape;
    private int _compared;
    private ulong _networkSum;
    private ulong _transportSum;

    /// <summary>Where the headers lie.</summary>
    public ref readonly FlowPacket Shape => ref _shape;

    /// <summary>The sum over addresses and protocol, as the pseudo header has them.</summary>
    public ulong PseudoHeader { get; private set; }

    /// <summary>Takes the headers of the first packet over.</summary>
    public void Set(ReadOnlySpan<byte> packet, in FlowPacket shape)
    {
        _shape = shape;
        _compared = (shape.HeaderLength + Vector256<byte>.Count - 1) / Vector256<byte>.Count * Vector256<byte>.Count;
        Span<byte> head = _head.AsSpan(0, _compared);
        head.Clear();
        packet[..shape.HeaderLength].CopyTo(head);
        Span<byte> mask = _mask.AsSpan(0, _compared);
        mask.Clear();
        mask[..shape.HeaderLength].Fill(0xFF);

        ReadOnlySpan<byte> ip = packet[shape.Network..shape.Transport];
        Span<byte> ipMask = mask[shape.Network..shape.Transport];
        if (shape.IsIPv4)
        {
            ipMask.Slice(IPv4Packet.TotalLengthOffset, 4).Clear(); // and the identification
            ipMask.Slice(IPv4Packet.ChecksumOffset, 2).Clear();
            _networkSum = InternetChecksum.Partial(ip[..2]) + InternetChecksum.Partial(ip[6..10]) + InternetChecksum.Partial(ip[12..]);
        }
        else
        {
            ipMask.Slice(IPv6Packet.PayloadLengthOffset, 2).Clear();
        }

        ReadOnlySpan<byte> addresses = shape.IsIPv4 ? ip.Slice(IPv4Packet.SourceOffset, 8) : ip.Slice(IPv6Packet.SourceOffset, 32);
        PseudoHeader = InternetChecksum.Partial(addresses) + InternetChecksum.Word((ushort)(shape.IsTcp ? IPProtocol.Tcp : IPProtocol.Udp));
        ReadOnlySpan<byte> transport = packet[shape.Transport..shape.HeaderLength];
        Span<byte> transportMask = mask[shape.Transport..shape.HeaderLength];
        _transportSum = PseudoHeader + InternetChecksum.Partial(transport[..4]);
        transportMask.Slice(shape.ChecksumOffset, 2).Clear();
        if (shape.IsTcp)
        {
            transportMask.Slice(TcpPacket.SequenceNumberOffset, 4).Clear();
            transportMask[TcpPacket.FlagsOffset] = (byte)~TcpFlags.Psh;
            _transportSum += InternetChecksum.Partial(transport[8..12]) + InternetChecksum.Partial(transport[14..16]) + InternetChecksum.Partial(transport[18..]);
        }
        else
        {
            transportMask.Slice(UdpPacket.LengthOffset, 2).Clear();
        }
    }

    /// <summary>
    /// Whether a packet may merge and differs from the first at most in lengths, IPv4 identification, TCP sequence number, PSH and checksums: what
    /// <see cref="FlowPacket.Read"/> and <see cref="CoalescingRules.HaveSameHeaders"/> would say. false may also mean that it is too short to be told.
    /// </summary>
    public bool Matches(ReadOnlySpan<byte> packet, in PacketMeta meta, out bool endsTrain)
    {
        endsTrain = false;
        if (packet.Length < _compared || packet.Length == _shape.HeaderLength || !_shape.Agrees(meta))
        {
            return false;
        }

        Vector256<byte> different = Vector256<byte>.Zero;
        for (int i = 0; i < _compared; i += Vector256<byte>.Count)
        {
            different |= (Vector256.Create<byte>(packet[i..]) ^ Vector256.Create<byte>(_head.AsSpan(i))) & Vector256.Create<byte>(_mask.AsSpan(i));
        }

        // Bytes behind the packet are Ethernet padding.
        int length = _shape.IsIPv4
            ? _shape.Network + BinaryPrimitives.ReadUInt16BigEndian(packet[(_shape.Network + IPv4Packet.TotalLengthOffset)..])
            : _shape.Transport + BinaryPrimitives.ReadUInt16BigEndian(packet[(_shape.Network + IPv6Packet.PayloadLengthOffset)..]);
        if (different != Vector256<byte>.Zero || length != packet.Length)
        {
            return false;
        }

        if (_shape.IsTcp)
        {
            endsTrain = (packet[_shape.Transport + TcpPacket.FlagsOffset] & PshMask) != 0;
            return true;
        }

        ReadOnlySpan<byte> udp = packet[_shape.Transport..];
        return BinaryPrimitives.ReadUInt16BigEndian(udp[UdpPacket.LengthOffset..]) == udp.Length &&
            BinaryPrimitives.ReadUInt16BigEndian(udp[UdpPacket.ChecksumOffset..]) != 0;
    }

    /// <summary>Whether the IPv4 header checksum of a packet with these headers is right. IPv6 has none.</summary>
    public bool IsNetworkHeaderValid(ReadOnlySpan<byte> packet)
    {
        if (!_shape.IsIPv4)
        {
            return true;
        }

        ReadOnlySpan<byte> ip = packet[_shape.Network..];
        return InternetChecksum.Fold(
            _networkSum + MemoryMarshal.Read<uint>(ip[IPv4Packet.TotalLengthOffset..]) + Field(ip, IPv4Packet.ChecksumOffset)) == 0xFFFF;
    }

    /// <summary>The sum over pseudo header and transport header of a packet with these headers; the payload's makes it whole.</summary>
    public ulong TransportSum(ReadOnlySpan<byte> packet)
    {
        ReadOnlySpan<byte> transport = packet[_shape.Transport..];
        ulong sum = _transportSum + InternetChecksum.Word((ushort)transport.Length) + Field(transport, _shape.ChecksumOffset);
        return _shape.IsTcp
            ? sum + MemoryMarshal.Read<uint>(transport[TcpPacket.SequenceNumberOffset..]) + Field(transport, TcpPacket.DataOffsetOffset)
            : sum + Field(transport, UdpPacket.LengthOffset);
    }

    // Sums are taken of the words as they lie (RFC 1071 §2 B), two at a time too: they are folded in the end.
    private static ulong Field(ReadOnlySpan<byte> header, int offset) => MemoryMarshal.Read<ushort>(header[offset..]);
}
