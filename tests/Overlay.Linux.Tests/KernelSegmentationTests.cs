using System.Buffers.Binary;
using System.Globalization;
using Overlay.DataPath;
using Overlay.Linux.Tests.EndToEnd;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests;

/// <summary>
/// The same superpacket cut by <see cref="SegmentPlan"/> and by the kernel, byte for byte. The kernel gets it by a TAP, and a bridge passes it to a veth
/// that has neither segmentation nor checksums: what arrives behind the veth is what Linux puts on a wire.
/// </summary>
public sealed class KernelSegmentationTests
{
    private const string Tap = "tap0";
    private const string Near = "near";
    private const string Far = "far";
    private static readonly ValueIPAddress A4 = ValueIPAddress.Parse("198.51.100.1");
    private static readonly ValueIPAddress B4 = ValueIPAddress.Parse("198.51.100.2");
    private static readonly ValueIPAddress A6 = ValueIPAddress.Parse("2001:db8:1::1");
    private static readonly ValueIPAddress B6 = ValueIPAddress.Parse("2001:db8:1::2");
    private static readonly MacAddress MacA = MacAddress.Parse("02:00:00:00:0a:01");
    private static readonly MacAddress MacB = MacAddress.Parse("02:00:00:00:0a:02");

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void The_kernel_cuts_a_superpacket_into_the_same_bytes(bool tcp, bool version4)
    {
        TunAccess.Require();
        using Netns bridge = Netns.Create("ovseg");
        using Netns behind = Netns.Create("ovseg");
        using TunDevice tap = bridge.Run(() => TunDevice.Open(Tap, new TunDeviceOptions { Coalesce = false }));
        bridge.Ip("link", "add", "br0", "type", "bridge", "mcast_snooping", "0");
        bridge.Configure("br0", null);
        Netns.Connect(bridge, Near, null, behind, Far, null);
        bridge.EthtoolOff(Near, "tx", "tso", "gso", "tx-udp-segmentation");
        foreach (string port in (string[])[Tap, Near])
        {
            bridge.Ip("link", "set", port, "master", "br0");
            bridge.Configure(port, null);
        }

        using FrameSocket wire = new(behind, Far);
        int segments = 0;
        int number = 0;
        foreach ((byte[] packet, int options, int size) in Superpackets(tcp, version4))
        {
            string what = string.Create(CultureInfo.InvariantCulture, $"Superpacket {number++}: {packet.Length} bytes by {size}");
            byte[] frame = PacketBuilder.Ethernet(MacB, MacA, version4 ? EtherType.IPv4 : EtherType.IPv6, packet);
            PacketBatch batch = new();
            Assert.True(batch.TryAppend(frame, out int index));
            ref PacketMeta meta = ref batch.Meta(index);
            meta.Output = 0;
            meta.Segmentation = !tcp ? SegmentationKind.Udp : version4 ? SegmentationKind.TcpIPv4 : SegmentationKind.TcpIPv6;
            meta.SegmentSize = (ushort)size;
            meta.NetworkStart = 14;
            meta.ChecksumStart = (ushort)(14 + (version4 ? 20 : 40));
            meta.ChecksumOffset = (ushort)(tcp ? 16 : 6);
            meta.HeaderLength = (ushort)(meta.ChecksumStart + (tcp ? 20 + options : 8));
            meta.Checksum = ChecksumState.Partial;
            Assert.True(Segmentation.TryPlan(frame, meta, out SegmentPlan plan));
            batch.Select(0);
            Assert.Equal(PortResult.Ok, tap.Send(batch));
            Assert.Equal(PacketState.Sent, batch.Meta(index).State);
            byte[] room = new byte[plan.MaximumLength];
            for (int i = 0; i < plan.Count; i++)
            {
                int length = plan.WriteSegment(i, room);
                byte[]? kernel = wire.Receive();
                Assert.True(kernel is not null, $"{what}: the kernel cut it into {i} segments, we into {plan.Count}.");
                Assert.True(
                    room.AsSpan(0, length).SequenceEqual(kernel),
                    $"{what}, segment {i}:\nours   {Convert.ToHexString(room.AsSpan(0, Math.Min(length, 100)))}\nkernel {Convert.ToHexString(kernel.AsSpan(0, Math.Min(kernel.Length, 100)))}");
            }

            segments += plan.Count;
        }

        Assert.True(wire.Receive(timeoutMilliseconds: 200) is null, "The kernel sent more than we.");
        Assert.True(segments > 400, $"{segments} segments prove little.");
    }

    private static IEnumerable<(byte[] Packet, int Options, int Size)> Superpackets(bool tcp, bool version4)
    {
        (ValueIPAddress source, ValueIPAddress destination) = version4 ? (A4, B4) : (A6, B6);
        (int Length, int Size)[] shapes = [(28_000, 1400), (28_001, 1400), (1401, 1400), (120 * 64, 64), ((120 * 64) + 32, 64), (65_000, 1400), (100, 1)];
        // ACK with each of FIN, PSH, ECE, CWR and URG, and several at once.
        byte[] flags = tcp ? [0x10, 0x11, 0x18, 0x19, 0x50, 0x90, 0xD0, 0xD9, 0x30] : [0];
        int seed = 0;
        foreach ((int length, int size) in shapes)
        {
            foreach (byte flag in flags)
            {
                byte[] options = tcp && (seed & 1) == 0 ? [1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9] : [];
                byte[] payload = PacketBuilder.Payload(length, ++seed);
                // The identification runs over its end, with DF and without; ECN and DSCP are set, and in IPv6 a flow label.
                byte[] packet = tcp
                    ? PacketBuilder.Tcp(source, destination, 40_000, 5201, 0xFFFF_F000, flag, payload, options, 0xBA, 65_530, partialChecksum: true)
                    : PacketBuilder.Udp(source, destination, 40_000, 5201, payload, 0xBA, partialChecksum: true);
                if (version4)
                {
                    BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), 65_530);
                    packet[6] = (byte)((seed & 2) == 0 ? 0x40 : 0);
                    packet[10] = packet[11] = 0;
                    BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), PacketBuilder.Checksum(packet.AsSpan(0, 20), 0));
                }
                else
                {
                    packet[1] |= 0x0A;
                    packet[3] = 0x55;
                }

                yield return (packet, options.Length, size);
            }
        }

        if (!tcp)
        {
            // The checksum of the second datagram comes out zero, which means "none" and is sent as all ones.
            byte[] payload = PacketBuilder.Payload(300, 99);
            byte[] second = PacketBuilder.Udp(source, destination, 40_000, 5201, payload[100..200], 0xBA);
            int field = second.Length - 100 - 2;
            int word = 100;
            uint missing = (uint)BinaryPrimitives.ReadUInt16BigEndian(second.AsSpan(field)) + BinaryPrimitives.ReadUInt16BigEndian(payload.AsSpan(word));
            BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(word), (ushort)((missing & 0xFFFF) + (missing >> 16)));
            second = PacketBuilder.Udp(source, destination, 40_000, 5201, payload[100..200], 0xBA);
            Assert.Equal(0xFFFF, BinaryPrimitives.ReadUInt16BigEndian(second.AsSpan(field)));
            yield return (PacketBuilder.Udp(source, destination, 40_000, 5201, payload, 0xBA, partialChecksum: true), 0, 100);
        }
    }
}
