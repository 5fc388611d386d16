using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Overlay.Testing;
using Overlay.Testing.Conformance;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>What IPv6 asks of fragments beyond IPv4: the kernel sees to it before the sockets of an endpoint see the packets.</summary>
public sealed class CraftedIPv6FragmentTests : IDisposable
{
    private const int Port = 2000;
    private const int IPHeader = 40;
    private const int UdpHeader = 8;
    private const byte Udp = 17;
    private const byte FragmentHeader = 44;
    private const byte DestinationOptions = 60;

    private readonly VtepLab _lab = new();
    private readonly OverlayDaemon _daemon;
    private readonly UdpApplication _application;
    private readonly Socket _raw;

    public CraftedIPv6FragmentTests()
    {
        _daemon = OverlayDaemon.Start(_lab.Us, TunnelJson.Tap("t", local: "2001:db8::1", flood: ["2001:db8::2"]));
        _application = new UdpApplication(_lab.Us, "10.42.0.1", Port);
        // Over IPv6 such a socket takes packets with their headers.
        _raw = _lab.Them.Run(() => new Socket(AddressFamily.InterNetworkV6, SocketType.Raw, ProtocolType.Raw));
    }

    public void Dispose()
    {
        _raw.Dispose();
        _application.Dispose();
        _daemon.Dispose();
        _lab.Dispose();
    }

    [Fact]
    [RfcItem(83, "RFC 6946 §4", "A fragment that is the whole packet MUST be processed alone, whatever other fragments have its identification.")]
    public void A_fragment_that_is_whole_arrives_between_the_fragments_of_another_packet()
    {
        byte[] cut = PacketBuilder.Payload(1_200, 1);
        byte[] whole = PacketBuilder.Payload(600, 2);
        byte[] first = Outer(cut)[IPHeader..];
        Send(Fragment(first[..800], 0, isLast: false, Udp, 7));
        Send(Fragment(Outer(whole)[IPHeader..], 0, isLast: true, Udp, 7));
        Assert.Equal([whole], _application.Take(1));
        Send(Fragment(first[800..], 800, isLast: true, Udp, 7));
        Assert.Equal([cut], _application.Take(1));
        Books.AssertBalanced(Books.Settled(_daemon));
    }

    [Fact]
    [RfcItem(84, "RFC 7112 §5", "A packet whose first fragment does not have all headers up to the transport's MUST be discarded.")]
    public void Where_headers_go_on_in_the_second_fragment_nothing_arrives()
    {
        // The options, padding only, and behind them the datagram: cut between the two the first time, behind the UDP header the second time.
        byte[] options = [Udp, 0, 1, 4, 0, 0, 0, 0];
        byte[] lost = [.. options, .. Outer(PacketBuilder.Payload(600, 1))[IPHeader..]];
        Send(Fragment(lost[..options.Length], 0, isLast: false, DestinationOptions, 8));
        Send(Fragment(lost[options.Length..], options.Length, isLast: true, DestinationOptions, 8));

        byte[] payload = PacketBuilder.Payload(600, 2);
        byte[] passes = [.. options, .. Outer(payload)[IPHeader..]];
        int end = options.Length + UdpHeader;
        Send(Fragment(passes[..end], 0, isLast: false, DestinationOptions, 9));
        Send(Fragment(passes[end..], end, isLast: true, DestinationOptions, 9));
        Assert.Equal([payload], _application.Take(1));
        Books.AssertBalanced(Books.Settled(_daemon));
    }

    private static byte[] Outer(byte[] payload) => PacketBuilder.Udp(
        VtepLab.Peer6, VtepLab.Ours6, 50_000, 4789,
        VtepLab.Vxlan(VtepLab.Vni, PacketBuilder.Ethernet(
            VtepLab.OurMac, VtepLab.PeerMac, EtherType.IPv4, PacketBuilder.Udp(VtepLab.InnerPeer, VtepLab.InnerOurs, Port, Port, payload))));

    // RFC 8200 §4.5: next header, reserved, offset in units of eight and the M flag, identification.
    private static byte[] Fragment(byte[] part, int offset, bool isLast, byte next, uint identification)
    {
        byte[] header = new byte[8];
        header[0] = next;
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), (ushort)(offset | (isLast ? 0 : 1)));
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(4), identification);
        byte[] packet = PacketBuilder.IP(VtepLab.Peer6, VtepLab.Ours6, IPProtocol.Udp, [.. header, .. part]);
        packet[6] = FragmentHeader;
        return packet;
    }

    private void Send(byte[] packet) => Assert.Equal(packet.Length, _raw.SendTo(packet, new IPEndPoint(VtepLab.Ours6.ToIPAddress(), 0)));
}
