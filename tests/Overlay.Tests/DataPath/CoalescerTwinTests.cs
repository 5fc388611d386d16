using System.Buffers.Binary;
using Overlay.DataPath;
using Overlay.Testing;
using Xunit;
using static Overlay.Tests.DataPath.CoalescerRig;

namespace Overlay.Tests.DataPath;

/// <summary>The coalescer and its slow twin: what merges, what it becomes, in which order it leaves; and that cutting gives back what was put in.</summary>
public sealed class CoalescerTwinTests
{
    [Theory]
    [InlineData(1, true, 40, 0.05)]
    [InlineData(2, true, 8, 0.25)]
    [InlineData(3, false, 40, 0.1)]
    [InlineData(4, false, 3, 0.4)]
    public void Merges_what_the_twin_merges_and_nothing_else(int seed, bool ethernet, int flows, double differences)
    {
        CoalescerRig rig = new(ethernet ? PortCapabilities.Ethernet : PortCapabilities.None);
        Dictionary<string, int> used = TrafficGenerator.Differences.ToDictionary(name => name, _ => 0);
        int merged = 0;
        Fuzzing.Run(seed, rounds: 40, random =>
        {
            TrafficGenerator generator = new(random, ethernet);
            List<(byte[] Bytes, PacketMeta Meta)> traffic = generator.Traffic(flows, 200, differences);
            List<Written> writes = Send(rig, traffic);
            AssertAsTwin(traffic, writes, ethernet);
            AssertCutGivesBack(traffic, writes);
            merged += traffic.Count - writes.Count;
            foreach ((string name, int count) in generator.Used)
            {
                used[name] += count;
            }
        });
        Assert.True(merged > 40 * 200 / 10, $"Only {merged} packets were merged: the traffic no longer reaches the code.");
        Assert.All(used, difference => Assert.True(difference.Value > 0, $"'{difference.Key}' was used {difference.Value} times."));
    }

    [Theory]
    [InlineData(5, true, false)]
    [InlineData(6, false, true)]
    [InlineData(7, false, false)]
    public void Merges_only_what_the_port_takes(int seed, bool tcp, bool udp)
    {
        PortCapabilities taken = (tcp ? PortCapabilities.TcpSuperpackets : 0) | (udp ? PortCapabilities.UdpSuperpackets : 0);
        CoalescerRig rig = new() { Coalescer = new Coalescer(taken) };
        int merged = 0;
        Fuzzing.Run(seed, rounds: 10, random =>
        {
            List<(byte[] Bytes, PacketMeta Meta)> traffic = new TrafficGenerator(random, ethernet: false).Traffic(10, 200, 0.05);
            List<Written> writes = Send(rig, traffic);
            AssertAsTwin(traffic, writes, ethernet: false, tcp, udp);
            merged += traffic.Count - writes.Count;
        });
        Assert.Equal(tcp || udp, merged > 0);
    }

    [Theory]
    [InlineData(8, true)]
    [InlineData(9, false)]
    public void Arbitrary_bytes_and_metas_are_judged_as_the_twin_judges_and_by_their_own_bytes_alone(int seed, bool ethernet)
    {
        PortCapabilities layer = ethernet ? PortCapabilities.Ethernet : PortCapabilities.None;
        CoalescerRig rig = new(layer, capacity: 64);
        CoalescerRig other = new(layer, capacity: 64);
        int merged = 0;
        Fuzzing.Run(seed, rounds: 150, random =>
        {
            List<(byte[] Bytes, PacketMeta Meta)> traffic =
                [.. new TrafficGenerator(random, ethernet).Traffic(random.Next(1, 10), 48, 0.05).Select(packet => Distort(random, packet.Bytes, packet.Meta))];
            // Whatever lay in the slab before, and lies between the packets now, must not matter.
            Fill(rig.Batch, 0xA5);
            Fill(other.Batch, 0x3C);
            List<Written> writes = Send(rig, traffic);
            List<Written> others = Send(other, traffic);
            Assert.Equal(Describe(writes), Describe(others));
            AssertAsTwin(traffic, writes, ethernet);
            AssertNothingIsVerifiedThatIsWrong(traffic, writes, ethernet);
            merged += traffic.Count - writes.Count;
        });
        Assert.True(merged > 500, $"Only {merged} packets were merged: the traffic no longer reaches the code.");
    }

