using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Overlay.Testing;
using Overlay.Testing.Conformance;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>Outer packets in fragments of any kind: the kernel puts them together before the sockets of an endpoint see them, UDP and raw ones alike.</summary>
public sealed class CraftedFragmentTests
{
    private const int Port = 2000;
    private const int Step = 1_000;
    private const int IPHeader = 20;

    private static ushort _identification = 100;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [RfcItem(28, "RFC 2003 §5.1", "Fragments of an outer packet are put together before it is decapsulated.")]
    public void In_order_reversed_and_twice_they_arrive_whole(bool ipip)
    {
        using Lab lab = new(ipip);
        byte[][] sent = new byte[5][];
        for (int i = 0; i < sent.Length; i++)
        {
            sent[i] = PacketBuilder.Payload(3_500, i);
            byte[][] fragments = Cut(lab.Outer(sent[i]));
            Assert.Equal(4, fragments.Length);
            lab.Send(i switch
            {
                0 => fragments,
                1 => [fragments[3], fragments[2], fragments[1], fragments[0]],
                2 => [fragments[0], fragments[0], fragments[1], fragments[2], fragments[3]],
                3 => [fragments[1], fragments[3], fragments[1], fragments[0], fragments[2]],
                _ => [fragments[2], fragments[0], fragments[3], fragments[1]],
            });
        }

        Assert.Equal(sent, lab.Take(sent.Length));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [RfcItem(82, "RFC 5722 §4", "A packet of which fragments overlap is lost as a whole, silently.")]
    public void What_overlaps_is_lost_as_a_whole(bool ipip)
    {
        using Lab lab = new(ipip);
        for (int i = 0; i < 4; i++)
        {
            byte[][] fragments = Cut(lab.Outer(PacketBuilder.Payload(3_500, i)));
            // The second one once more, eight bytes further on or back, before or behind the others.
            byte[] overlapping = [.. fragments[1]];
            Move(overlapping, (i & 1) == 0 ? 1 : -1);
            lab.Send(i < 2 ? [overlapping, .. fragments[0..1], .. fragments[2..], fragments[1]] : [fragments[0], overlapping, .. fragments[1..]]);
        }

        lab.AssertOnlyTheNextOneArrives();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [RfcItem(85, "RFC 791 §3.2, RFC 8200 §4.5", "Fragments that cannot be part of a packet are dropped: a length that is no multiple of eight with more to come, an end beyond 65 535 bytes.")]
    public void Garbage_among_fragments_never_arrives_and_the_next_packet_does(bool ipip)
    {
        using Lab lab = new(ipip);
        // The last but one is missing.
        byte[][] fragments = Cut(lab.Outer(PacketBuilder.Payload(3_500)));
        lab.Send([fragments[0], fragments[1], fragments[3]]);

        // One in the middle is not a multiple of eight.
        fragments = Cut(lab.Outer(PacketBuilder.Payload(3_500)));
        lab.Send([fragments[0], fragments[1][..^3], fragments[2], fragments[3]]);

        // The last one ends beyond what a packet can have.
        fragments = Cut(lab.Outer(PacketBuilder.Payload(3_500)));
        byte[] far = [.. fragments[3]];
        BinaryPrimitives.WriteUInt16BigEndian(far.AsSpan(6), 0x1FFF);
        lab.Send([.. fragments[..3], far]);

        // Two that say to be the last one, at different ends.
        fragments = Cut(lab.Outer(PacketBuilder.Payload(3_500)));
        byte[] early = [.. fragments[1]];
        BinaryPrimitives.WriteUInt16BigEndian(early.AsSpan(6), (ushort)(BinaryPrimitives.ReadUInt16BigEndian(early.AsSpan(6)) & 0x1FFF));
        lab.Send([fragments[3], early, fragments[0], fragments[2]]);

        // Anything at all.
        Random random = new(85);
        for (int i = 0; i < 300; i++)
        {
            byte[] bytes = lab.Outer(PacketBuilder.Payload(random.Next(8, 1_200), i));
            random.NextBytes(bytes.AsSpan(IPHeader));
            BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(6), (ushort)(random.Next(0x2000) | (random.Next(2) << 13)));
            lab.Send([bytes]);
        }

        lab.AssertOnlyTheNextOneArrives();
    }

    // By the plain rules of RFC 791 §3.2.
    private static byte[][] Cut(byte[] packet)
    {
        List<byte[]> fragments = [];
        for (int at = IPHeader; at < packet.Length; at += Step)
        {
            byte[] fragment = [.. packet[..IPHeader], .. packet[at..Math.Min(packet.Length, at + Step)]];
            int word = ((at - IPHeader) / 8) | (at + Step < packet.Length ? 0x2000 : 0);
            BinaryPrimitives.WriteUInt16BigEndian(fragment.AsSpan(6), (ushort)word);
            fragments.Add(fragment);
        }

        return [.. fragments];
    }

    private static void Move(byte[] fragment, int units) =>
        BinaryPrimitives.WriteUInt16BigEndian(fragment.AsSpan(6), (ushort)(BinaryPrimitives.ReadUInt16BigEndian(fragment.AsSpan(6)) + units));

    private sealed class Lab : IDisposable
    {
        private readonly VtepLab _lab = new();
        private readonly bool _ipip;
        private readonly OverlayDaemon _daemon;
        private readonly UdpApplication _application;
        private readonly Socket _raw;

        public Lab(bool ipip)
        {
            _ipip = ipip;
            _daemon = OverlayDaemon.Start(_lab.Us, ipip
                ? TunnelJson.IPInIP("t", "192.0.2.1", ["10.42.0.1/32"], ("10.42.0.0/24", "192.0.2.2"))
                : TunnelJson.Tap("t"));
            _application = new UdpApplication(_lab.Us, "10.42.0.1", Port);
            _raw = _lab.Them.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Raw));
            _raw.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.HeaderIncluded, true);
        }

        /// <summary>An outer packet from the peer, of another identification each time.</summary>
        public byte[] Outer(byte[] payload)
        {
            byte[] inner = PacketBuilder.Udp(VtepLab.InnerPeer, VtepLab.InnerOurs, Port, Port, payload);
            byte[] packet = _ipip
                ? PacketBuilder.IP(VtepLab.Peer, VtepLab.Ours, IPProtocol.IPv4, inner)
                : PacketBuilder.Udp(
                    VtepLab.Peer, VtepLab.Ours, 50_000, 4789, VtepLab.Vxlan(VtepLab.Vni, PacketBuilder.Ethernet(VtepLab.OurMac, VtepLab.PeerMac, EtherType.IPv4, inner)));
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), _identification++);
            return packet;
        }

        /// <summary>Sends packets with their headers as they are; the kernel writes length and checksum.</summary>
        public void Send(byte[][] packets)
        {
            foreach (byte[] packet in packets)
            {
                Assert.Equal(packet.Length, _raw.SendTo(packet, new IPEndPoint(VtepLab.Ours.ToIPAddress(), 0)));
            }
        }

        public byte[][] Take(int count) => [.. _application.Take(count)];

        public void AssertOnlyTheNextOneArrives()
        {
            byte[] next = PacketBuilder.Payload(3_500, 4_711);
            Send(Cut(Outer(next)));
            Assert.Equal([next], Take(1));
            Books.AssertBalanced(Books.Settled(_daemon));
        }

        public void Dispose()
        {
            _raw.Dispose();
            _application.Dispose();
            _daemon.Dispose();
            _lab.Dispose();
        }
    }
}
