using System.Buffers.Binary;
using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing;
using Overlay.Testing.Conformance;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.DataPath;

/// <summary>Which ICMP errors from the underlay are believed (reliability.md S15; §6: 24, 25, 71 to 75).</summary>
public sealed class UnderlayIcmpTests
{
    private const ushort Port = 4789;
    private const ushort From = 50_000;

    private static readonly ValueIPAddress Local6 = ValueIPAddress.Parse("2001:db8::1");
    private static readonly ValueIPAddress Remote6 = ValueIPAddress.Parse("2001:db8::2");
    private static readonly ValueIPAddress Router6 = ValueIPAddress.Parse("2001:db8:ffff::1");
    private static readonly ValueIPAddress Stranger = ValueIPAddress.Parse("192.0.2.77");
    private static readonly ValueIPAddress Stranger6 = ValueIPAddress.Parse("2001:db8::77");

    [Theory]
    [InlineData(1_400, UnderlayIcmpVerdict.Lowered, 1_400)]
    [InlineData(1_499, UnderlayIcmpVerdict.Lowered, 1_499)]
    // Larger than the packet that did not fit, or as large: it would have fitted.
    [InlineData(1_500, UnderlayIcmpVerdict.BadMtu, 1_500)]
    [InlineData(65_535, UnderlayIcmpVerdict.BadMtu, 1_500)]
    // 67 bytes no IPv4 link may have (RFC 1191 §3), below 576 none has.
    [InlineData(67, UnderlayIcmpVerdict.BadMtu, 1_500)]
    [InlineData(68, UnderlayIcmpVerdict.Lowered, 576)]
    [InlineData(575, UnderlayIcmpVerdict.Lowered, 576)]
    // RFC 1191 §5 (item 73): a router that does not say.
    [InlineData(0, UnderlayIcmpVerdict.Lowered, 1_492)]
    public void S15_what_is_said_over_IPv4(int mtu, UnderlayIcmpVerdict verdict, int holds)
    {
        (UnderlayIcmp judge, PathMtus paths) = Judge(TunnelKind.Vxlan, false);
        Assert.Equal(verdict, judge.TakeIPv4(TooBig(Vxlan(1_500), (ushort)mtu), 7, out ValueIPAddress remote));
        Assert.Equal(TunnelRig.Remote, remote);
        Assert.Equal(holds, paths.Get(TunnelRig.Remote));
        Assert.Equal(1, judge.Count(verdict));
    }

    [Theory]
    [InlineData(1_400u, UnderlayIcmpVerdict.Lowered, 1_400)]
    [InlineData(1_280u, UnderlayIcmpVerdict.Lowered, 1_280)]
    [InlineData(1_279u, UnderlayIcmpVerdict.BadMtu, 1_500)]
    [InlineData(68u, UnderlayIcmpVerdict.BadMtu, 1_500)]
    [InlineData(0u, UnderlayIcmpVerdict.BadMtu, 1_500)]
    [InlineData(1_500u, UnderlayIcmpVerdict.BadMtu, 1_500)]
    [InlineData(100_000u, UnderlayIcmpVerdict.BadMtu, 1_500)]
    [InlineData(uint.MaxValue, UnderlayIcmpVerdict.BadMtu, 1_500)]
    [RfcItem(72, "RFC 8201 §4", "A message over IPv6 with less than 1280 bytes MUST be discarded; over IPv4 the path MTU never is below 68.", Deviation = "Over IPv4 it never is below 576 unless configured.")]
    public void S15_what_is_said_over_IPv6(uint mtu, UnderlayIcmpVerdict verdict, int holds)
    {
        (UnderlayIcmp judge, PathMtus paths) = Judge(TunnelKind.Vxlan, true);
        Assert.Equal(verdict, judge.TakeIPv6(TooBig6(Vxlan6(1_500), mtu), Router6, Local6, 7, out ValueIPAddress remote));
        Assert.Equal(Remote6, remote);
        Assert.Equal(holds, paths.Get(Remote6));
    }