    [Theory]
    [InlineData(10, true)]
    [InlineData(11, false)]
    public void A_packet_is_read_and_compared_within_its_own_bytes(int seed, bool ethernet)
    {
        using GuardedMemory first = new(2048);
        using GuardedMemory second = new(2048);
        DeviceLayer layer = ethernet ? DeviceLayer.Ethernet : DeviceLayer.IP;
        int compared = 0;
        Fuzzing.Run(seed, rounds: 150, random =>
        {
            (byte[] Bytes, PacketMeta Meta)[] traffic =
                [.. new TrafficGenerator(random, ethernet).Traffic(2, 30, 0.3).Select(packet => Distort(random, packet.Bytes, packet.Meta))];
            for (int i = 1; i < traffic.Length; i++)
            {
                Span<byte> a = random.Next(2) == 0 ? first.PutLast(traffic[i - 1].Bytes) : first.PutFirst(traffic[i - 1].Bytes);
                Span<byte> b = random.Next(2) == 0 ? second.PutLast(traffic[i].Bytes) : second.PutFirst(traffic[i].Bytes);
                FlowPacket one = FlowPacket.Read(a, layer, traffic[i - 1].Meta);
                FlowPacket two = FlowPacket.Read(b, layer, traffic[i].Meta);
                CoalescerTwin.Packet twinOne = CoalescerTwin.Packet.Read(0, traffic[i - 1].Bytes, traffic[i - 1].Meta, ethernet);
                CoalescerTwin.Packet twinTwo = CoalescerTwin.Packet.Read(1, traffic[i].Bytes, traffic[i].Meta, ethernet);
                Assert.Equal((twinTwo.Flow is not null, twinTwo.Mergeable), (two.Kind != FlowPacketKind.Unknown, two.Kind == FlowPacketKind.Mergeable));
                if (two.Kind == FlowPacketKind.Mergeable && one.Kind == FlowPacketKind.Mergeable &&
                    (one.Network, one.HeaderLength, one.IsTcp, one.IsIPv4) == (two.Network, two.HeaderLength, two.IsTcp, two.IsIPv4))
                {
                    compared++;
                    TrainHeader header = new();
                    header.Set(a, one);
                    Assert.Equal(twinOne.Fingerprint.AsSpan().SequenceEqual(twinTwo.Fingerprint), header.HasSameHeaders(b));
                }
            }
        });
        Assert.True(compared > 500, $"Only {compared} pairs were compared.");
    }

    private static List<Written> Send(CoalescerRig rig, List<(byte[] Bytes, PacketMeta Meta)> traffic)
    {
        rig.Batch.Clear();
        rig.Writes.Clear();
        foreach ((byte[] bytes, PacketMeta meta) in traffic)
        {
            rig.Batch.Meta(rig.Add(bytes)) = meta;
        }

        return rig.Send();
    }

    private static void AssertAsTwin(List<(byte[] Bytes, PacketMeta Meta)> traffic, List<Written> writes, bool ethernet, bool tcp = true, bool udp = true)
    {
        List<CoalescerTwin.Result> expected = CoalescerTwin.Send(traffic, ethernet, tcp, udp);
        Assert.Equal(expected.Select(result => string.Join(' ', result.Descriptors)), writes.Select(write => string.Join(' ', write.Descriptors)));
        for (int i = 0; i < writes.Count; i++)
        {
            Assert.True(
                expected[i].Bytes.AsSpan().SequenceEqual(writes[i].Packet),
                $"Write {i} of {string.Join(' ', writes[i].Descriptors)}:\n{Convert.ToHexString(writes[i].Packet)}\nand not\n{Convert.ToHexString(expected[i].Bytes)}");
            Assert.Equal(Describe(expected[i].Meta), Describe(writes[i].Meta));
        }
    }

