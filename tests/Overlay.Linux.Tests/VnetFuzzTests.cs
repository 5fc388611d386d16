using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Overlay.DataPath;
using Overlay.Linux.Interop;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests;

/// <summary>
/// Arbitrary bytes in the vnet header and behind it, all the way from the device to the datagrams that are given to the kernel: read between pages that end
/// the process when touched, cut, and compared with what the plain twin makes of it.
/// </summary>
public sealed unsafe class VnetFuzzTests
{
    private const int MaxPacket = 65_536 + 4096;
    private static readonly ValueIPAddress A4 = ValueIPAddress.Parse("10.9.0.1");
    private static readonly ValueIPAddress B4 = ValueIPAddress.Parse("10.9.0.2");
    private static readonly ValueIPAddress A6 = ValueIPAddress.Parse("fd00::1");
    private static readonly ValueIPAddress B6 = ValueIPAddress.Parse("fd00::2");

    [Theory]
    [InlineData(31, DeviceLayer.Ethernet)]
    [InlineData(32, DeviceLayer.IP)]
    public void Whatever_the_header_says_the_packet_is_refused_or_can_be_put_on_a_wire(int seed, DeviceLayer layer)
    {
        using GuardedMemory memory = new(MaxPacket);
        using GuardedMemory room = new(MaxPacket);
        int cut = 0;
        int completed = 0;
        int refused = 0;
        Fuzzing.Run(seed, rounds: 10_000, random =>
        {
            (VnetHeader header, byte[] bytes) = Message(random, layer, maxPayload: 3000);
            Span<byte> packet = random.Next(2) == 0 ? memory.PutLast(bytes) : memory.PutFirst(bytes);
            PacketMeta meta = default;
            if (VnetOffload.Decode(header, packet, layer, ref meta) != DropReason.None)
            {
                refused++;
                return;
            }

            if (meta.Segmentation != SegmentationKind.None)
            {
                cut++;
                List<byte[]> expected = PlainSegmentation.Cut(bytes, meta);
                Assert.True(Segmentation.TryPlan(packet, meta, out SegmentPlan plan), "It was accepted and cannot be cut.");
                Assert.Equal(expected.Count, plan.Count);
                for (int i = 0; i < plan.Count; i++)
                {
                    Span<byte> segment = room.Last(expected[i].Length);
                    Assert.Equal(segment.Length, plan.WriteSegment(i, segment));
                    Assert.True(expected[i].AsSpan().SequenceEqual(segment), $"Segment {i} differs.");
                }
            }
            else if (meta.Checksum == ChecksumState.Partial)
            {
                completed++;
                Assert.True(Segmentation.CompleteChecksum(packet, meta), "It was accepted and has no place for its checksum.");
                Assert.True(PlainSegmentation.Complete(bytes, meta).AsSpan().SequenceEqual(packet));
            }

            // The way back into a device says the same again.
            if (meta.Checksum == ChecksumState.Partial)
            {
                PacketMeta again = default;
                Assert.True(VnetOffload.TryEncode(bytes, meta, out VnetHeader encoded));
                Assert.Equal(DropReason.None, VnetOffload.Decode(encoded, bytes, layer, ref again));
                Assert.Equal(
                    (meta.Segmentation, meta.SegmentSize, meta.HeaderLength, meta.NetworkStart, meta.ChecksumStart, meta.ChecksumOffset),
                    (again.Segmentation, again.SegmentSize, again.HeaderLength, again.NetworkStart, again.ChecksumStart, again.ChecksumOffset));
            }
        });
        Assert.True(cut > 2000 && completed > 1000 && refused > 1000, $"{cut} cut, {completed} completed, {refused} refused: the generator no longer reaches the code.");
    }

