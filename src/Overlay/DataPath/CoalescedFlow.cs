using System.Buffers.Binary;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>
/// One open superpacket: the packets of a flow as far as they continue each other. The first is only remembered; when a second one fits, both are
/// copied, so that a packet which stays alone costs no copy.
/// </summary>
internal sealed class CoalescedFlow
{
    /// <summary>The most segments of a TCP superpacket.</summary>
    public const int MaxTcpSegments = 512;

    /// <summary>The most segments of a UDP superpacket (UDP_MAX_SEGMENTS of the kernel).</summary>
    public const int MaxUdpSegments = 128;

    private readonly int[] _descriptors = new int[MaxTcpSegments];
    private byte[]? _buffer;
    private readonly TrainHeader _header = new();
    private int _count;
    private int _length;
    private int _segmentSize;
    private uint _sequence;
    private ushort _identification;
    private bool _dontFragment;

    /// <summary>The hash of the flow.</summary>
    public ulong FlowKey => Shape.FlowKey;

    private ref readonly FlowPacket Shape => ref _header.Shape;

    /// <summary>Begins with a packet that may merge.</summary>
    public void Open(PacketBatch batch, int index, in FlowPacket shape)
    {
        ReadOnlySpan<byte> packet = batch.Data(index);
        _header.Set(packet, shape);
        _descriptors[0] = index;
        _count = 1;
        _length = 0;
        _segmentSize = packet.Length - shape.HeaderLength;
        _sequence = shape.IsTcp ? Sequence(packet, shape) : 0;
        if (shape.IsIPv4)
        {
            _identification = BinaryPrimitives.ReadUInt16BigEndian(packet[(shape.Network + IPv4Packet.IdentificationOffset)..]);
            _dontFragment = (packet[shape.Network + IPv4Packet.FragmentOffsetOffset] & ((int)IPv4Flags.DontFragment << 5)) != 0;
        }
    }

    /// <summary>Takes in a packet that looks like the first, without a closer look, if it continues what there is.</summary>
    /// <returns>Anything but a merger means only that a closer look is needed.</returns>
    public AppendResult TryAppendAlike(PacketBatch batch, int index)
    {
        ReadOnlySpan<byte> packet = batch.Data(index);
        return _header.Matches(packet, batch.Meta(index), out bool endsTrain) && Continues(packet) ? Append(batch, index, packet, endsTrain) : AppendResult.Refused;
    }

    /// <summary>Takes in a packet that may merge, if it continues what there is.</summary>
    public AppendResult TryAppend(PacketBatch batch, int index, in FlowPacket shape)
    {
        ReadOnlySpan<byte> packet = batch.Data(index);
        return shape.IsLike(Shape) && Continues(packet) && _header.HasSameHeaders(packet)
            ? Append(batch, index, packet, shape.EndsTrain)
            : AppendResult.Refused;
    }

    /// <summary>Hands over the superpacket, or the one packet as it came.</summary>
    /// <returns>What the output says.</returns>
    public bool Write(PacketBatch batch, ICoalescerOutput output)
    {
        ref readonly PacketMeta first = ref batch.Meta(_descriptors[0]);
        ReadOnlySpan<int> descriptors = _descriptors.AsSpan(0, _count);
        if (_count == 1)
        {
            return output.Write(batch, descriptors, batch.Data(_descriptors[0]), first);
        }

        Span<byte> packet = _buffer.AsSpan(0, _length);
        Finish(packet);
        PacketMeta meta = first;
        meta.Segmentation = !Shape.IsTcp ? SegmentationKind.Udp : Shape.IsIPv4 ? SegmentationKind.TcpIPv4 : SegmentationKind.TcpIPv6;
        meta.SegmentSize = (ushort)_segmentSize;
        meta.HeaderLength = (ushort)Shape.HeaderLength;
        meta.NetworkStart = (ushort)Shape.Network;
        meta.ChecksumStart = (ushort)Shape.Transport;
        meta.ChecksumOffset = (ushort)Shape.ChecksumOffset;
        meta.Checksum = ChecksumState.Partial;
        return output.Write(batch, descriptors, packet, meta);
    }

