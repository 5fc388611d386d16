using System.Buffers.Binary;
using Overlay.DataPath;
using Overlay.Testing;
using Xunit;

namespace Overlay.Tests.DataPath;

/// <summary>A coalescer with a batch and an output that writes down what it gets.</summary>
internal sealed class CoalescerRig(PortCapabilities layer = PortCapabilities.None, int capacity = 1024) : ICoalescerOutput
{
    public static readonly ValueIPAddress A4 = ValueIPAddress.Parse("10.1.0.1");
    public static readonly ValueIPAddress B4 = ValueIPAddress.Parse("10.1.0.2");
    public static readonly ValueIPAddress A6 = ValueIPAddress.Parse("fd00:1::1");
    public static readonly ValueIPAddress B6 = ValueIPAddress.Parse("fd00:1::2");
    public static readonly MacAddress MacA = MacAddress.Parse("02:00:00:00:00:0a");
    public static readonly MacAddress MacB = MacAddress.Parse("02:00:00:00:00:0b");
    private const PortCapabilities All = PortCapabilities.TcpSuperpackets | PortCapabilities.UdpSuperpackets | PortCapabilities.PartialChecksums;

    public PacketBatch Batch { get; } = new(capacity, 4 * 1024 * 1024);

    public Coalescer Coalescer { get; set; } = new(layer | All);

    public List<Written> Writes { get; } = [];

    /// <summary>After so many writes nothing is taken any more.</summary>
    public int Limit { get; set; } = int.MaxValue;

    public int Add(byte[] packet, ChecksumState checksum = ChecksumState.Unverified)
    {
        Assert.True(Batch.TryAppend(packet, out int index));
        ref PacketMeta meta = ref Batch.Meta(index);
        meta.Output = 0;
        meta.Checksum = checksum;
        if (checksum == ChecksumState.Partial)
        {
            int network = layer == PortCapabilities.Ethernet ? 14 : 0;
            bool version4 = packet[network] >> 4 == 4;
            meta.NetworkStart = (ushort)network;
            meta.ChecksumStart = (ushort)(network + (version4 ? 20 : 40));
            meta.ChecksumOffset = (ushort)(packet[network + (version4 ? 9 : 6)] == (byte)IPProtocol.Tcp ? 16 : 6);
        }

        return index;
    }

    /// <summary>Sends all that was added; each descriptor must come out once, and no byte of the batch may change.</summary>
    public List<Written> Send()
    {
        byte[][] before = [.. Enumerable.Range(0, Batch.Count).Select(i => Batch.Data(i).ToArray())];
        Batch.Select(0);
        Assert.True(Coalescer.Send(Batch, this));
        for (int i = 0; i < Batch.Count; i++)
        {
            Assert.Equal(PacketState.Sent, Batch.Meta(i).State);
            Assert.True(before[i].AsSpan().SequenceEqual(Batch.Data(i)));
        }

        Assert.Equal(Enumerable.Range(0, Batch.Count), Writes.SelectMany(write => write.Descriptors).Order());
        return Writes;
    }

    public static List<Written> Send(PortCapabilities layer, params IEnumerable<byte[]> packets)
    {
        CoalescerRig rig = new(layer);
        foreach (byte[] packet in packets)
        {
            rig.Add(packet);
        }

        return rig.Send();
    }

    public bool Write(PacketBatch batch, ReadOnlySpan<int> descriptors, ReadOnlySpan<byte> packet, in PacketMeta meta)
    {
        if (Writes.Count == Limit)
        {
            return false;
        }

        Writes.Add(new Written(packet.ToArray(), meta, descriptors.ToArray()));
        foreach (int index in descriptors)
        {
            // Taken twice, it would no longer be pending.
            Assert.Equal(PacketState.Pending, batch.Meta(index).State);
            batch.Meta(index).State = PacketState.Sent;
        }

        return true;
    }

