using System.Net;
using Overlay.DataPath;
using Overlay.Testing;
using Overlay.Tests.Conformance;
using Xunit;

namespace Overlay.Tests.DataPath;

public sealed class SourceSprayTests
{
    [Theory]
    [InlineData("172.16.0.0/16", 0x00000000u, "172.16.0.0")]
    [InlineData("172.16.0.0/16", 0xABCD1234u, "172.16.171.205")]
    [InlineData("172.16.0.0/16", 0xFFFFFFFFu, "172.16.255.255")]
    [InlineData("198.51.100.6/31", 0x7FFFFFFFu, "198.51.100.6")]
    [InlineData("198.51.100.6/31", 0x80000000u, "198.51.100.7")]
    [InlineData("10.0.0.0/8", 0xABCDEF01u, "10.171.205.239")]
    [InlineData("100::/64", 0xABCD1234u, "100::abcd:1234")]
    [InlineData("2001:db8::/96", 0xABCD1234u, "2001:db8::abcd:1234")]
    [InlineData("2001:db8::ff00:0/104", 0xABCD1234u, "2001:db8::ffab:cd12")]
    [InlineData("2001:db8::a/127", 0xABCD1234u, "2001:db8::b")]
    public void The_address_is_the_prefix_and_the_upper_bits_of_the_hash(string prefix, uint hash, string expected) =>
        Assert.Equal(ValueIPAddress.Parse(expected), new SourceSpray(IPNetwork.Parse(prefix)).Source(hash));

    [Theory]
    [InlineData("0.0.0.0/8")]
    [InlineData("10.0.0.0/7")]
    [InlineData("127.0.0.0/8")]
    [InlineData("127.1.0.0/16")]
    [InlineData("224.0.0.0/8")]
    [InlineData("240.0.0.0/8")]
    [InlineData("255.255.0.0/16")]
    [InlineData("192.0.2.1/32")]
    [InlineData("::/0")]
    [InlineData("::/64")]
    [InlineData("::ffff:0:0/96")]
    [InlineData("ff02::/64")]
    [InlineData("2001:db8::1/128")]
    public void Prefixes_that_hold_other_than_host_addresses_are_refused(string prefix)
    {
        Assert.False(SourceSpray.IsUsable(IPNetwork.Parse(prefix)));
        ArgumentException error = Assert.Throws<ArgumentException>(() => new SourceSpray(IPNetwork.Parse(prefix)));
        Assert.Contains(prefix, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, "172.16.0.0/16")]
    [InlineData(true, "100::/64")]
    public void Each_flow_has_an_address_of_its_own_and_keeps_it(bool outer6, string prefix)
    {
        TunnelRig rig = IPInIPRig.Create(new TunnelPolicy { SourceSpray = new SourceSpray(IPNetwork.Parse(prefix)) }, outer6);
        HashSet<ValueIPAddress> sources = [];
        for (int flow = 0; flow < 500; flow++)
        {
            byte[] Packet(int length) => PacketBuilder.Udp(TunnelRig.InnerA, TunnelRig.InnerB, (ushort)(1000 + flow), 53, new byte[length]);
            ValueIPAddress source = rig.Send(Packet(10)).Local;
            Assert.True(IPNetwork.Parse(prefix).Contains(source.ToIPAddress()));
            Assert.Equal(source, rig.Send(Packet(1000)).Local);
            Assert.Equal(IPInIPRig.Remote(outer6), rig.Batch.Meta(0).Remote);
            sources.Add(source);
        }

        Assert.InRange(sources.Count, 480, 500);
        // Without it there is one.
        Assert.Equal(rig.Tunnel.Options.Local, IPInIPRig.Create(outer6: outer6).Send(IPInIPRig.Outgoing(inner6: false)).Local);
    }

    [Fact]
    public void Only_IP_in_IP_of_the_same_family_has_it()
    {
        SourceSpray spray = new(IPNetwork.Parse("172.16.0.0/16"));
        Assert.Throws<ArgumentException>(() => new TunnelRig(policy: new TunnelPolicy { SourceSpray = spray }));
        ArgumentException error = Assert.Throws<ArgumentException>(() => IPInIPRig.Create(new TunnelPolicy { SourceSpray = spray }, outer6: true));
        Assert.Contains("172.16.0.0/16", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Deciding_allocates_nothing()
    {
        SourceSpray spray = new(IPNetwork.Parse("100::/64"));
        uint hash = 0;
        Allocations.Zero(() => hash += spray.Source(hash).IsIPv4 ? 1u : 0x01234567u);
    }
}