    private AppendResult Append(PacketBatch batch, int index, ReadOnlySpan<byte> packet, bool endsTrain)
    {
        if (_length == 0)
        {
            int first = _descriptors[0];
            if (!TryCopyFirst(batch.Data(first), batch.Meta(first).Checksum))
            {
                return AppendResult.Refused;
            }
        }

        if (!TryCopyPayload(packet, batch.Meta(index).Checksum))
        {
            return AppendResult.Damaged;
        }

        int payload = packet.Length - Shape.HeaderLength;
        _length += payload;
        _descriptors[_count++] = index;
        if (endsTrain)
        {
            _buffer![Shape.Transport + TcpPacket.FlagsOffset] |= (byte)TcpFlags.Psh;
        }

        // A shorter segment can only be the last: cutting gives all others one size.
        return endsTrain || payload < _segmentSize || _count == (Shape.IsTcp ? MaxTcpSegments : MaxUdpSegments)
            ? AppendResult.MergedAsLast
            : AppendResult.Merged;
    }

    private static uint Sequence(ReadOnlySpan<byte> packet, in FlowPacket shape) =>
        BinaryPrimitives.ReadUInt32BigEndian(packet[(shape.Transport + TcpPacket.SequenceNumberOffset)..]);

    // All that depends on what is there already: place in the stream, room.
    private bool Continues(ReadOnlySpan<byte> packet)
    {
        ref readonly FlowPacket shape = ref Shape;
        int payload = packet.Length - shape.HeaderLength;
        int length = (_length == 0 ? shape.HeaderLength + _segmentSize : _length) + payload;
        if (payload > _segmentSize || length - shape.Network > IPv4Packet.MaximumLength)
        {
            return false;
        }

        // All segments so far have one size.
        if (shape.IsTcp && Sequence(packet, shape) != _sequence + (uint)(_count * _segmentSize))
        {
            return false;
        }

        // Cutting counts the identification up. With DF nobody will ever look at it (RFC 6864 §4.1).
        return !shape.IsIPv4 || _dontFragment ||
            BinaryPrimitives.ReadUInt16BigEndian(packet[(shape.Network + IPv4Packet.IdentificationOffset)..]) == (ushort)(_identification + _count);
    }

    private bool TryCopyFirst(ReadOnlySpan<byte> packet, ChecksumState checksum)
    {
        _buffer ??= GC.AllocateUninitializedArray<byte>(PacketBatch.MaxPacketLength, pinned: true);
        packet[..Shape.HeaderLength].CopyTo(_buffer);
        _length = Shape.HeaderLength;
        bool copied = TryCopyPayload(packet, checksum);
        _length = copied ? packet.Length : 0;
        return copied;
    }

    // Copies behind what is there, and checks on the way; nothing counts before the caller moves the length.
    private bool TryCopyPayload(ReadOnlySpan<byte> packet, ChecksumState checksum)
    {
        // The superpacket gets a header checksum of its own, which must not make a broken header whole.
        if (!_header.IsNetworkHeaderValid(packet))
        {
            return false;
        }

        ReadOnlySpan<byte> payload = packet[Shape.HeaderLength..];
        Span<byte> tail = _buffer.AsSpan(_length);
        if (checksum != ChecksumState.Unverified)
        {
            payload.CopyTo(tail);
            return true;
        }

        return InternetChecksum.Fold(InternetChecksum.CopyPartial(payload, tail, _header.TransportSum(packet))) == 0xFFFF;
    }

    // Lengths, header checksum and the pseudo-header sum of the whole; everything else is as in the first packet.
    private void Finish(Span<byte> packet)
    {
        Span<byte> ip = packet[Shape.Network..Shape.Transport];
        if (Shape.IsIPv4)
        {
            BinaryPrimitives.WriteUInt16BigEndian(ip[IPv4Packet.TotalLengthOffset..], (ushort)(packet.Length - Shape.Network));
            BinaryPrimitives.WriteUInt16BigEndian(ip[IPv4Packet.ChecksumOffset..], 0);
            BinaryPrimitives.WriteUInt16BigEndian(ip[IPv4Packet.ChecksumOffset..], InternetChecksum.Compute(ip));
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(ip[IPv6Packet.PayloadLengthOffset..], (ushort)(packet.Length - Shape.Transport));
        }

        ushort length = (ushort)(packet.Length - Shape.Transport);
        Span<byte> transport = packet[Shape.Transport..Shape.HeaderLength];
        if (!Shape.IsTcp)
        {
            BinaryPrimitives.WriteUInt16BigEndian(transport[UdpPacket.LengthOffset..], length);
        }

        BinaryPrimitives.WriteUInt16BigEndian(transport[Shape.ChecksumOffset..], InternetChecksum.Fold(_header.PseudoHeader + InternetChecksum.Word(length)));
    }
}
