using Overlay.Encapsulation;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Encapsulation;

/// <summary>The bytes between UDP and the inner packet, from the diagrams of the specifications.</summary>
public sealed class TunnelHeaderTests
{
    private static readonly Vni Vni = new(0x123456);
    private static readonly byte[] IPv4 = [0x45];
    private static readonly byte[] IPv6 = [0x60];
    private static readonly byte[] Frame = [0x62, 0x00]; // Its first four bits are those of IPv6, which is no reason to take it for that.

    public static TheoryData<TunnelKind, bool, string, string> Golden => new()
    {
        { TunnelKind.Vxlan, true, "Frame", "0800000012345600" },
        { TunnelKind.Vxlan, false, "Frame", "0800000012345600" },
        { TunnelKind.VxlanGpe, true, "Frame", "0C00000312345600" },
        { TunnelKind.VxlanGpe, false, "IPv4", "0C00000112345600" },
        { TunnelKind.VxlanGpe, false, "IPv6", "0C00000212345600" },
        { TunnelKind.Geneve, true, "Frame", "0000655812345600" },
        { TunnelKind.Geneve, false, "IPv4", "0000080012345600" },
        { TunnelKind.Geneve, false, "IPv6", "000086DD12345600" },
        { TunnelKind.Gue, false, "IPv4", "00040000" },
        { TunnelKind.Gue, false, "IPv6", "00290000" },
        { TunnelKind.Fou, false, "IPv4", "" },
        { TunnelKind.IPInUdp, false, "IPv6", "" },
    };

    [Theory]
    [MemberData(nameof(Golden))]
    public void Golden_bytes(TunnelKind kind, bool ethernet, string inner, string expected)
    {
        byte[] packet = inner == "IPv4" ? IPv4 : inner == "IPv6" ? IPv6 : Frame;
        TunnelHeader header = TunnelHeader.Create(kind, ethernet);
        Assert.Equal((kind, ethernet, expected.Length / 2), (header.Kind, header.CarriesEthernet, header.Length));
        Assert.Equal(header.Length, TunnelFacts.Of(kind).HeaderLength);
        AssertWritten(header, packet, expected);
    }

    [Theory]
    [InlineData(0, "8800000012345600")]
    [InlineData(0x1234, "8800123412345600")]
    [InlineData(0xFFFF, "8800FFFF12345600")]
    public void A_group_stands_behind_its_flag(int group, string expected)
    {
        TunnelHeader header = TunnelHeader.Create(TunnelKind.Vxlan, true, (ushort)group);
        Assert.Equal((ushort)group, header.GroupPolicyId);
        AssertWritten(header, Frame, expected);
    }

    [Theory]
    [InlineData(0x01, "02006558123456000102010100000007")]
    [InlineData(0x81, "02406558123456000102810100000007")]
    public void Options_follow_and_a_critical_one_sets_the_C_bit(byte type, string expected)
    {
        TunnelHeader header = TunnelHeader.Create(TunnelKind.Geneve, true, options: Option(0x0102, type, [0, 0, 0, 7]));
        Assert.Equal(16, header.Length);
        AssertWritten(header, Frame, expected);
    }

    [Fact]
    public void The_most_options_fit()
    {
        byte[] options = [.. Option(1, 1, new byte[124]), .. Option(1, 2, new byte[120])];
        Assert.Equal(252, options.Length);
        TunnelHeader header = TunnelHeader.Create(TunnelKind.Geneve, false, options: options);
        Assert.Equal(TunnelHeader.MaximumLength, header.Length);
        byte[] written = new byte[header.Length];
        header.Write(written, Vni, IPv6);
        Assert.True(GenevePacket.TryParse(written, out GenevePacket packet));
        Assert.Equal((EtherType.IPv6, Vni), (packet.ProtocolType, packet.Vni));
        Assert.True(packet.OptionBytes.SequenceEqual(options));
    }

    [Fact]
    public void What_a_kind_does_not_have_is_refused()
    {
        Assert.Throws<ArgumentException>(() => TunnelHeader.Create(TunnelKind.IPInIP, false));
        Assert.Throws<ArgumentException>(() => TunnelHeader.Create(TunnelKind.Gre, false));
        Assert.Throws<ArgumentException>(() => TunnelHeader.Create(TunnelKind.Gue, true));
        Assert.Throws<ArgumentException>(() => TunnelHeader.Create(TunnelKind.VxlanGpe, true, groupPolicyId: 1));
        Assert.Throws<ArgumentException>(() => TunnelHeader.Create(TunnelKind.Vxlan, true, options: Option(1, 1, [])));
        Assert.Throws<ArgumentException>(() => TunnelHeader.Create(TunnelKind.Geneve, true, options: [1, 2, 3, 1]));
        Assert.Throws<ArgumentException>(() => TunnelHeader.Create(TunnelKind.Geneve, true, options: new byte[256]));
        Assert.Throws<ArgumentOutOfRangeException>(() => TunnelHeader.Create((TunnelKind)99, true));
    }

    [Fact]
    public void Too_little_room_is_refused_and_nothing_is_allocated()
    {
        foreach ((TunnelKind kind, bool ethernet) in new[] { (TunnelKind.Vxlan, true), (TunnelKind.Geneve, false), (TunnelKind.Gue, false) })
        {
            TunnelHeader header = TunnelHeader.Create(kind, ethernet);
            Assert.Throws<ArgumentOutOfRangeException>(() => header.Write(new byte[header.Length - 1], Vni, Frame));
            byte[] memory = new byte[64];
            Allocations.Zero(() => header.Write(memory, Vni, IPv4));
        }
    }

    internal static byte[] Option(ushort optionClass, byte type, ReadOnlySpan<byte> data)
    {
        GeneveOptionsBuilder builder = new(new byte[252]);
        Assert.True(builder.TryAdd(optionClass, type, data));
        return builder.Written.ToArray();
    }

    private static void AssertWritten(TunnelHeader header, byte[] inner, string expected)
    {
        byte[] plain = new byte[header.Length + 4];
        byte[] any = new byte[header.Length + 4];
        Array.Fill(plain, (byte)0xA5);
        Array.Fill(any, (byte)0xA5);
        header.Write(plain, Vni, inner);
        header.WriteAny(any, Vni, inner);
        Assert.Equal(expected + "A5A5A5A5", Convert.ToHexString(plain));
        Assert.Equal(expected + "A5A5A5A5", Convert.ToHexString(any));
    }
}
