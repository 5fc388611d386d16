using System.Buffers.Binary;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>
/// How one superpacket falls into wire packets: the sums of the headers are taken once, so that each segment costs one pass over its payload,
/// which copies and sums together. Made by <see cref="Segmentation.TryPlan"/>.
/// </summary>
/// <remarks>What changes from segment to segment is what Linux changes: IPv4 length and identification (one more each time), UDP length or TCP
/// sequence number; FIN and PSH only in the last segment, CWR only in the first (RFC 3168 §6.1.2).</remarks>
public readonly ref struct SegmentPlan
{
    private const byte Fin = 0x01;
    private const byte Psh = 0x08;
    private const byte Cwr = 0x80;

    private readonly ReadOnlySpan<byte> _packet;
    private readonly int _network;
    private readonly int _transport;
    private readonly int _headerLength;
    private readonly int _segmentSize;
    private readonly bool _version4;
    private readonly bool _tcp;
    private readonly ulong _networkSum;
    private readonly ulong _transportSum;

    // What changes from segment to segment, as the first has it: so that nothing just written is read back.
    private readonly ushort _identification;
    private readonly uint _sequence;
    private readonly ushort _offsetAndFlags;

    internal SegmentPlan(ReadOnlySpan<byte> packet, in PacketMeta meta, bool version4, bool tcp)
    {
        _packet = packet;
        _network = meta.NetworkStart;
        _transport = meta.ChecksumStart;
        _headerLength = meta.HeaderLength;
        _segmentSize = meta.SegmentSize;
        _version4 = version4;
        _tcp = tcp;
        Count = (packet.Length - _headerLength + _segmentSize - 1) / _segmentSize;

        // The sums leave out whatever WriteSegment changes.
        ReadOnlySpan<byte> ip = packet[_network.._transport];
        ReadOnlySpan<byte> header = packet[_transport.._headerLength];
        if (version4)
        {
            // All but total length, identification and checksum.
            _networkSum = InternetChecksum.Partial(ip[..2]) + InternetChecksum.Partial(ip[6..10]) + InternetChecksum.Partial(ip[12..]);
            _identification = BinaryPrimitives.ReadUInt16BigEndian(ip[4..]);
        }

        ReadOnlySpan<byte> addresses = version4 ? ip.Slice(12, 8) : ip.Slice(8, 32);
        _transportSum = InternetChecksum.Partial(addresses) + InternetChecksum.Word((ushort)(tcp ? IPProtocol.Tcp : IPProtocol.Udp)) + InternetChecksum.Partial(header[..4]);
        if (tcp)
        {
            // All but sequence number, flags (with the data offset in the same word) and checksum.
            _transportSum += InternetChecksum.Partial(header[8..12]) + InternetChecksum.Partial(header[14..16]) + InternetChecksum.Partial(header[18..]);
            _sequence = BinaryPrimitives.ReadUInt32BigEndian(header[4..]);
            _offsetAndFlags = BinaryPrimitives.ReadUInt16BigEndian(header[12..]);
        }
    }

    /// <summary>The number of segments.</summary>
    public int Count { get; }

    /// <summary>The length of the longest segment: headers and a full payload.</summary>
    public int MaximumLength => _headerLength + Math.Min(_segmentSize, _packet.Length - _headerLength);

    /// <summary>Writes one segment, complete with lengths and checksums.</summary>
    /// <param name="index">0 to <see cref="Count"/> − 1.</param>
    /// <param name="destination">Room for <see cref="MaximumLength"/> bytes, outside the superpacket.</param>
    /// <returns>The length of the segment.</returns>
    public int WriteSegment(int index, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
        int offset = index * _segmentSize;
        ReadOnlySpan<byte> payload = _packet.Slice(_headerLength + offset, Math.Min(_segmentSize, _packet.Length - _headerLength - offset));
        int length = _headerLength + payload.Length;
        destination = destination[..length];
        _packet[.._headerLength].CopyTo(destination);

        WriteNetworkHeader(index, destination[_network.._transport], (ushort)(length - _network));
        Span<byte> header = destination[_transport.._headerLength];
        ushort transportLength = (ushort)(length - _transport);
        ulong sum = InternetChecksum.CopyPartial(payload, destination[_headerLength..], _transportSum + InternetChecksum.Word(transportLength));
        if (_tcp)
        {
            uint sequence = _sequence + (uint)offset;
            ushort offsetAndFlags = _offsetAndFlags;
            if (index != Count - 1)
            {
                offsetAndFlags &= unchecked((ushort)~(Fin | Psh));
            }

            if (index != 0)
            {
                offsetAndFlags &= unchecked((ushort)~Cwr);
            }

            BinaryPrimitives.WriteUInt32BigEndian(header[4..], sequence);
            BinaryPrimitives.WriteUInt16BigEndian(header[12..], offsetAndFlags);
            sum += InternetChecksum.Word((ushort)(sequence >> 16)) + InternetChecksum.Word((ushort)sequence) + InternetChecksum.Word(offsetAndFlags);
            BinaryPrimitives.WriteUInt16BigEndian(header[16..], (ushort)~InternetChecksum.Fold(sum));
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(header[4..], transportLength);
            ushort checksum = (ushort)~InternetChecksum.Fold(sum + InternetChecksum.Word(transportLength));
            BinaryPrimitives.WriteUInt16BigEndian(header[6..], checksum == 0 ? (ushort)0xFFFF : checksum);
        }

        return length;
    }

    private void WriteNetworkHeader(int index, Span<byte> ip, ushort ipLength)
    {
        if (!_version4)
        {
            BinaryPrimitives.WriteUInt16BigEndian(ip[4..], (ushort)(ipLength - IPv6Packet.HeaderLength));
            return;
        }

        ushort identification = (ushort)(_identification + index);
        BinaryPrimitives.WriteUInt32BigEndian(ip[2..], ((uint)ipLength << 16) | identification);
        BinaryPrimitives.WriteUInt16BigEndian(ip[10..], (ushort)~InternetChecksum.Fold(_networkSum + InternetChecksum.Word(ipLength) + InternetChecksum.Word(identification)));
    }
}
