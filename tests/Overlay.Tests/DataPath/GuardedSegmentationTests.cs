using System.Buffers.Binary;
using Overlay.DataPath;
using Overlay.Testing;
using Xunit;

namespace Overlay.Tests.DataPath;

/// <summary>
/// Cutting of arbitrary bytes with arbitrary metas, between pages that end the process when touched, against the plain twin; and what the receiving side
/// says of arbitrary messages.
/// </summary>
public sealed class GuardedSegmentationTests
{
    private const int MaxPacket = 4096;
    private const int MaxDatagram = 1472;

    [Fact]
    public void The_guards_are_there_on_both_sides()
    {
        using GuardedMemory memory = new(100);
        nint end = memory.Address + memory.Length;
        string[] maps = File.ReadAllLines("/proc/self/maps");
        // Neighbours with the same rights are one line: ours begins and ends exactly where the guards do.
        Assert.Contains(maps, line => line.StartsWith($"{memory.Address:x}-{end:x} rw-p", StringComparison.Ordinal));
        Assert.Contains(maps, line => line.Contains($"-{memory.Address:x} ---p", StringComparison.Ordinal));
        Assert.Contains(maps, line => line.StartsWith($"{end:x}-", StringComparison.Ordinal) && line.Contains(" ---p", StringComparison.Ordinal));
        Assert.Equal(memory.Last(100).Length, memory.First(100).Length);
    }

    [Theory]
    [InlineData(21)]
    [InlineData(22)]
    public void Whatever_can_be_planned_is_cut_as_the_twin_cuts_it(int seed)
    {
        using GuardedMemory source = new(MaxPacket);
        using GuardedMemory destination = new(MaxPacket);
        int planned = 0;
        int refused = 0;
        Fuzzing.Run(seed, rounds: 10_000, random =>
        {
            (byte[] bytes, PacketMeta meta) = Superpacket(random);
            Span<byte> packet = random.Next(2) == 0 ? source.PutLast(bytes) : source.PutFirst(bytes);
            if (!Segmentation.TryPlan(packet, meta, out SegmentPlan plan))
            {
                refused++;
                return;
            }

            planned++;
            List<byte[]> expected = PlainSegmentation.Cut(bytes, meta);
            Assert.Equal(expected.Count, plan.Count);
            Assert.Equal(expected[0].Length, plan.MaximumLength);
            for (int i = 0; i < plan.Count; i++)
            {
                Span<byte> room = destination.Last(expected[i].Length);
                room.Fill(0xA5);
                Assert.Equal(expected[i].Length, plan.WriteSegment(i, room));
                Assert.True(expected[i].AsSpan().SequenceEqual(room), $"Segment {i}:\n{Convert.ToHexString(room)}\nand not\n{Convert.ToHexString(expected[i])}");
            }

            Assert.True(bytes.AsSpan().SequenceEqual(packet), "The superpacket was changed.");
        });
        Assert.True(planned > 3000 && refused > 1000, $"{planned} plans, {refused} refusals: the generator no longer reaches the code.");
    }

    [Theory]
    [InlineData(23)]
    public void A_partial_checksum_is_completed_as_the_twin_does_or_not_at_all(int seed)
    {
        using GuardedMemory memory = new(MaxPacket);
        int completed = 0;
        Fuzzing.Run(seed, rounds: 20_000, random =>
        {
            byte[] bytes = new byte[random.Next(200)];
            random.NextBytes(bytes);
            PacketMeta meta = new()
            {
                Checksum = ChecksumState.Partial,
                ChecksumStart = (ushort)(random.Next(10) == 0 ? random.Next(65_536) : random.Next(bytes.Length + 1)),
                ChecksumOffset = (ushort)(random.Next(10) switch { 0 => random.Next(65_536), 1 => random.Next(200), < 6 => 6, _ => 16 }),
            };
            Span<byte> packet = random.Next(2) == 0 ? memory.PutLast(bytes) : memory.PutFirst(bytes);
            bool inside = meta.ChecksumStart < bytes.Length && meta.ChecksumStart + meta.ChecksumOffset + 2 <= bytes.Length;
            Assert.Equal(inside, Segmentation.CompleteChecksum(packet, meta));
            completed += inside ? 1 : 0;
            Assert.True((inside ? PlainSegmentation.Complete(bytes, meta) : bytes).AsSpan().SequenceEqual(packet));
        });
        Assert.InRange(completed, 2000, int.MaxValue);
    }

