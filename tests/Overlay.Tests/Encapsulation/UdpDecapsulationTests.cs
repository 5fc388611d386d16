using System.Buffers;
using Overlay.Encapsulation;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Encapsulation;

/// <summary>What the specifications of the kinds over UDP forbid to pass on, each with its reason.</summary>
public sealed class UdpDecapsulationTests
{
    private static readonly ValueIPAddress Local = ValueIPAddress.Parse("192.0.2.1");
    private static readonly ValueIPAddress Remote = ValueIPAddress.Parse("192.0.2.2");
    private static readonly byte[] IP4 = PacketBuilder.Udp(ValueIPAddress.Parse("10.0.0.1"), ValueIPAddress.Parse("10.0.0.2"), 1, 2, "x"u8);
    private static readonly byte[] IP6 = PacketBuilder.Udp(ValueIPAddress.Parse("fd00::1"), ValueIPAddress.Parse("fd00::2"), 1, 2, "x"u8);
    private static readonly byte[] Frame = PacketBuilder.Ethernet(MacAddress.Parse("02:00:00:00:00:01"), MacAddress.Parse("02:00:00:00:00:02"), EtherType.IPv4, IP4);

    public static TheoryData<TunnelKind, string, string, DropReason> Table => new()
    {
        // RFC 8926 §3.4, §3.5.
        { TunnelKind.Geneve, "0000655800000100", "frame", DropReason.None },
        { TunnelKind.Geneve, "4000655800000100", "frame", DropReason.HeaderVersion },
        { TunnelKind.Geneve, "8000655800000100", "frame", DropReason.HeaderVersion },
        { TunnelKind.Geneve, "C000655800000100", "frame", DropReason.HeaderVersion },
        { TunnelKind.Geneve, "0080655800000100", "frame", DropReason.ControlPacket },
        { TunnelKind.Geneve, "010065580000010000010100", "frame", DropReason.None },
        { TunnelKind.Geneve, "014065580000010000018100", "frame", DropReason.UnknownOption },
        { TunnelKind.Geneve, "010065580000010000018100", "frame", DropReason.UnknownOption }, // critical, though the C bit denies it
        { TunnelKind.Geneve, "014065580000010000010100", "frame", DropReason.None }, // the C bit, and no critical option: parsed, so passed
        { TunnelKind.Geneve, "010065580000010000010101", "frame", DropReason.BadLength },
        { TunnelKind.Geneve, "003F6558000001FF", "frame", DropReason.None }, // reserved bits are ignored
        { TunnelKind.Geneve, "0000894700000100", "frame", DropReason.UnknownProtocol },
        { TunnelKind.Geneve, "0000000000000100", "frame", DropReason.UnknownProtocol },
        { TunnelKind.Geneve, "0000080000000100", "ip4", DropReason.None },
        { TunnelKind.Geneve, "000086DD00000100", "ip6", DropReason.None },
        { TunnelKind.Geneve, "0000080000000100", "ip6", DropReason.BadVersion },
        { TunnelKind.Geneve, "0000655800000100", "", DropReason.InnerTruncated },
        { TunnelKind.Geneve, "0000080000000100", "", DropReason.InnerTruncated },
        { TunnelKind.Geneve, "00006558000001", "", DropReason.Truncated },
        { TunnelKind.Geneve, "3F00655800000100", "", DropReason.Truncated },

        // draft-ietf-nvo3-vxlan-gpe §3.
        { TunnelKind.VxlanGpe, "0C00000300000100", "frame", DropReason.None },
        { TunnelKind.VxlanGpe, "0800000000000100", "frame", DropReason.None }, // no P bit: Ethernet, as plain VXLAN
        { TunnelKind.VxlanGpe, "0C00000100000100", "ip4", DropReason.None },
        { TunnelKind.VxlanGpe, "0C00000200000100", "ip6", DropReason.None },
        { TunnelKind.VxlanGpe, "0C00000200000100", "ip4", DropReason.BadVersion },
        { TunnelKind.VxlanGpe, "1C00000300000100", "frame", DropReason.HeaderVersion },
        { TunnelKind.VxlanGpe, "0400000300000100", "frame", DropReason.BadFlags },
        { TunnelKind.VxlanGpe, "0D00000300000100", "frame", DropReason.ControlPacket },
        { TunnelKind.VxlanGpe, "0E00000300000100", "frame", DropReason.None }, // B: replicated by the sender
        { TunnelKind.VxlanGpe, "0C00000400000100", "frame", DropReason.UnknownProtocol }, // NSH
        { TunnelKind.VxlanGpe, "0C00000500000100", "frame", DropReason.UnknownProtocol }, // MPLS
        { TunnelKind.VxlanGpe, "0C00000000000100", "frame", DropReason.UnknownProtocol },
        { TunnelKind.VxlanGpe, "0C0000FF00000100", "frame", DropReason.UnknownProtocol },
        { TunnelKind.VxlanGpe, "0C000003000001", "", DropReason.Truncated },

        // draft-ietf-intarea-gue §3, §4.
        { TunnelKind.Gue, "00040000", "ip4", DropReason.None },
        { TunnelKind.Gue, "00290000", "ip6", DropReason.None },
        { TunnelKind.Gue, "", "ip4", DropReason.None }, // variant 1: the packet itself
        { TunnelKind.Gue, "", "ip6", DropReason.None },
        { TunnelKind.Gue, "01040000DEADBEEF", "ip4", DropReason.None }, // private data
        { TunnelKind.Gue, "20010000", "ip4", DropReason.ControlPacket },
        { TunnelKind.Gue, "00048000", "ip4", DropReason.BadFlags },
        { TunnelKind.Gue, "00040001", "ip4", DropReason.BadFlags },
        { TunnelKind.Gue, "80040000", "ip4", DropReason.HeaderVersion },
        { TunnelKind.Gue, "002F0000", "ip4", DropReason.UnknownProtocol },
        { TunnelKind.Gue, "003B0000", "ip4", DropReason.UnknownProtocol },
        { TunnelKind.Gue, "00290000", "ip4", DropReason.BadVersion },
        { TunnelKind.Gue, "000400", "", DropReason.Truncated },
        { TunnelKind.Gue, "01040000", "", DropReason.Truncated },
        { TunnelKind.Gue, "00040000", "", DropReason.InnerTruncated },

        // The first four bits say which IP it is.
        { TunnelKind.Fou, "", "ip4", DropReason.None },
        { TunnelKind.Fou, "", "ip6", DropReason.None },
        { TunnelKind.Fou, "", "", DropReason.Truncated },
        { TunnelKind.IPInUdp, "", "ip4", DropReason.None },
        { TunnelKind.IPInUdp, "50", "ip4", DropReason.NotIP },
        { TunnelKind.IPInUdp, "45000000", "", DropReason.InnerTruncated },
    };

