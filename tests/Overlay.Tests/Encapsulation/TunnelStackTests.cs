using System.Net.Sockets;
using Overlay.Encapsulation;
using Xunit;

namespace Overlay.Tests.Encapsulation;

public sealed class TunnelStackTests
{
    private const AddressFamily V4 = AddressFamily.InterNetwork;
    private const AddressFamily V6 = AddressFamily.InterNetworkV6;

    public static TheoryData<int> Layers => [.. Enumerable.Range(0, AllLayers.Length)];

    private static TunnelLayer[] AllLayers { get; } =
    [
        .. TunnelFacts.All.SelectMany(facts => new[] { TunnelLayer.Tunnel(facts.Kind, V4), TunnelLayer.Tunnel(facts.Kind, V6) }),
        TunnelLayer.Tunnel(TunnelKind.Geneve, V6, innerVlanTags: 2, optionLength: 252),
        TunnelLayer.WireGuard(V4, isPadded: false), TunnelLayer.WireGuard(V6, isPadded: false), TunnelLayer.WireGuard(V4, isPadded: true), TunnelLayer.WireGuard(V6, isPadded: true),
        TunnelLayer.Esp(EspTransform.AesGcm16, V4), TunnelLayer.Esp(EspTransform.AesGcm16, V6, inUdp: true), TunnelLayer.Esp(EspTransform.AesCbcSha256, V4), TunnelLayer.Esp(EspTransform.AesCbcSha256, V6),
        TunnelLayer.EspTransport(EspTransform.AesGcm16, V4), TunnelLayer.EspTransport(EspTransform.AesCbcSha256, V4), TunnelLayer.EspTransport(EspTransform.AesCbcSha256, V6, inUdp: true),
        TunnelLayer.VlanTag, TunnelLayer.MplsLabel, TunnelLayer.Pppoe, TunnelLayer.Bytes("azure", 100), TunnelLayer.Bytes("nothing", 0),
    ];

    /// <summary>The longest packet is found by trying all: the slow twin.</summary>
    [Theory]
    [MemberData(nameof(Layers))]
    public void The_largest_packet_that_fits_is_the_largest_that_fits(int index)
    {
        TunnelLayer layer = AllLayers[index];
        for (int link = 500; link <= 1600; link++)
        {
            int largest = Enumerable.Range(TunnelMtu.Minimum, link - TunnelMtu.Minimum + 1).Last(inner => layer.OuterLength(inner) <= link);
            Assert.Equal(largest, layer.InnerLength(link));
            Assert.Equal(largest, new TunnelStack(layer).InnerMtu(link));
            Assert.Equal(link - largest, new TunnelStack(layer).Overhead(link));
            Assert.True(new TunnelStack(layer).LinkMtu(largest) <= link);
            Assert.InRange(layer.OuterLength(largest) - largest, layer.MinOverhead, layer.MaxOverhead);
        }

        Assert.Equal(layer.MinOverhead, layer.Parts.Sum(part => part.Length));
        int[] added = [.. Enumerable.Range(68, 64).Select(inner => layer.OuterLength(inner) - inner)];
        Assert.Equal((layer.MinOverhead, layer.MaxOverhead), (added.Min(), added.Max()));
    }

    [Fact]
    public void A_tunnel_takes_what_TunnelMtu_says()
    {
        foreach (TunnelFacts facts in TunnelFacts.All)
        {
            foreach (AddressFamily outer in new[] { V4, V6 })
            {
                int options = TunnelMtu.MaxOptions(facts.Kind, outer);
                TunnelLayer layer = TunnelLayer.Tunnel(facts.Kind, outer, optionLength: options);
                int overhead = TunnelMtu.Overhead(facts.Kind, outer, optionLength: options);
                Assert.Equal((overhead, overhead, outer), (layer.MinOverhead, layer.MaxOverhead, layer.Underlay));
                Assert.Equal(TunnelMtu.InnerMtu(1500, facts.Kind, outer, optionLength: options), new TunnelStack(layer).InnerMtu(1500));
                Assert.Equal(TunnelMtu.LinkMtu(1400, facts.Kind, outer, optionLength: options), new TunnelStack(layer).LinkMtu(1400));
                Assert.Equal(TunnelMtu.InnerMtu(65_536, facts.Kind, outer, optionLength: options), new TunnelStack(layer).InnerMtu(65_536));
            }
        }
    }