    public static TheoryData<string, byte[], UnderlayIcmpVerdict> Forgeries()
    {
        byte[] badChecksum = TooBig(Vxlan(1_500), 1_400);
        badChecksum[2] ^= 1;
        byte[] noDf = Vxlan(1_500, dontFragment: false);
        byte[] later = Vxlan(1_500);
        later[7] = 1;
        return new TheoryData<string, byte[], UnderlayIcmpVerdict>
        {
            { "another remote", TooBig(Vxlan(1_500, destination: Stranger), 1_400), UnderlayIcmpVerdict.Foreign },
            { "another source", TooBig(Vxlan(1_500, source: Stranger), 1_400), UnderlayIcmpVerdict.Foreign },
            { "another port", TooBig(Vxlan(1_500, to: 4_790), 1_400), UnderlayIcmpVerdict.Foreign },
            { "a source port that is not used", TooBig(Vxlan(1_500, from: 1_234), 1_400), UnderlayIcmpVerdict.Forged },
            { "another network", TooBig(Vxlan(1_500, vni: 43), 1_400), UnderlayIcmpVerdict.Foreign },
            { "another protocol", TooBig(PacketBuilder.IP(TunnelRig.Local, TunnelRig.Remote, IPProtocol.IPv4, new byte[1_480], dontFragment: true), 1_400), UnderlayIcmpVerdict.Foreign },
            { "no DF", TooBig(noDf, 1_400), UnderlayIcmpVerdict.Forged },
            { "a later fragment", TooBig(later, 1_400), UnderlayIcmpVerdict.Foreign },
            { "a wrong UDP length", TooBig(WithUdpLength(Vxlan(1_500), 900), 1_400), UnderlayIcmpVerdict.Forged },
            { "a wrong checksum", badChecksum, UnderlayIcmpVerdict.Malformed },
            { "no quote", Message(3, 4, 1_400, []), UnderlayIcmpVerdict.Malformed },
            { "seven bytes of UDP", TooBig(Vxlan(1_500), 1_400, 27), UnderlayIcmpVerdict.Malformed },
            { "nothing", [], UnderlayIcmpVerdict.Malformed },
        };
    }

    [Theory]
    [MemberData(nameof(Forgeries))]
    [RfcItem(75, "RFC 8201 §4, RFC 8899 §4.6.1", "A message is taken only if it quotes a packet of this tunnel.")]
    public void S15_what_quotes_no_packet_of_ours_changes_nothing_and_is_counted(string why, byte[] message, UnderlayIcmpVerdict verdict)
    {
        (UnderlayIcmp judge, PathMtus paths) = Judge(TunnelKind.Vxlan, false);
        Assert.True(judge.TakeIPv4(message, 0, out ValueIPAddress remote) == verdict, why);
        Assert.Equal((default, 1_500, 1L), (remote, paths.Smallest, judge.Count(verdict)));
    }