    [Theory]
    [InlineData(33)]
    public void The_datagrams_of_a_batch_are_what_the_twin_makes_of_it_in_the_order_of_each_flow(int seed)
    {
        using VtepLab lab = new();
        Wire wire = new();
        using UdpTunnelSocket socket = lab.Us.Run(() => UdpTunnelSocket.Bind(new UdpTunnelOptions { Local = VtepLab.Ours }, wire));
        int sent = 0;
        int refused = 0;
        Fuzzing.Run(seed, rounds: 100, random =>
        {
            lab.Batch.Clear();
            wire.Datagrams.Clear();
            Dictionary<uint, List<string>> expected = [];
            for (int packets = random.Next(1, 60); packets > 0; packets--)
            {
                (VnetHeader header, byte[] bytes) = Message(random, DeviceLayer.Ethernet, maxPayload: random.Next(10) == 0 ? 60_000 : 3000);
                if (!lab.Batch.HasRoom(bytes.Length))
                {
                    break;
                }

                uint flow = (uint)random.Next(12) << 28;
                uint vni = (uint)random.Next(1 << 24);
                int index = lab.Add(bytes, vni: vni, flowHash: flow);
                ref PacketMeta meta = ref lab.Batch.Meta(index);
                meta.TrafficClass = (byte)(random.Next(4) == 0 ? random.Next(256) : 0);
                meta.DontFragment = random.Next(20) == 0;
                DropReason reason = VnetOffload.Decode(header, bytes, DeviceLayer.Ethernet, ref meta);
                if (reason != DropReason.None)
                {
                    lab.Batch.Drop(index, reason);
                    refused++;
                    continue;
                }

                if (!expected.TryGetValue(flow, out List<string>? datagrams))
                {
                    expected[flow] = datagrams = [];
                }

                datagrams.AddRange(PlainSegmentation.ToWire(bytes, meta).Select(frame => Convert.ToHexString(VtepLab.Vxlan(vni, frame))));
            }

            Assert.Equal(PortResult.Ok, lab.Send(socket));
            for (int i = 0; i < lab.Batch.Count; i++)
            {
                Assert.True(lab.Batch.Meta(i).State is PacketState.Sent or PacketState.Dropped, $"Descriptor {i} is {lab.Batch.Meta(i).State}.");
                Assert.True(lab.Batch.Meta(i).State == PacketState.Sent || lab.Batch.Meta(i).Drop is DropReason.BadLength or DropReason.BadVersion or DropReason.InnerTruncated);
            }

            // A flow has a source port, and with it a socket, of its own.
            Assert.Equal(
                expected.Values.Select(datagrams => string.Join('\n', datagrams)).Order(StringComparer.Ordinal),
                wire.Datagrams.Values.Select(datagrams => string.Join('\n', datagrams)).Order(StringComparer.Ordinal));
            sent += expected.Values.Sum(datagrams => datagrams.Count);
        });
        Assert.True(sent > 5_000 && refused > 200 && wire.Trains > 500, $"{sent} datagrams, {refused} refused, {wire.Trains} trains");
    }

