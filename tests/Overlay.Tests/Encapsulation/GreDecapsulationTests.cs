using System.Buffers.Binary;
using Overlay.Capture;
using Overlay.Encapsulation;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Encapsulation;

public sealed class GreDecapsulationTests
{
    private static readonly ValueIPAddress Remote = ValueIPAddress.Parse("192.0.2.1");
    private static readonly ValueIPAddress Local = ValueIPAddress.Parse("192.0.2.2");
    private static readonly ValueIPAddress RemoteIPv6 = ValueIPAddress.Parse("2001:db8::1");
    private static readonly ValueIPAddress LocalIPv6 = ValueIPAddress.Parse("2001:db8::2");
    private static readonly MacAddress Mac = MacAddress.Parse("02:00:00:00:00:01");

    private static readonly byte[] Inner4 = PacketBuilder.IP(Remote, Local, (IPProtocol)253, [1, 2, 3]);
    private static readonly byte[] Inner6 = PacketBuilder.IP(RemoteIPv6, LocalIPv6, (IPProtocol)253, [1, 2, 3]);

    public static TheoryData<bool, bool, int> Forms => new MatrixTheoryData<bool, bool, int>([false, true], [false, true], Enumerable.Range(0, 8));

    [Theory]
    [MemberData(nameof(Forms))]
    public void Every_form_is_taken_apart(bool outerIPv6, bool ethernet, int optional)
    {
        uint? key = (optional & 1) != 0 ? 0x89ABCDEF : null, number = (optional & 4) != 0 ? 0x01234567u : null;
        bool checksum = (optional & 2) != 0;
        foreach (byte[] ip in new[] { Inner4, Inner6 })
        {
            EtherType type = ip == Inner4 ? EtherType.IPv4 : EtherType.IPv6;
            byte[] payload = ethernet ? PacketBuilder.Ethernet(Mac, Mac, type, ip) : ip;
            byte[] packet = Wrap(outerIPv6, GreEncapsulatorTests.Gre(ethernet ? EtherType.TransparentEthernetBridging : type, key, checksum, number, payload));
            byte[] padded = [.. packet, 1, 2, 3];
            TunnelKind kind = ethernet ? TunnelKind.Gretap : TunnelKind.Gre;
            Assert.True(Decapsulator.TryDecapsulate(padded, kind, 0, out Decapsulated inner, out DropReason reason), reason.ToString());
            Assert.Equal(outerIPv6 ? (RemoteIPv6, LocalIPv6) : (Remote, Local), (inner.Remote, inner.Local));
            Assert.Equal((IPProtocol.Gre, 3, 9, !outerIPv6), (inner.Protocol, inner.TrafficClass, inner.Ttl, inner.IsOuterIPv4));
            Assert.Equal((key, number), (inner.GreKey, inner.GreSequenceNumber));
            Assert.Equal(
                (key is not null, checksum, number is not null),
                (inner.GreFields.HasFlag(GreFlags.Key), inner.GreFields.HasFlag(GreFlags.Checksum), inner.GreFields.HasFlag(GreFlags.SequenceNumber)));
            Assert.Equal((0, 0u, 0UL), (inner.SourcePort, inner.Vni.Value, inner.Header & uint.MaxValue));
            Assert.Equal((outerIPv6 ? 40 : 20) + 4 + (4 * int.PopCount(optional)), inner.PayloadOffset);
            Assert.Equal(payload, inner.Payload.ToArray());

            Refuses(DropReason.NotTunnel, packet, ethernet ? TunnelKind.Gre : TunnelKind.Gretap);
            Refuses(DropReason.NotTunnel, packet, TunnelKind.IPInIP);
            Refuses(DropReason.NotTunnel, packet, TunnelKind.Vxlan);
        }
    }

