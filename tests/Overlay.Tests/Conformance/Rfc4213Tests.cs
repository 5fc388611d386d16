using Overlay.DataPath;
using Overlay.Encapsulation;
using Overlay.Testing;
using Overlay.Testing.Conformance;
using Overlay.Tests.Daemon;
using Overlay.Tests.DataPath;
using Xunit;

namespace Overlay.Tests.Conformance;

/// <summary>IPv6 in IPv4.</summary>
public sealed class Rfc4213Tests
{
    [Theory]
    [InlineData("ff00::1", DropReason.InvalidSource)]
    [InlineData("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", DropReason.InvalidSource)]
    [InlineData("::1", DropReason.InvalidSource)]
    [InlineData("::2", DropReason.InvalidSource)]
    [InlineData("::192.0.2.7", DropReason.InvalidSource)]
    [InlineData("::ffff:192.0.2.7", DropReason.MappedAddress)]
    [InlineData("::ffff:0.0.0.0", DropReason.MappedAddress)]
    [InlineData("::", DropReason.None)]
    [InlineData("::fffe:192.0.2.7", DropReason.None)]
    [InlineData("0:0:0:0:1::", DropReason.None)]
    [InlineData("feff::1", DropReason.None)]
    [InlineData("fe80::1", DropReason.None)]
    [InlineData("2001:db8::7", DropReason.None)]
    [RfcItem(40, "RFC 4213 §3.6", "After decapsulation, packets from ff00::/8, ::1, ::/96 but for ::, and ::ffff:0:0/96 MUST be silently discarded.")]
    public void Martian_sources_are_dropped(string source, DropReason expected)
    {
        // By its bytes: the library takes a mapped address for an IPv4 one.
        byte[] packet = IPInIPRig.Incoming(inner6: true);
        System.Net.IPAddress.Parse(source).GetAddressBytes().CopyTo(packet, 8);
        foreach (bool outer6 in (bool[])[false, true])
        {
            TunnelRig rig = IPInIPRig.Create(outer6: outer6);
            Assert.Equal(expected, rig.Receive(packet, IPInIPRig.Remote(outer6), protocol: IPProtocol.IPv6).Drop);
            rig.Complete(rig.Ingress, rig.Tunnel.Ingress);
            Assert.Equal(expected == DropReason.None ? 0 : 1, rig.Tunnel.Ingress.Drops(expected == DropReason.None ? DropReason.InvalidSource : expected));
            // Silently: nothing goes back.
            Assert.Equal((1, 0), (rig.Batch.Count, rig.Tunnel.Ingress.Originated));
        }
    }

    [Fact]
    [RfcItem(41, "RFC 4213 §3.5", "The source address of the tunnel's packets is configurable.")]
    public void The_outer_source_is_what_is_configured()
    {
        ValueIPAddress local = ValueIPAddress.Parse("198.51.100.7");
        byte[] outer = new byte[200];
        new IPInIPEncapsulator(local, TunnelRig.Remote).Encapsulate(IPInIPRig.Outgoing(inner6: true), outer, out _);
        Assert.Equal(local, ValueIPAddress.ReadIPv4(outer.AsSpan(12)));
        Assert.Equal(
            local,
            ConfigSamples.Parse("""{ "tunnels": [ { "name": "a", "kind": "ipip", "local": "198.51.100.7", "device": { "type": "tun" } } ] }""").Tunnels[0].Local);
    }
}