    /// <summary>RFC 4303 §2, RFC 4106, RFC 3602: the fields by hand, for one packet of each remainder.</summary>
    [Fact]
    public void ESP_pads_the_packet_and_its_trailer_and_in_transport_mode_not_the_header()
    {
        for (int length = 100; length < 200; length++)
        {
            int Padded(int bytes, int block) => (bytes + block - 1) / block * block;
            Assert.Equal(20 + 8 + 8 + Padded(length + 2, 4) + 16, TunnelLayer.Esp(EspTransform.AesGcm16, V4).OuterLength(length));
            Assert.Equal(40 + 8 + 8 + 16 + Padded(length + 2, 16) + 16, TunnelLayer.Esp(EspTransform.AesCbcSha256, V6, inUdp: true).OuterLength(length));
            Assert.Equal(20 + 8 + 16 + Padded(length - 20 + 2, 16) + 16, TunnelLayer.EspTransport(EspTransform.AesCbcSha256, V4).OuterLength(length));
            Assert.Equal(40 + 8 + 8 + Padded(length - 40 + 2, 4) + 16, TunnelLayer.EspTransport(EspTransform.AesGcm16, V6).OuterLength(length));
        }
    }

    [Theory]
    [InlineData(V4, false, 60, 60)]
    [InlineData(V6, false, 80, 80)]
    [InlineData(V4, true, 60, 75)]
    [InlineData(V6, true, 80, 95)]
    public void WireGuard_takes_60_or_80_and_up_to_15_of_padding(AddressFamily outer, bool isPadded, int least, int most)
    {
        TunnelLayer layer = TunnelLayer.WireGuard(outer, isPadded);
        Assert.Equal((least, most), (layer.MinOverhead, layer.MaxOverhead));
        // 1420 of 1500 over IPv6 is WireGuard's own default; padded past its MTU such packets would not fit, and 1408 is what does.
        Assert.Equal(isPadded ? (outer == V4 ? 1440 : 1408) : 1500 - least, layer.InnerLength(1500));
    }

    [Fact]
    public void VXLAN_in_WireGuard_takes_110_to_125_over_IPv4_and_130_to_165_with_IPv6()
    {
        TunnelStack Stack(AddressFamily vxlan, AddressFamily wireGuard) => new(TunnelLayer.Tunnel(TunnelKind.Vxlan, vxlan), TunnelLayer.WireGuard(wireGuard, isPadded: true));
        (int, int) Bounds(TunnelStack stack) => (stack.Layers.Sum(layer => layer.MinOverhead), stack.Layers.Sum(layer => layer.MaxOverhead));
        Assert.Equal((110, 125), Bounds(Stack(V4, V4)));
        Assert.Equal((130, 145), Bounds(Stack(V4, V6)));
        Assert.Equal((150, 165), Bounds(Stack(V6, V6)));
        // 1500 - 80 is 1420, of which 1408 are whole blocks of 16, and 50 the tunnel's.
        Assert.Equal(1358, Stack(V4, V6).InnerMtu(1500));
        Assert.Equal([1358, 1408], Stack(V4, V6).Mtus(1500));
        Assert.Equal(142, Stack(V4, V6).Overhead(1500));
        Assert.Equal(1488, Stack(V4, V6).LinkMtu(1358));
        Assert.Equal(1504, Stack(V4, V6).LinkMtu(1359));
    }

    [Fact]
    public void Layers_of_a_link_add_up()
    {
        TunnelStack stack = new(TunnelLayer.Tunnel(TunnelKind.Geneve, V4, optionLength: 8), TunnelLayer.VlanTag, TunnelLayer.VlanTag, TunnelLayer.Pppoe);
        Assert.Equal(1500 - 58 - 4 - 4 - 8, stack.InnerMtu(1500));
        Assert.Equal(["geneve/ipv4", "vlan", "vlan", "pppoe"], stack.Layers.Select(layer => layer.ToString()));
        Assert.Equal(65_535 - 74, stack.InnerMtu(65_536));
        Assert.Equal(74, stack.Overhead(65_536));
        Assert.Equal(65_535, stack.LinkMtu(65_535 - 74));
    }

    [Fact]
    public void Nonsense_is_refused()
    {
        TunnelLayer vxlan = TunnelLayer.Tunnel(TunnelKind.Vxlan, V4);
        Assert.Throws<ArgumentException>(() => new TunnelStack());
        Assert.Throws<ArgumentOutOfRangeException>(() => new TunnelStack(vxlan).InnerMtu(117));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TunnelStack(vxlan, vxlan).InnerMtu(167));
        Assert.Equal(68, new TunnelStack(vxlan, vxlan).InnerMtu(168));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TunnelStack(vxlan).InnerMtu(int.MinValue));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TunnelStack(vxlan).LinkMtu(67));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TunnelStack(vxlan).LinkMtu(65_486));
        Assert.Throws<ArgumentOutOfRangeException>(() => TunnelLayer.WireGuard(AddressFamily.Unix, isPadded: true));
        Assert.Throws<ArgumentOutOfRangeException>(() => TunnelLayer.Esp((EspTransform)9, V4));
        Assert.Throws<ArgumentOutOfRangeException>(() => TunnelLayer.Bytes("x", -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => TunnelLayer.Bytes("x", 65_536));
        Assert.Throws<ArgumentException>(() => TunnelLayer.Bytes("", 1));
    }
}