    [Theory]
    [MemberData(nameof(Table))]
    public void Each_defect_has_its_reason(TunnelKind kind, string header, string inner, DropReason expected)
    {
        byte[] payload = [.. Convert.FromHexString(header), .. inner switch { "frame" => Frame, "ip4" => IP4, "ip6" => IP6, _ => [] }];
        byte[] packet = PacketBuilder.Udp(Remote, Local, 50_000, 6000, payload);
        bool taken = Decapsulator.TryDecapsulate(packet, kind, 6000, out Decapsulated got, out DropReason reason);
        Assert.Equal((expected, expected == DropReason.None), (reason, taken));
        if (taken)
        {
            Assert.Equal(header.Length / 2, got.HeaderLength);
            Assert.Equal(payload.Length - got.HeaderLength, got.Payload.Length);
            Assert.Equal(50_000, got.SourcePort);
        }
    }

    [Fact]
    public void A_caller_who_knows_critical_options_sees_them()
    {
        byte[] packet = PacketBuilder.Udp(Remote, Local, 50_000, 6081, [.. Convert.FromHexString("024065580000010001028101AABBCCDD"), .. Frame]);
        Assert.True(Decapsulator.TryDecapsulate(packet, TunnelKind.Geneve, 6081, DecapsulationOptions.AcceptCriticalOptions, out Decapsulated got, out _));
        int count = 0;
        foreach (GeneveOption option in got.GeneveOptions)
        {
            Assert.Equal((0x0102, 0x81, true, "AABBCCDD"), (option.Class, option.Type, option.IsCritical, Convert.ToHexString(option.Data)));
            count++;
        }

        Assert.Equal(1, count);
    }

    [Fact]
    public void The_group_of_VXLAN_is_seen_and_its_flag_asked()
    {
        byte[] marked = PacketBuilder.Udp(Remote, Local, 50_000, 4789, [.. Convert.FromHexString("8848123400000100"), .. Frame]);
        byte[] plain = PacketBuilder.Udp(Remote, Local, 50_000, 4789, [.. Convert.FromHexString("0848123400000100"), .. Frame]);
        Assert.True(Decapsulator.TryDecapsulate(marked, TunnelKind.Vxlan, 4789, out Decapsulated got, out _));
        Assert.Equal(((ushort?)0x1234, 0x8848_1234_0000_0100ul), (got.GroupPolicyId, got.Header));
        Assert.True(Decapsulator.TryDecapsulate(plain, TunnelKind.Vxlan, 4789, out got, out _));
        Assert.Null(got.GroupPolicyId);
    }
}