    // By the plain cutting, and by our own. With DF the identification is nobody's business (RFC 6864 §4.1), and merging does not keep it.
    private static void AssertCutGivesBack(List<(byte[] Bytes, PacketMeta Meta)> traffic, List<Written> writes)
    {
        foreach (Written write in writes.Where(write => write.Descriptors.Length > 1))
        {
            List<byte[]> plain = PlainSegmentation.Cut(write.Packet, write.Meta);
            Assert.Equal(plain.Select(Convert.ToHexString), Cut(write).Select(Convert.ToHexString));
            IEnumerable<string> before = write.Descriptors.Select(index => Normal(PlainSegmentation.ToWire(traffic[index].Bytes, traffic[index].Meta)[0], write.Meta));
            Assert.Equal(before, plain.Select(packet => Normal(packet, write.Meta)));
        }

        static string Normal(byte[] packet, PacketMeta meta)
        {
            byte[] normal = [.. packet];
            Span<byte> ip = normal.AsSpan(meta.NetworkStart);
            if (ip[0] >> 4 == 4 && (ip[6] & 0x40) != 0)
            {
                ip[4] = ip[5] = ip[10] = ip[11] = 0;
            }

            return Convert.ToHexString(normal);
        }
    }

    private static void AssertNothingIsVerifiedThatIsWrong(List<(byte[] Bytes, PacketMeta Meta)> traffic, List<Written> writes, bool ethernet)
    {
        foreach (Written write in writes)
        {
            foreach (int index in write.Descriptors)
            {
                (byte[] bytes, PacketMeta meta) = traffic[index];
                // What came without a word about its checksum leaves so, or has been checked.
                if (meta.Checksum == ChecksumState.Unverified && write.Meta.Checksum != ChecksumState.Unverified)
                {
                    CoalescerTwin.Packet packet = CoalescerTwin.Packet.Read(index, bytes, meta, ethernet);
                    Assert.True(packet.HasRightTransportChecksum && packet.IsIntact, $"Packet {index} was merged although its checksum is wrong.");
                }
            }
        }
    }

    // The meta of a plain packet that is no partial one may point anywhere, and what is said of one must not be believed.
    private static (byte[] Bytes, PacketMeta Meta) Distort(Random random, byte[] bytes, PacketMeta meta)
    {
        bytes = [.. bytes];
        switch (random.Next(30))
        {
            case 0:
                random.NextBytes(bytes);
                break;
            case 1 when bytes.Length > 0:
                random.NextBytes(bytes.AsSpan(random.Next(bytes.Length)));
                break;
            case 2:
                bytes = bytes[..random.Next(bytes.Length + 1)];
                break;
            case 3 when bytes.Length > 0:
                bytes[random.Next(Math.Min(bytes.Length, 80))] ^= (byte)(1 << random.Next(8));
                break;
            case 4 when bytes.Length > 80:
                BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(random.Next(78)), (ushort)random.Next(65_536));
                break;
            case 5:
                meta.Checksum = (ChecksumState)random.Next(3);
                break;
            case 6:
                meta.Segmentation = (SegmentationKind)random.Next(4);
                meta.SegmentSize = (ushort)random.Next(2000);
                meta.HeaderLength = (ushort)random.Next(100);
                break;
            case 7:
                (meta.NetworkStart, meta.ChecksumStart, meta.ChecksumOffset) = ((ushort)random.Next(65_536), (ushort)random.Next(65_536), (ushort)random.Next(65_536));
                break;
            case 8:
                (meta.NetworkStart, meta.ChecksumStart, meta.ChecksumOffset) = ((ushort)(random.Next(2) * 14), (ushort)(random.Next(80)), (ushort)random.Next(20));
                break;
        }

        return (bytes, meta);
    }

    private static void Fill(PacketBatch batch, byte value)
    {
        batch.Clear();
        int length = PacketBatch.MaxPacketLength;
        while (batch.TryReserve(length * 2, out _))
        {
            length *= 2;
        }

        Assert.True(batch.TryReserve(length, out Span<byte> slab));
        slab.Fill(value);
    }

    private static string Describe(List<Written> writes) =>
        string.Join('\n', writes.Select(write => $"{string.Join(' ', write.Descriptors)}: {Convert.ToHexString(write.Packet)} {Describe(write.Meta)}"));

    private static string Describe(in PacketMeta meta) =>
        $"{meta.Segmentation} {meta.SegmentSize} {meta.HeaderLength} {meta.NetworkStart} {meta.ChecksumStart} {meta.ChecksumOffset} {meta.Checksum}";
}