    [Theory]
    [InlineData(24)]
    [InlineData(25)]
    public void What_is_said_of_a_received_checksum_is_true(int seed)
    {
        PacketBatch batch = new();
        int partial = 0;
        int verified = 0;
        int superpackets = 0;
        Fuzzing.Run(seed, rounds: 10_000, random =>
        {
            (byte[] message, int told) = Message(random);
            batch.Clear();
            Assert.True(batch.TryAppend(message, out _));
            ReceiveClassifier.Split(TunnelKind.Vxlan, batch, 0, told, MaxDatagram, innerMtu: 1450);
            for (int i = 0; i < batch.Count; i++)
            {
                PacketMeta meta = batch.Meta(i);
                byte[] datagram = batch.Data(i).ToArray();
                if (meta.Checksum == ChecksumState.Unverified)
                {
                    Assert.Equal(SegmentationKind.None, meta.Segmentation);
                    continue;
                }

                // Twin: read the inner packet once more, and sum it the slow way.
                (int network, int transport, IPProtocol protocol, int end) = Locate(datagram);
                ReadOnlySpan<byte> segment = datagram.AsSpan(transport, end - transport);
                ushort pseudo = PacketBuilder.PseudoHeader(datagram.AsSpan(network), protocol, segment.Length);
                ushort field = BinaryPrimitives.ReadUInt16BigEndian(segment[(protocol == IPProtocol.Tcp ? 16 : 6)..]);
                if (meta.Checksum == ChecksumState.Verified)
                {
                    verified++;
                    Assert.Equal(0, PacketBuilder.Checksum(segment, pseudo));
                }
                else
                {
                    partial++;
                    superpackets += meta.Segmentation == SegmentationKind.None ? 0 : 1;
                    Assert.True(field == pseudo, $"Checksum {field:x4} was taken for unfinished, whose sum would be {pseudo:x4}; told {told} of {message.Length}");
                }
            }
        });
        Assert.True(partial > 1000 && verified > 300 && superpackets > 300, $"{partial} partial, {verified} verified, {superpackets} superpackets");
    }

    private static (byte[] Bytes, PacketMeta Meta) Superpacket(Random random)
    {
        bool tcp = random.Next(2) == 0;
        bool version4 = random.Next(2) == 0;
        (ValueIPAddress a, ValueIPAddress b) = version4 ? (CoalescerRig.A4, CoalescerRig.B4) : (CoalescerRig.A6, CoalescerRig.B6);
        byte[] payload = PacketBuilder.Payload(random.Next(1, 2000), random.Next());
        byte[] options = new byte[4 * random.Next(11)];
        random.NextBytes(options);
        byte[] packet = tcp
            ? PacketBuilder.Tcp(a, b, 1, 2, (uint)random.NextInt64(1L << 32), (byte)random.Next(256), payload, options, (byte)random.Next(256), (ushort)random.Next(65_536), true)
            : PacketBuilder.Udp(a, b, 1, 2, payload, (byte)random.Next(256), dontFragment: random.Next(2) == 0, partialChecksum: true);
        int header = (version4 ? 20 : 40) + (tcp ? 20 + options.Length : 8);
        int inserted = 0;
        if (random.Next(4) == 0)
        {
            // Options of IPv4, or an extension header.
            inserted = version4 ? 4 * random.Next(11) : 8;
            byte[] extra = new byte[inserted];
            random.NextBytes(extra);
            packet = version4 ? [.. packet[..20], .. extra, .. packet[20..]] : [.. packet[..40], .. extra, .. packet[40..]];
            if (version4)
            {
                packet[0] = (byte)(0x45 + (inserted / 4));
            }
        }

        int network = random.Next(3) * 4;
        network = network == 0 ? 0 : network + 10;
        byte[] link = new byte[network];
        random.NextBytes(link);
        packet = [.. link, .. packet];
        PacketMeta meta = new()
        {
            Segmentation = !tcp ? SegmentationKind.Udp : version4 ? SegmentationKind.TcpIPv4 : SegmentationKind.TcpIPv6,
            SegmentSize = (ushort)random.Next(1, random.Next(2) == 0 ? 50 : 2500),
            NetworkStart = (ushort)network,
            ChecksumStart = (ushort)(network + inserted + (version4 ? 20 : 40)),
            ChecksumOffset = (ushort)(tcp ? 16 : 6),
            HeaderLength = (ushort)(network + inserted + header),
            Checksum = ChecksumState.Partial,
        };
        switch (random.Next(12))
        {
            case 0:
                random.NextBytes(packet);
                break;
            case 1:
                packet = packet[..random.Next(packet.Length + 1)];
                break;
            case 2:
                packet[random.Next(Math.Min(packet.Length, 90))] ^= (byte)(1 << random.Next(8));
                break;
            case 3:
                meta.Segmentation = (SegmentationKind)random.Next(4);
                break;
            case 4:
                meta.SegmentSize = (ushort)random.Next(65_536);
                break;
            case 5:
                meta.NetworkStart = (ushort)random.Next(random.Next(2) == 0 ? 80 : 65_536);
                break;
            case 6:
                meta.ChecksumStart = (ushort)random.Next(random.Next(2) == 0 ? 80 : 65_536);
                break;
            case 7:
                meta.HeaderLength = (ushort)random.Next(random.Next(2) == 0 ? 120 : 65_536);
                break;
            case 8:
                // Cut off within the headers, with a meta that knows it not.
                packet = packet[..random.Next(Math.Min(packet.Length, meta.HeaderLength + 2))];
                break;
        }

        return (packet, meta);
    }