    /// <summary>Cuts what was written; a plain packet stays.</summary>
    public static List<byte[]> Cut(Written write)
    {
        if (write.Meta.Segmentation == SegmentationKind.None)
        {
            return [write.Packet];
        }

        Assert.True(Segmentation.TryPlan(write.Packet, write.Meta, out SegmentPlan plan));
        List<byte[]> segments = [];
        for (int i = 0; i < plan.Count; i++)
        {
            byte[] room = new byte[plan.MaximumLength];
            segments.Add(room[..plan.WriteSegment(i, room)]);
        }

        return segments;
    }

    /// <summary>Writes all checksums of a packet anew, the slow way.</summary>
    public static byte[] Seal(byte[] packet, int network = 0)
    {
        Span<byte> ip = packet.AsSpan(network);
        bool version4 = ip[0] >> 4 == 4;
        int headerLength = version4 ? (ip[0] & 0xF) * 4 : 40;
        if (version4)
        {
            BinaryPrimitives.WriteUInt16BigEndian(ip[10..], 0);
            BinaryPrimitives.WriteUInt16BigEndian(ip[10..], PacketBuilder.Checksum(ip[..headerLength], 0));
        }

        int end = version4 ? BinaryPrimitives.ReadUInt16BigEndian(ip[2..]) : 40 + BinaryPrimitives.ReadUInt16BigEndian(ip[4..]);
        Span<byte> transport = ip[headerLength..end];
        byte protocol = version4 ? ip[9] : ip[6];
        if (protocol is not (6 or 17))
        {
            return packet;
        }

        int field = protocol == 6 ? 16 : 6;
        BinaryPrimitives.WriteUInt16BigEndian(transport[field..], 0);
        uint pseudo = (ushort)~PacketBuilder.Checksum(version4 ? ip.Slice(12, 8) : ip.Slice(8, 32), (uint)(protocol + transport.Length));
        ushort checksum = PacketBuilder.Checksum(transport, pseudo);
        BinaryPrimitives.WriteUInt16BigEndian(transport[field..], checksum == 0 && protocol == 17 ? (ushort)0xFFFF : checksum);
        return packet;
    }

    /// <summary>A train of TCP segments as a sender cuts it: DF, identification counting up, PSH on none.</summary>
    public static byte[][] Tcp(bool version4, int[] payloads, ushort port = 1000, uint sequence = 0xFFFF_FF00, byte flags = 0x10, byte[]? options = null, int seed = 1) =>
        Train(payloads, seed, (i, offset, payload) => PacketBuilder.Tcp(
            version4 ? A4 : A6, version4 ? B4 : B6, port, 80, unchecked(sequence + (uint)offset), flags, payload, options ?? [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2],
            identification: unchecked((ushort)(65_534 + i))));

    /// <summary>A train of UDP datagrams, with an IPv4 identification that counts up.</summary>
    public static byte[][] Udp(bool version4, int[] payloads, ushort port = 1000, int seed = 1) =>
        Train(payloads, seed, (i, _, payload) =>
        {
            byte[] packet = PacketBuilder.Udp(version4 ? A4 : A6, version4 ? B4 : B6, port, 53, payload);
            if (version4)
            {
                BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), unchecked((ushort)(65_534 + i)));
                Seal(packet);
            }

            return packet;
        });

    public static byte[] Frame(byte[] packet, params (ushort Tpid, ushort Tci)[] tags) =>
        PacketBuilder.Ethernet(MacB, MacA, packet[0] >> 4 == 4 ? EtherType.IPv4 : EtherType.IPv6, packet, tags);

    private static byte[][] Train(int[] payloads, int seed, Func<int, int, byte[], byte[]> build)
    {
        byte[] all = PacketBuilder.Payload(payloads.Sum(), seed);
        byte[][] packets = new byte[payloads.Length][];
        int offset = 0;
        for (int i = 0; i < payloads.Length; i++)
        {
            packets[i] = build(i, offset, all[offset..(offset + payloads[i])]);
            offset += payloads[i];
        }

        return packets;
    }

    internal sealed record Written(byte[] Packet, PacketMeta Meta, int[] Descriptors);
}