    // Half of them as the kernel writes them, the others wrong in one thing, or in all.
    private static (VnetHeader Header, byte[] Packet) Message(Random random, DeviceLayer layer, int maxPayload)
    {
        bool tcp = random.Next(2) == 0;
        bool version4 = random.Next(2) == 0;
        (ValueIPAddress a, ValueIPAddress b) = version4 ? (A4, B4) : (A6, B6);
        byte[] payload = PacketBuilder.Payload(random.Next(1, maxPayload), random.Next());
        byte[] options = tcp ? new byte[4 * random.Next(11)] : [];
        random.NextBytes(options);
        byte[] packet = tcp
            ? PacketBuilder.Tcp(a, b, 1, 2, (uint)random.NextInt64(1L << 32), (byte)random.Next(256), payload, options, 0, (ushort)random.Next(65_536), partialChecksum: true)
            : PacketBuilder.Udp(a, b, 1, 2, payload, partialChecksum: true);
        int network = 0;
        if (layer == DeviceLayer.Ethernet)
        {
            (ushort, ushort)[] tags = [.. Enumerable.Repeat(((ushort)0x8100, (ushort)7), random.Next(4) == 0 ? random.Next(1, 3) : 0)];
            packet = PacketBuilder.Ethernet(VtepLab.PeerMac, VtepLab.OurMac, version4 ? EtherType.IPv4 : EtherType.IPv6, packet, tags);
            network = 14 + (4 * tags.Length);
        }

        int transport = network + (version4 ? 20 : 40);
        bool super = random.Next(3) != 0;
        VnetHeader header = new()
        {
            Flags = VnetHeader.NeedsChecksum,
            GsoType = !super ? VnetHeader.GsoNone : !tcp ? VnetHeader.GsoUdp : version4 ? VnetHeader.GsoTcpIPv4 : VnetHeader.GsoTcpIPv6,
            HeaderLength = (ushort)random.Next(65_536),
            // Not too many pieces of a large one.
            GsoSize = (ushort)(super ? random.Next(Math.Max(1, payload.Length / 60), 1450) : 0),
            ChecksumStart = (ushort)transport,
            ChecksumOffset = (ushort)(tcp ? 16 : 6),
        };
        switch (random.Next(16))
        {
            case 0:
                random.NextBytes(MemoryMarshal.AsBytes(new Span<VnetHeader>(ref header)));
                break;
            case 1:
                MemoryMarshal.AsBytes(new Span<VnetHeader>(ref header))[random.Next(VnetHeader.Length)] = (byte)random.Next(256);
                break;
            case 2:
                header.GsoType ^= VnetHeader.GsoEcn;
                break;
            case 3:
                packet = packet[..random.Next(packet.Length + 1)];
                break;
            case 4:
                packet = packet[..random.Next(Math.Min(packet.Length, transport + 24) + 1)];
                break;
            case 5:
                packet[random.Next(Math.Min(packet.Length, 80))] = (byte)random.Next(256);
                break;
            case 6:
                random.NextBytes(packet.AsSpan(random.Next(packet.Length)));
                break;
            case 7:
                // A chain of extension headers that leads anywhere.
                BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(Math.Min(packet.Length - 2, network + 40)), (ushort)random.Next(65_536));
                packet[network + 6] = (byte)(random.Next(3) switch { 0 => 0, 1 => 43, _ => 60 });
                break;
        }

        return (header, packet);
    }

    /// <summary>In the kernel's place: takes every message, and writes down its datagrams by the socket that they came from.</summary>
    private sealed class Wire : DatagramSender
    {
        public Dictionary<int, List<string>> Datagrams { get; } = [];

        public int Trains { get; private set; }

        public override int Send(int socket, MultiMessageHeader* messages, int count, out Errno errno)
        {
            if (!Datagrams.TryGetValue(socket, out List<string>? datagrams))
            {
                Datagrams[socket] = datagrams = [];
            }

            for (int i = 0; i < count; i++)
            {
                MessageHeader header = messages[i].Header;
                Assert.Equal(1, (int)header.VectorCount);
                ReadOnlySpan<byte> bytes = new(header.Vectors->Base, (int)header.Vectors->Length);
                ControlMessageReader reader = new(new ReadOnlySpan<byte>(header.Control, (int)header.ControlLength));
                int segment = 0;
                while (reader.Next())
                {
                    segment = reader.Type == SocketConstants.UDP_SEGMENT ? BitConverter.ToUInt16(reader.Data) : segment;
                }

                // What the kernel would refuse.
                Assert.InRange(bytes.Length, 8, 65_507);
                Assert.True(segment == 0 || bytes.Length <= 128 * segment, $"{bytes.Length} bytes in more than 128 pieces of {segment}");
                Trains += segment == 0 ? 0 : 1;
                for (int at = 0; at < bytes.Length; at += segment == 0 ? bytes.Length : segment)
                {
                    datagrams.Add(Convert.ToHexString(bytes.Slice(at, segment == 0 ? bytes.Length : Math.Min(segment, bytes.Length - at))));
                }
            }

            errno = Errno.None;
            return count;
        }
    }
}