    // One packet, a train, or a superpacket; the checksums inside right, unfinished or wrong; and the told size the true one, another or none.
    private static (byte[] Message, int Told) Message(Random random)
    {
        int size = random.Next(100, 1300);
        int count = random.Next(1, 5);
        bool super = random.Next(2) == 0;
        byte[] message;
        if (super)
        {
            message = Datagram(random, random.Next(100, 4000), partial: random.Next(3) != 0);
        }
        else
        {
            // Of one length whatever they are.
            message = [.. Enumerable.Range(0, count).SelectMany(_ => Datagram(random, size, partial: random.Next(3) == 0))];
            size = message.Length / count;
            if (random.Next(4) == 0)
            {
                // The first says that it is as long as the whole train.
                bool version4 = message[8 + 14] >> 4 == 4;
                BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(8 + 14 + (version4 ? 2 : 4)), (ushort)(message.Length - 22 - (version4 ? 0 : 40)));
            }
        }

        for (int flips = random.Next(3); flips > 0; flips--)
        {
            message[random.Next(random.Next(2) == 0 ? 90 : message.Length)] ^= (byte)(1 << random.Next(8));
        }

        return (message, random.Next(3) switch { 0 => 0, 1 => random.Next(1, 3000), _ => size });
    }

    private static byte[] Datagram(Random random, int payloadLength, bool partial)
    {
        bool version4 = random.Next(2) == 0;
        bool tcp = random.Next(2) == 0;
        (ValueIPAddress a, ValueIPAddress b) = version4 ? (CoalescerRig.A4, CoalescerRig.B4) : (CoalescerRig.A6, CoalescerRig.B6);
        // All of one length: the longest headers have 60 bytes.
        byte[] payload = PacketBuilder.Payload(payloadLength - (version4 ? 20 : 40) - (tcp ? 20 : 8), random.Next());
        byte[] packet = tcp
            ? PacketBuilder.Tcp(a, b, 1, 2, 3, 0x10, payload, partialChecksum: partial)
            : PacketBuilder.Udp(a, b, 1, 2, payload, partialChecksum: partial);
        return [8, 0, 0, 0, 0, 0, 1, 0, .. PacketBuilder.Ethernet(CoalescerRig.MacB, CoalescerRig.MacA, version4 ? EtherType.IPv4 : EtherType.IPv6, packet)];
    }

    private static (int Network, int Transport, IPProtocol Protocol, int End) Locate(byte[] datagram)
    {
        int network = 8 + 14;
        while (BinaryPrimitives.ReadUInt16BigEndian(datagram.AsSpan(network - 2)) is 0x8100 or 0x88A8)
        {
            network += 4;
        }

        ReadOnlySpan<byte> ip = datagram.AsSpan(network);
        if (ip[0] >> 4 == 4)
        {
            return (network, network + ((ip[0] & 0xF) * 4), (IPProtocol)ip[9], network + BinaryPrimitives.ReadUInt16BigEndian(ip[2..]));
        }

        int at = 40;
        byte next = ip[6];
        while (next is 0 or 43 or 44 or 51 or 60)
        {
            (next, at) = (ip[at], at + (next == 44 ? 8 : next == 51 ? (ip[at + 1] + 2) * 4 : (ip[at + 1] + 1) * 8));
        }

        return (network, network + at, (IPProtocol)next, network + 40 + BinaryPrimitives.ReadUInt16BigEndian(ip[4..]));
    }
}