    [Theory]
    [InlineData(28)]
    [InlineData(35)]
    [InlineData(36)]
    [InlineData(548)]
    public void Eight_bytes_of_UDP_are_enough_and_the_network_counts_where_it_is_quoted(int quoted)
    {
        (UnderlayIcmp judge, PathMtus paths) = Judge(TunnelKind.Vxlan, false);
        Assert.Equal(UnderlayIcmpVerdict.Lowered, judge.TakeIPv4(TooBig(Vxlan(1_500), 1_400, quoted), 0, out _));
        Assert.Equal(1_400, paths.Smallest);
        // Said again it says nothing new, and a larger one does not raise what holds.
        Assert.Equal(UnderlayIcmpVerdict.Known, judge.TakeIPv4(TooBig(Vxlan(1_500), 1_400, quoted), 0, out _));
        Assert.Equal(UnderlayIcmpVerdict.BadMtu, judge.TakeIPv4(TooBig(Vxlan(1_500), 1_450, quoted), 0, out _));
        Assert.Equal(1_400, paths.Smallest);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Rfc2003_of_IP_in_IP_the_protocol_has_to_be_right(bool over6)
    {
        (UnderlayIcmp judge, PathMtus paths) = Judge(TunnelKind.IPInIP, over6);
        foreach (IPProtocol protocol in new[] { IPProtocol.Udp, IPProtocol.Gre, IPProtocol.Tcp })
        {
            Assert.Equal(UnderlayIcmpVerdict.Foreign, Take(judge, over6, protocol, 1_400));
        }

        Assert.Equal(UnderlayIcmpVerdict.Lowered, Take(judge, over6, IPProtocol.IPv4, 1_400));
        Assert.Equal(UnderlayIcmpVerdict.Lowered, Take(judge, over6, IPProtocol.IPv6, 1_390));
        Assert.Equal(1_390, paths.Smallest);
    }

    [Fact]
    public void The_encapsulation_limit_stands_between_and_does_no_harm()
    {
        (UnderlayIcmp judge, PathMtus paths) = Judge(TunnelKind.IPInIP, true);
        byte[] quoted = PacketBuilder.IP(Local6, Remote6, IPProtocol.DestinationOptions, [4, 0, 4, 1, 4, 1, 0, 0, .. new byte[1_400]]);
        Assert.Equal(UnderlayIcmpVerdict.Lowered, judge.TakeIPv6(TooBig6(quoted, 1_300), Router6, Local6, 0, out _));
        Assert.Equal(1_300, paths.Smallest);
    }

    // RFC 2003 §4.1, §4.3, §4.4 (items 24 and 25): what there is to know is kept; redirects and source routes are the tunnel's own.
    [Theory]
    [InlineData(3, 0, UnderlayIcmpVerdict.Unreachable)]
    [InlineData(3, 1, UnderlayIcmpVerdict.Unreachable)]
    [InlineData(3, 3, UnderlayIcmpVerdict.Unreachable)]
    [InlineData(3, 5, UnderlayIcmpVerdict.Ignored)]
    [InlineData(11, 0, UnderlayIcmpVerdict.Unreachable)]
    [InlineData(5, 1, UnderlayIcmpVerdict.Ignored)]
    [InlineData(4, 0, UnderlayIcmpVerdict.Ignored)]
    [InlineData(12, 0, UnderlayIcmpVerdict.Ignored)]
    [RfcItem(25, "RFC 2003 §4.1, §4.3", "Source Route Failed and Redirect MUST NOT be relayed.")]
    public void Rfc2003_other_errors_lower_nothing(byte type, byte code, UnderlayIcmpVerdict verdict)
    {
        (UnderlayIcmp judge, PathMtus paths) = Judge(TunnelKind.IPInIP, false);
        byte[] quoted = PacketBuilder.IP(TunnelRig.Local, TunnelRig.Remote, IPProtocol.IPv4, new byte[1_000], dontFragment: true);
        Assert.Equal(verdict, judge.TakeIPv4(Message(type, code, 600, quoted[..28]), 0, out ValueIPAddress remote));
        Assert.Equal((TunnelRig.Remote, 1_500), (remote, paths.Smallest));
    }

    [Fact]
    public void A_message_over_IPv6_with_a_wrong_checksum_is_nothing()
    {
        (UnderlayIcmp judge, _) = Judge(TunnelKind.Vxlan, true);
        Assert.Equal(UnderlayIcmpVerdict.Malformed, judge.TakeIPv6(TooBig6(Vxlan6(1_500), 1_400), Router6, Stranger6, 0, out _));
    }

    [Fact]
    public void Any_bytes_do_no_harm()
    {
        (UnderlayIcmp judge, PathMtus paths) = Judge(TunnelKind.Vxlan, false);
        (UnderlayIcmp judge6, PathMtus paths6) = Judge(TunnelKind.IPInIP, true);
        Random random = new(15);
        byte[][] starts = [TooBig(Vxlan(1_500), 1_400), TooBig6(PacketBuilder.IP(Local6, Remote6, IPProtocol.IPv4, new byte[1_460]), 1_400)];
        for (int i = 0; i < 40_000; i++)
        {
            byte[] bytes = starts[i & 1][..random.Next(starts[i & 1].Length + 1)];
            for (int changes = random.Next(4); changes > 0 && bytes.Length > 0; changes--)
            {
                bytes[random.Next(Math.Min(bytes.Length, 80))] = (byte)random.Next(256);
            }

            _ = judge.TakeIPv4(bytes, i, out _);
            _ = judge6.TakeIPv6(bytes, Router6, Local6, i, out _);
        }

        Assert.Equal(40_000, Enum.GetValues<UnderlayIcmpVerdict>().Sum(judge.Count));
        Assert.InRange(paths.Smallest, 576, 1_500);
        Assert.InRange(paths6.Smallest, 1_280, 1_500);
    }

    private static UnderlayIcmpVerdict Take(UnderlayIcmp judge, bool over6, IPProtocol protocol, ushort mtu) => over6
        ? judge.TakeIPv6(TooBig6(PacketBuilder.IP(Local6, Remote6, protocol, new byte[1_460]), mtu), Router6, Local6, 0, out _)
        : judge.TakeIPv4(TooBig(PacketBuilder.IP(TunnelRig.Local, TunnelRig.Remote, protocol, new byte[1_480], dontFragment: true), mtu), 0, out _);

    private static byte[] Vxlan(
        int length, ValueIPAddress? source = null, ValueIPAddress? destination = null, ushort from = From, ushort to = Port, uint vni = 42, bool dontFragment = true) =>
        PacketBuilder.Udp(source ?? TunnelRig.Local, destination ?? TunnelRig.Remote, from, to, TunnelRig.Vxlan(new byte[length - 36], vni), dontFragment: dontFragment);

    private static byte[] Vxlan6(int length) => PacketBuilder.Udp(Local6, Remote6, From, Port, TunnelRig.Vxlan(new byte[length - 56]));

    private static byte[] WithUdpLength(byte[] packet, ushort length)
    {
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(24), length);
        return packet;
    }

