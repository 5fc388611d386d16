using System.Buffers.Binary;
using Overlay.DataPath;
using Overlay.Testing;
using Xunit;
using static Overlay.Tests.DataPath.CoalescerRig;

namespace Overlay.Tests.DataPath;

/// <summary>Seeded traffic of many kinds: nothing is lost, nothing changes, no flow is out of order.</summary>
public sealed class CoalescerModelTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Twelve_interleaved_flows_keep_their_order_and_every_byte(int seed)
    {
        Random random = new(seed);
        int merged = 0;
        for (int round = 0; round < 40; round++)
        {
            Queue<byte[]>[] flows = [.. Enumerable.Range(0, 12).Select(i => new Queue<byte[]>(RandomFlow(random, i)))];
            List<(int Flow, byte[] Packet)> traffic = [];
            while (flows.Any(flow => flow.Count > 0))
            {
                // Bursts, as they come out of trains.
                int flow = random.Next(flows.Length);
                for (int burst = random.Next(1, 6); burst > 0 && flows[flow].TryDequeue(out byte[]? packet); burst--)
                {
                    traffic.Add((flow, packet));
                }
            }

            CoalescerRig rig = new(PortCapabilities.Ethernet);
            foreach ((_, byte[] packet) in traffic)
            {
                rig.Add(packet);
            }

            List<Written> writes = rig.Send();
            merged += traffic.Count - writes.Count;
            for (int flow = 0; flow < flows.Length; flow++)
            {
                IEnumerable<string> sent = traffic.Where(item => item.Flow == flow).Select(item => Convert.ToHexString(item.Packet));
                IEnumerable<string> received = writes.Where(write => traffic[write.Descriptors[0]].Flow == flow).SelectMany(Cut).Select(Convert.ToHexString);
                Assert.Equal(sent, received);
            }
        }

        Assert.True(merged > 2000, $"Only {merged} packets were merged: the traffic no longer reaches the code.");
    }

    [Theory]
    [InlineData(11, PortCapabilities.Ethernet)]
    [InlineData(12, PortCapabilities.None)]
    public void Whatever_the_bytes_each_packet_comes_out_once_in_order_and_unchanged(int seed, PortCapabilities layer)
    {
        Random random = new(seed);
        int merged = 0;
        int network = layer == PortCapabilities.Ethernet ? 14 : 0;
        for (int round = 0; round < 1500; round++)
        {
            CoalescerRig rig = new(layer, capacity: 64) { Coalescer = new Coalescer(layer | PortCapabilities.TcpSuperpackets | PortCapabilities.UdpSuperpackets) };
            List<byte[]> packets = [];
            foreach (byte[] packet in RandomFlow(random, random.Next(12)).Concat(RandomFlow(random, random.Next(12))).Take(40))
            {
                byte[] fuzzed = Mutate(random, network == 0 ? packet[(packet[12] == 0x81 ? 18 : 14)..] : packet, network);
                packets.Add(fuzzed);
                rig.Add(fuzzed);
            }

            List<Written> writes = rig.Send();
            merged += packets.Count - writes.Count;
            int[] order = [.. writes.SelectMany(write => write.Descriptors)];
            foreach (IGrouping<string, int> flow in order.GroupBy(index => FlowOf(packets[index], network)))
            {
                Assert.Equal(flow.Order(), flow);
            }

            foreach (Written write in writes)
            {
                IEnumerable<string> expected = write.Descriptors.Select(index => Normal(packets[index], network, write.Descriptors.Length > 1));
                Assert.Equal(expected, Cut(write).Select(packet => Normal(packet, network, write.Descriptors.Length > 1)));
            }
        }

        Assert.True(merged > 1000, $"Only {merged} packets were merged: the generator no longer reaches the code.");
    }

    [Fact]
    public void No_bytes_and_no_meta_lead_outside_the_packet()
    {
        Random random = new(20_261_124);
        for (int round = 0; round < 3000; round++)
        {
            CoalescerRig rig = new(random.Next(2) == 0 ? PortCapabilities.Ethernet : PortCapabilities.None, capacity: 16);
            byte[] template = RandomFlow(random, random.Next(12)).First();
            for (int i = 0; i < 16; i++)
            {
                byte[] packet = Mutate(random, template, 14);
                packet = packet[..random.Next(random.Next(2) == 0 ? 0 : packet.Length, packet.Length + 1)];
                if (random.Next(4) == 0)
                {
                    random.NextBytes(packet);
                }

                ref PacketMeta meta = ref rig.Batch.Meta(rig.Add(packet));
                meta.Checksum = (ChecksumState)random.Next(3);
                meta.Segmentation = (SegmentationKind)random.Next(4);
                meta.SegmentSize = (ushort)random.Next(2000);
                (meta.HeaderLength, meta.NetworkStart, meta.ChecksumStart, meta.ChecksumOffset) =
                    ((ushort)random.Next(100), (ushort)(random.Next(2) * 14), (ushort)(random.Next(2) == 0 ? 34 : random.Next(65_536)), (ushort)random.Next(20));
            }

            rig.Send();
        }
    }

    // Mostly as senders are, with everything in between that breaks a train.
    private static List<byte[]> RandomFlow(Random random, int number)
    {
        bool tcp = number % 3 != 0;
        bool version4 = number % 2 == 0;
        int size = random.Next(1, 600);
        int count = random.Next(3, 30);
        int[] payloads = [.. Enumerable.Range(0, count).Select(_ => random.Next(12) switch { 0 => random.Next(0, 600), 1 => random.Next(0, size + 1), _ => size })];
        ushort port = (ushort)(5000 + number);
        byte[][] train = tcp ? Tcp(version4, payloads, port, (uint)random.Next(), seed: number) : Udp(version4, payloads, port, number);
        (ushort, ushort)[] tags = number % 4 == 1 ? [(0x8100, 5)] : [];
        List<byte[]> frames = [];
        foreach (byte[] packet in train)
        {
            int transport = version4 ? 20 : 40;
            switch (random.Next(40))
            {
                case 0 when tcp:
                    packet[transport + 13] |= (byte)(1 << random.Next(8));
                    break;
                case 1 when tcp:
                    packet[transport + 15]++;
                    break;
                case 2:
                    packet[version4 ? 8 : 7]--;
                    break;
                case 3:
                    packet[1] ^= 0x10;
                    break;
                case 4 when tcp:
                    packet[transport + 11]++;
                    break;
            }

            Seal(packet);
            if (random.Next(40) == 0 && packet.Length > transport + 32)
            {
                packet[^1] ^= 1;
            }

            frames.Add(Frame(packet, tags));
        }

        return frames;
    }

    private static byte[] Mutate(Random random, byte[] packet, int network)
    {
        byte[] mutated = [.. packet];
        if (random.Next(5) != 0)
        {
            return mutated;
        }

        switch (random.Next(4))
        {
            case 0:
                random.NextBytes(mutated.AsSpan(random.Next(mutated.Length)));
                break;
            case 1:
                Array.Resize(ref mutated, random.Next(mutated.Length));
                break;
            case 2:
                Array.Resize(ref mutated, mutated.Length + random.Next(1, 20));
                break;
            default:
                int headers = Math.Min(mutated.Length, network + 60);
                mutated[random.Next(headers)] ^= (byte)(1 << random.Next(8));
                break;
        }

        return mutated;
    }

    // Addresses, protocol and ports of what a receiver would take for a packet of a flow; else each packet is a flow of its own.
    private static string FlowOf(byte[] packet, int network)
    {
        if (network != 0)
        {
            if (packet.Length < 14)
            {
                return Guid.NewGuid().ToString();
            }

            if (packet[12] == 0x81 && packet[13] == 0)
            {
                network += 4;
            }

            if (packet.Length < network || BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(network - 2)) is not (0x0800 or 0x86DD))
            {
                return Guid.NewGuid().ToString();
            }
        }

        ReadOnlySpan<byte> ip = packet.AsSpan(network);
        if (ip.Length >= 24 && ip[0] == 0x45 && ip[9] is 6 or 17)
        {
            return Convert.ToHexString(ip.Slice(12, 12)) + ip[9];
        }

        return ip.Length >= 44 && ip[0] >> 4 == 6 && ip[6] is 6 or 17 ? Convert.ToHexString(ip.Slice(8, 36)) + ip[6] : Guid.NewGuid().ToString();
    }

    // A merged packet of IPv4 with DF gets another identification, and with it another header checksum.
    private static string Normal(byte[] packet, int network, bool merged)
    {
        byte[] normal = [.. packet];
        if (network != 0 && normal.Length > 16 && normal[12] == 0x81)
        {
            network += 4;
        }

        if (merged && normal[network] == 0x45 && (normal[network + 6] & 0x40) != 0)
        {
            normal[network + 4] = normal[network + 5] = normal[network + 10] = normal[network + 11] = 0;
        }

        return Convert.ToHexString(normal);
    }
}
