using Overlay.DataPath;
using Overlay.Linux.Interop;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests;

/// <summary>IP-in-IP superpackets that the kernel cuts, with tshark as judge of what it made of them.</summary>
public sealed class IPInIPGsoTests
{
    private const int SegmentSize = 1400;
    private static readonly ValueIPAddress Inner4 = ValueIPAddress.Parse("10.1.0.1");
    private static readonly ValueIPAddress Inner4Peer = ValueIPAddress.Parse("10.1.0.2");
    private static readonly ValueIPAddress Inner6 = ValueIPAddress.Parse("fd00::1");
    private static readonly ValueIPAddress Inner6Peer = ValueIPAddress.Parse("fd00::2");

    /// <summary>Outer IPv6, inner IPv6, TCP.</summary>
    public static TheoryData<bool, bool, bool> Kinds => new()
    {
        { false, false, true }, { false, true, true }, { true, false, true }, { true, true, true },
        { false, false, false }, { false, true, false }, { true, false, false }, { true, true, false },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_superpacket_crosses_whole_and_a_device_without_offloads_cuts_it_right(bool outer6, bool inner6, bool tcp)
    {
        TunAccess.Require();
        using VtepLab lab = new();
        ValueIPAddress theirs = outer6 ? VtepLab.Peer6 : VtepLab.Peer;
        using IPInIPGsoSocket socket = Open(lab, outer6);
        using RawTunnelSocket peer = lab.Them.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = theirs, InnerMtu = 1460 }));
        byte[] packet = Add(lab, theirs, inner6, tcp, 30_000);
        int headers = packet.Length - 30_000;
        lab.SendAll(socket);
        lab.Receive(peer, 1);
        PacketMeta whole = lab.Batch.Meta(0);
        Assert.Equal(packet, lab.Batch.Data(0).ToArray());
        Assert.Equal((outer6 ? VtepLab.Ours6 : VtepLab.Ours, 0xB8, 33, !outer6), (whole.Remote, whole.TrafficClass, whole.Ttl, whole.DontFragment));
        Assert.Equal(ChecksumState.Partial, whole.Checksum);
        Assert.Equal((1, 0, true), (socket.Superpackets, socket.Fallbacks, socket.Active));

        lab.Batch.Clear();
        lab.Us.EthtoolOff(VtepLab.OurDevice, "tso", "gso", "tx");
        const int Segments = 22;
        using WireCapture capture = new(lab.Them, VtepLab.PeerDevice, 2 * Segments, $"{(outer6 ? "ip6" : "ip")} proto {(inner6 ? 41 : 4)}");
        Add(lab, theirs, inner6, tcp, 30_000);
        Add(lab, theirs, inner6, tcp, 30_000);
        lab.SendAll(socket);
        lab.Receive(peer, 2 * Segments);
        byte[] payload = PacketBuilder.Payload(30_000);
        Assert.Equal(payload, Enumerable.Range(0, Segments).SelectMany(i => lab.Batch.Data(i)[headers..].ToArray()));
        Assert.All(Enumerable.Range(0, 2 * Segments), i => Assert.True(PacketBuilder.IsTransportChecksumValid(lab.Batch.Data(i))));

        string transport = tcp ? "tcp" : "udp";
        string[][] rows = capture.Fields(
            "ip.len", "ip.id", "ip.checksum.status", "ip.ttl", "ip.dsfield", "ip.flags.df", "ipv6.plen", "ipv6.hlim", "ipv6.tclass", "ipv6.flow",
            $"{transport}.checksum.status", "tcp.seq_raw", "udp.length", "frame.len");
        Assert.Equal(2 * Segments, rows.Length);
        int innerLayer = outer6 == inner6 ? 1 : 0;
        for (int i = 0; i < rows.Length; i++)
        {
            int segment = i % Segments;
            int data = Math.Min(SegmentSize, 30_000 - (segment * SegmentSize));
            int innerLength = headers + data;
            string[][] row = [.. rows[i].Select(field => field.Split(','))];
            // Outer first, inner behind it if they are of one family.
            Assert.Equal($"{14 + (outer6 ? 40 : 20) + innerLength}", row[13][0]);
            if (outer6)
            {
                Assert.Equal(($"{innerLength}", "33", "0x000000b8", "0x0abcde"), (row[6][0], row[7][0], row[8][0], row[9][0]));
            }
            else
            {
                Assert.Equal(($"{20 + innerLength}", "1", "33", "0xb8", "1"), (row[0][0], row[2][0], row[3][0], row[4][0], Flag(row[5][0])));
                Assert.Equal(i, Identification(row[1][0]) - Identification(rows[0][1].Split(',')[0]));
            }

            if (inner6)
            {
                Assert.Equal($"{innerLength - 40}", row[6][innerLayer]);
            }
            else
            {
                Assert.Equal(($"{innerLength}", "1"), (row[0][innerLayer], row[2][innerLayer]));
                Assert.Equal(segment, Identification(row[1][innerLayer]) - Identification(rows[0][1].Split(',')[innerLayer]));
            }

            Assert.Equal("1", row[10][0]);
            Assert.Equal(tcp ? $"{9 + (segment * SegmentSize)}" : $"{8 + data}", row[tcp ? 11 : 12][0]);
        }

        Assert.Equal((3, 0), (socket.Superpackets, socket.Fallbacks));
        lab.AssertNoFragments();
    }

    private static string Flag(string value) => value is "True" or "1" ? "1" : "0";

    private static int Identification(string value) => Convert.ToInt32(value, 16);

    private static IPInIPGsoSocket Open(VtepLab lab, bool outer6, FrameWriter? writer = null) => lab.Us.Run(() => IPInIPGsoSocket.Open(
        RawTunnelSocket.Bind(new RawTunnelOptions { Local = outer6 ? VtepLab.Ours6 : VtepLab.Ours }), UnderlayTap.DefaultName, writer ?? new FrameWriter()));

    // Adds a superpacket and returns its bytes.
    private static byte[] Add(VtepLab lab, ValueIPAddress remote, bool inner6, bool tcp, int length, int segmentSize = SegmentSize)
    {
        (ValueIPAddress from, ValueIPAddress to) = inner6 ? (Inner6, Inner6Peer) : (Inner4, Inner4Peer);
        byte[] payload = PacketBuilder.Payload(length);
        byte[] packet = tcp
            ? PacketBuilder.Tcp(from, to, 1, 2, 9, 0x18, payload, partialChecksum: true)
            : PacketBuilder.Udp(from, to, 1, 2, payload, partialChecksum: true);
        ref PacketMeta meta = ref lab.Batch.Meta(lab.Add(packet, remote));
        meta.Segmentation = !tcp ? SegmentationKind.Udp : inner6 ? SegmentationKind.TcpIPv6 : SegmentationKind.TcpIPv4;
        meta.Checksum = ChecksumState.Partial;
        meta.SegmentSize = (ushort)segmentSize;
        meta.HeaderLength = (ushort)(packet.Length - length);
        meta.ChecksumStart = (ushort)(inner6 ? 40 : 20);
        meta.ChecksumOffset = (ushort)(tcp ? 16 : 6);
        (meta.TrafficClass, meta.Ttl, meta.DontFragment, meta.FlowLabel) = (0xB8, 33, true, 0xABCDE);
        return packet;
    }
}