    private static byte[] TooBig(byte[] packet, ushort mtu, int quoted = 548) => Message(3, 4, mtu, packet[..Math.Min(packet.Length, quoted)]);

    private static byte[] Message(byte type, byte code, ushort mtu, byte[] quoted)
    {
        byte[] message = [type, code, 0, 0, 0, 0, (byte)(mtu >> 8), (byte)mtu, .. quoted];
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), PacketBuilder.Checksum(message, 0));
        return message;
    }

    private static byte[] TooBig6(byte[] packet, uint mtu)
    {
        byte[] message = [2, 0, 0, 0, 0, 0, 0, 0, .. packet[..Math.Min(packet.Length, 1_232)]];
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(4), mtu);
        byte[] header = PacketBuilder.IP(Router6, Local6, IPProtocol.IcmpV6, message);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), PacketBuilder.Checksum(message, PacketBuilder.PseudoHeader(header, IPProtocol.IcmpV6, message.Length)));
        return message;
    }

    private static (UnderlayIcmp Judge, PathMtus Paths) Judge(TunnelKind kind, bool over6)
    {
        PathMtus paths = new(1_500);
        paths.Add(over6 ? Remote6 : TunnelRig.Remote);
        TunnelOptions options = new()
        {
            Name = "rig",
            Kind = kind,
            Layer = kind == TunnelKind.Vxlan ? DeviceLayer.Ethernet : DeviceLayer.IP,
            Vni = kind == TunnelKind.Vxlan ? TunnelRig.Vni : default,
            Local = over6 ? Local6 : TunnelRig.Local,
        };
        return (new UnderlayIcmp(new Tunnel(options, new OverlayTables(), paths), kind == TunnelKind.Vxlan ? Port : (ushort)0), paths);
    }
}
