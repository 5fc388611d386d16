using System.Buffers;
using Overlay.DataPath;
using Overlay.Encapsulation;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Encapsulation;

/// <summary>The Linux vxlan device as the oracle.</summary>
public sealed class KernelVxlanTests
{
    private static readonly KernelVxlanVectors Kernel = KernelVxlanVectors.Load();

    public static TheoryData<string> DecapRows => [.. Kernel.Decap.Select(row => row.Name)];

    public static TheoryData<string> EncapRows => [.. Kernel.Encap.Select(row => row.Name)];

    [Fact]
    public void All_rows_are_read()
    {
        Assert.Equal(67, Kernel.Decap.Count);
        Assert.Equal(67, Kernel.Decap.DistinctBy(row => row.Name).Count());
        Assert.Equal(11, Kernel.Encap.Count);
    }

    [Theory]
    [MemberData(nameof(EncapRows))]
    public void The_same_fields_make_the_bytes_that_the_kernel_sent(string name)
    {
        KernelVxlanVectors.EncapRow row = Kernel.Encap.Single(r => r.Name == name);
        Assert.True(EthernetFrame.TryParse(row.Outer, out EthernetFrame link));
        Assert.True(IPv4Packet.TryParse(link.Payload, out IPv4Packet ip));
        var options = new VxlanEncapsulatorOptions { LinkHeader = link.ToHeader(), OuterChecksum = false };
        var encapsulator = new VxlanEncapsulator(ip.Source, ip.Destination, options);
        var fields = new OuterHeaderFields
        {
            Vni = new Vni(100),
            SourcePort = row.SourcePort,
            TrafficClass = row.Tos,
            Ttl = row.Ttl,
            DontFragment = row.DontFragment,
            Identification = row.Identification,
        };
        byte[] written = new byte[row.Outer.Length];
        Assert.Equal(OperationStatus.Done, encapsulator.Encapsulate(row.Inner, fields, written, out int length));
        Assert.Equal(row.Outer.Length, length);

        // The device leaves the checksum to the hardware: the field holds the sum of the pseudo-header, and where ours is off, zero.
        byte[] expected = [.. row.Outer];
        int udpLength = row.Inner.Length + 16;
        Assert.Equal(row.PartialChecksum, InternetChecksum.Fold(InternetChecksum.PseudoHeader(ip.Source, ip.Destination, IPProtocol.Udp, udpLength)));
        expected[40] = expected[41] = 0;
        Assert.Equal(Convert.ToHexString(expected), Convert.ToHexString(written));

        // The copying form takes ECN over as the kernel does, with the profile that the kernel implements.
        encapsulator = new VxlanEncapsulator(ip.Source, ip.Destination, options with { Ecn = EcnProfile.Rfc3168 });
        Assert.Equal(OperationStatus.Done, encapsulator.Encapsulate(row.Inner, new Vni(100), written, out _));
        Assert.Equal(row.Tos & 3, written[15] & 3);
    }

    [Theory]
    [MemberData(nameof(DecapRows))]
    public void What_the_kernel_delivers_is_delivered_and_what_it_drops_is_dropped_for_a_reason(string name)
    {
        KernelVxlanVectors.DecapRow row = Kernel.Decap.Single(r => r.Name == name);
        DecapsulationOptions options = name.EndsWith("with udp6zerocsumrx", StringComparison.Ordinal)
            ? DecapsulationOptions.AcceptZeroUdpChecksumIPv6
            : DecapsulationOptions.None;
        bool taken = Decapsulator.TryDecapsulate(row.Packet, TunnelKind.Vxlan, 4789, options, out Decapsulated inner, out DropReason reason);
        Assert.Equal(HeaderVerdict(name), reason);
        Assert.Equal(reason == DropReason.None, taken);
        if (!taken)
        {
            Assert.False(row.Delivered);
            return;
        }

        // What comes after the headers: the device, the reserved bits, the inner packet, ECN.
        uint vni = row.Device == "vx0" ? 100u : 200u;
        bool delivered = inner.Vni.Value == vni && inner.IsOuterIPv4 == (row.Device == "vx0") && ReservedBitsPolicy.Reject.Accepts(inner.Header);
        if (delivered)
        {
            Assert.True(EthernetFrame.TryParse(inner.Payload, out EthernetFrame frame));
            bool isIP = IPv4Packet.TryParse(frame.Payload, out _) || IPv6Packet.TryParse(frame.Payload, out _);
            byte trafficClass = isIP ? InnerHeader.GetTrafficClass(frame.Payload) : (byte)0;
            bool ecn = EcnTunnel.TryInner((Ecn)(inner.TrafficClass & 3), (Ecn)(trafficClass & 3), EcnProfile.Rfc6040, out Ecn result);
            delivered = isIP && ecn;
            if (delivered && row.InnerTos is { } tos && frame.VlanCount == 0)
            {
                Assert.Equal(tos, (trafficClass & ~3) | (int)result);
            }
        }

        Assert.Equal(row.Delivered, delivered);
    }

    private static DropReason HeaderVerdict(string name) => name switch
    {
        "I flag clear" => DropReason.BadFlags,
        "udp csum 0xDEAD wrong" or "outer ip csum wrong" or "v6 underlay zero csum (default)" or "v6 underlay bad csum" => DropReason.BadChecksum,
        "short: udp payload 0" or "short: 7 bytes of vxlan header" => DropReason.Truncated,
        "short: vxlan header only" or "short: inner 1 bytes" or "short: inner 6 bytes" or "short: inner 13 bytes" => DropReason.InnerTruncated,
        "port 8472" => DropReason.NotTunnel,
        _ => DropReason.None,
    };
}