    [Fact]
    public void Each_defect_has_its_reason()
    {
        byte[] gre = GreEncapsulatorTests.Gre(EtherType.IPv4, 1, true, 2, Inner4);
        for (int length = 0; length < 16; length++)
        {
            Refuses(DropReason.Truncated, Wrap(false, gre.AsSpan(0, length)));
        }

        for (int bit = 0; bit < 16; bit++)
        {
            // C, K and S gone, or the checksum no longer that of the bytes; RFC 2784 §2.3 and §2.3.1.
            DropReason expected = bit switch
            {
                1 or 4 or 5 => DropReason.BadFlags,
                >= 13 => DropReason.HeaderVersion,
                // Without C the checksum is taken for the key, without it for the number, and the inner packet begins elsewhere.
                0 => DropReason.BadVersion,
                _ => DropReason.BadChecksum,
            };
            byte[] changed = [.. gre];
            changed[bit / 8] ^= (byte)(0x80 >> (bit % 8));
            Refuses(expected, Wrap(false, changed));
        }

        for (int i = 0; i < gre.Length; i++)
        {
            byte[] changed = [.. gre];
            changed[i] ^= 0x08;
            Assert.False(Decapsulator.TryDecapsulate(Wrap(false, changed), TunnelKind.Gre, 0, out _, out _), $"byte {i}");
        }

        // Inner packets: of another version than announced, and cut.
        Refuses(DropReason.BadVersion, Wrap(true, GreEncapsulatorTests.Gre(EtherType.IPv4, null, false, null, Inner6)));
        Refuses(DropReason.BadVersion, Wrap(true, GreEncapsulatorTests.Gre(EtherType.IPv6, null, false, null, Inner4)));
        for (int length = 0; length <= 40; length++)
        {
            Refuses(length < 20 ? DropReason.InnerTruncated : DropReason.None, Cut(EtherType.IPv4, Inner4, Math.Min(length, 23)));
            Refuses(length < 40 ? DropReason.InnerTruncated : DropReason.None, Cut(EtherType.IPv6, Inner6, length));
            Refuses(length < 14 ? DropReason.InnerTruncated : DropReason.None, Cut(EtherType.TransparentEthernetBridging, new byte[40], length), TunnelKind.Gretap);
        }

        // RFC 2784 §2.4: "An implementation receiving a packet containing a Protocol Type which is not listed […] SHOULD discard".
        Refuses(DropReason.UnknownProtocol, Wrap(false, GreEncapsulatorTests.Gre((EtherType)0x88BE, null, false, null, Inner4)));

        static byte[] Cut(EtherType type, byte[] inner, int length) => Wrap(false, GreEncapsulatorTests.Gre(type, null, false, null, inner.AsSpan(0, length)));
    }

    [Theory]
    [InlineData("zeek/gre-sample.pcap", TunnelKind.Gre, 40, GreFlags.None)]
    [InlineData("packetnet/gre_all_options.pcap", TunnelKind.Gre, 10, GreFlags.Checksum | GreFlags.Key | GreFlags.SequenceNumber)]
    [InlineData("packetnet/gre_ipv6.pcap", TunnelKind.Gre, 1, GreFlags.None)]
    [InlineData("packetnet/gre_nvgre.pcap", TunnelKind.Gretap, 1, GreFlags.Key)]
    public void Captures_are_decapsulated_as_tshark_reads_them(string file, TunnelKind kind, int packets, GreFlags fields)
    {
        int count = 0;
        uint last = 0;
        foreach (CapturedPacket captured in Corpus.Packets(file))
        {
            Assert.True(EthernetFrame.TryParse(captured.Data.Span, out EthernetFrame outer));
            byte[] packet = outer.Payload.ToArray();
            if (kind == TunnelKind.Gretap)
            {
                // Its outer IPv4 checksum is wrong, as tshark says too.
                Assert.False(Decapsulator.TryDecapsulate(packet, kind, 0, out _, out DropReason wrong));
                Assert.Equal(DropReason.BadChecksum, wrong);
                packet[10] = packet[11] = 0;
                BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), PacketBuilder.Checksum(packet.AsSpan(0, 20), 0));
            }

            Assert.True(Decapsulator.TryDecapsulate(packet, kind, 0, out Decapsulated inner, out DropReason reason), $"{count}: {reason}");
            Assert.Equal(fields, inner.GreFields);
            if (kind == TunnelKind.Gretap)
            {
                Assert.True(EthernetFrame.TryParse(inner.Payload, out EthernetFrame frame) && frame.EtherType == EtherType.IPv4);
                Assert.True(NvgrePacket.TryParse(packet.AsSpan(20), out NvgrePacket nvgre));
                Assert.Equal(inner.GreKey, (nvgre.VirtualSubnetId.Value << 8) | nvgre.FlowId);
            }
            else
            {
                Assert.True(inner.Payload[0] >> 4 == 4 ? IPv4Packet.TryParse(inner.Payload, out IPv4Packet ip) && ip.IsChecksumValid : IPv6Packet.TryParse(inner.Payload, out _));
            }

            if (inner.GreSequenceNumber is uint number)
            {
                // Requests and answers have a number of their own each.
                Assert.True(number >= last, $"{number} after {last}");
                last = number;
            }

            count++;
        }

        Assert.Equal(packets, count);
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] packet = Wrap(true, GreEncapsulatorTests.Gre(EtherType.IPv4, 1, true, 2, Inner4));
        bool taken = false;
        Allocations.Zero(() => taken = Decapsulator.TryDecapsulate(packet, TunnelKind.Gre, 0, out Decapsulated inner, out _) && inner.GreKey == 1);
        Assert.True(taken);
    }

    private static void Refuses(DropReason expected, byte[] packet, TunnelKind kind = TunnelKind.Gre)
    {
        bool taken = Decapsulator.TryDecapsulate(packet, kind, 4789, out _, out DropReason reason);
        Assert.Equal(expected, reason);
        Assert.Equal(expected == DropReason.None, taken);
    }

    private static byte[] Wrap(bool ipv6, ReadOnlySpan<byte> payload) =>
        PacketBuilder.IP(ipv6 ? RemoteIPv6 : Remote, ipv6 ? LocalIPv6 : Local, IPProtocol.Gre, payload, 3, 9);
}
