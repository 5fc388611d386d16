using System.Buffers.Binary;
using Overlay.DataPath;
using Overlay.Testing;

namespace Overlay.Fuzz.Targets;

/// <summary>
/// <see cref="Coalescer"/>: the input is cut into a train of packets that carry on from each other; each leaves once, and what was put together gives the
/// packets back when it is cut.
/// </summary>
internal sealed class CoalescerTarget : IFuzzTarget
{
    private const int MaxPackets = 24;
    private const PortCapabilities All = PortCapabilities.TcpSuperpackets | PortCapabilities.UdpSuperpackets | PortCapabilities.PartialChecksums;

    private static readonly PacketBatch Batch = new(MaxPackets, 256 * 1024);
    private static readonly Coalescer Packets = new(All);
    private static readonly Coalescer Frames = new(All | PortCapabilities.Ethernet);

    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        if (input.Length < 4)
        {
            return;
        }

        bool ethernet = (input[0] & 1) != 0;
        int network = ethernet ? 14 : 0;
        Batch.Clear();
        List<byte[]> sent = [];
        int count = 2 + (input[1] % (MaxPackets - 2));
        for (int i = 0; i < count; i++)
        {
            byte[] packet = Follower(input[4..], network, i, isLast: i == count - 1, input[2], input[3]);
            Check.That(Batch.TryAppend(packet, out int index), "the batch takes the train");
            Batch.Meta(index).Output = 0;
            sent.Add(packet);
        }

        Output output = new();
        Batch.Select(0);
        Check.That((ethernet ? Frames : Packets).Send(Batch, output), "all is taken");
        Check.Equal(sent.Count, output.Written, "packets that left");
        for (int i = 0; i < sent.Count; i++)
        {
            Check.Equal(PacketState.Sent, Batch.Meta(i).State, $"packet {i}");
            Check.Same(sent[i], Batch.Data(i), $"the bytes of packet {i} in the batch");
        }
    }

    // The same packet once more, further on in its flow and with its checksums right; or wrong, or otherwise different, where the input says so.
    private static byte[] Follower(ReadOnlySpan<byte> first, int network, int number, bool isLast, byte odd, byte difference)
    {
        byte[] packet = first.ToArray();
        if (packet.Length < network + 28)
        {
            return packet;
        }

        Span<byte> ip = packet.AsSpan(network);
        bool version4 = ip[0] >> 4 == 4;
        int header = version4 ? (ip[0] & 0xF) * 4 : 40;
        int length = version4 ? BinaryPrimitives.ReadUInt16BigEndian(ip[2..]) : 40 + BinaryPrimitives.ReadUInt16BigEndian(ip[4..]);
        byte protocol = version4 ? ip[9] : ip[6];
        if (length > ip.Length || header < 20 || protocol is not (6 or 17) || length < header + (protocol == 6 ? 20 : 8))
        {
            return packet;
        }

        Span<byte> transport = ip[header..length];
        int payload = transport.Length - (protocol == 6 ? Math.Max(20, (transport[12] >> 4) * 4) : 8);
        if (isLast && payload > 1)
        {
            // As a sender ends a train: with what is left, and PSH.
            int cut = difference % payload;
            packet = packet[..(network + length - cut)];
            ip = packet.AsSpan(network);
            transport = ip[header..];
            BinaryPrimitives.WriteUInt16BigEndian(ip[(version4 ? 2 : 4)..], (ushort)(ip.Length - (version4 ? 0 : 40)));
            if (protocol == 17)
            {
                BinaryPrimitives.WriteUInt16BigEndian(transport[4..], (ushort)transport.Length);
            }
        }

        if (protocol == 6)
        {
            transport[13] = (byte)(isLast ? transport[13] | 0x08 : transport[13] & ~0x08);
            BinaryPrimitives.WriteUInt32BigEndian(transport[4..], unchecked(BinaryPrimitives.ReadUInt32BigEndian(transport[4..]) + (uint)(number * payload)));
        }

        if (version4)
        {
            BinaryPrimitives.WriteUInt16BigEndian(ip[4..], unchecked((ushort)(BinaryPrimitives.ReadUInt16BigEndian(ip[4..]) + number)));
            ip.Slice(10, 2).Clear();
            BinaryPrimitives.WriteUInt16BigEndian(ip[10..], PacketBuilder.Checksum(ip[..header], 0));
        }

        int field = protocol == 6 ? 16 : 6;
        transport.Slice(field, 2).Clear();
        ushort sum = PacketBuilder.Checksum(transport, PacketBuilder.PseudoHeader(ip, (IPProtocol)protocol, transport.Length));
        BinaryPrimitives.WriteUInt16BigEndian(transport[field..], sum == 0 && protocol == 17 ? (ushort)0xFFFF : sum);
        if (number == (odd & 31) && difference != 0)
        {
            packet[difference % packet.Length] ^= (byte)(1 << (odd >> 5));
        }

        return packet;
    }

    private sealed class Output : ICoalescerOutput
    {
        public int Written { get; private set; }

        public bool Write(PacketBatch batch, ReadOnlySpan<int> descriptors, ReadOnlySpan<byte> packet, in PacketMeta meta)
        {
            List<byte[]> plain = descriptors.Length == 1 ? [packet.ToArray()] : PlainSegmentation.Cut(packet.ToArray(), meta);
            Check.Equal(descriptors.Length, plain.Count, "segments of a superpacket");
            for (int i = 0; i < plain.Count; i++)
            {
                Check.Equal(PacketState.Pending, batch.Meta(descriptors[i]).State, "a packet leaves once");
                Check.Same(Normal(batch.Data(descriptors[i]), meta, plain.Count), Normal(plain[i], meta, plain.Count), $"packet {descriptors[i]}, cut again");
                batch.Meta(descriptors[i]).State = PacketState.Sent;
                Written++;
            }

            return true;
        }

        // Identifications of packets that must not be fragmented mean nothing (RFC 6864 §4.1), and are counted up anew when a superpacket is cut.
        private static ReadOnlySpan<byte> Normal(ReadOnlySpan<byte> packet, in PacketMeta meta, int count)
        {
            if (count == 1)
            {
                return packet;
            }

            byte[] normal = packet.ToArray();
            Span<byte> ip = normal.AsSpan(meta.NetworkStart);
            if (ip[0] >> 4 == 4 && (ip[6] & 0x40) != 0)
            {
                ip[4] = ip[5] = ip[10] = ip[11] = 0;
            }

            return normal;
        }
    }
}
