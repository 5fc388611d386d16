using System.Buffers.Binary;
using Overlay.Daemon.Configuration;
using Overlay.DataPath;
using Overlay.Encapsulation;
using Overlay.Tables;
using Overlay.Testing;
using Overlay.Testing.Conformance;
using Overlay.Tests.Daemon;
using Overlay.Tests.DataPath;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Conformance;

/// <summary>Geneve.</summary>
public sealed class Rfc8926Tests
{
    private const ushort Port = 6081;
    private const int OuterIPv4 = 20 + 8;

    [Fact]
    [RfcItem(48, "RFC 8926 §3.4", "A packet with an unknown version MUST be dropped.")]
    public void An_unknown_version_is_dropped()
    {
        TunnelRig rig = Create();
        for (byte version = 1; version < 4; version++)
        {
            Assert.Equal(DropReason.HeaderVersion, Receive(rig, Geneve(first: (byte)(version << 6))));
        }

        Assert.Equal(3, rig.Ingress.Unowned.Drops(DropReason.HeaderVersion));
    }

    [Fact]
    [RfcItem(49, "RFC 8926 §3.4", "The payload of a packet with the O bit MUST NOT be forwarded.")]
    public void A_control_packet_is_not_forwarded()
    {
        TunnelRig rig = Create();
        Assert.Equal(DropReason.ControlPacket, Receive(rig, Geneve(second: 0x80)));
        Assert.Equal((0, 1), (rig.Tunnel.Ingress.TxPackets, rig.Tunnel.Ingress.Drops(DropReason.ControlPacket)));
    }

    [Fact]
    [RfcItem(50, "RFC 8926 §3.4, §3.5", "A packet with an unknown critical option MUST be dropped; unknown options that are not critical are ignored.")]
    public void An_unknown_critical_option_is_a_drop_and_any_other_is_not()
    {
        TunnelRig rig = Create();
        Assert.Equal(DropReason.None, Receive(rig, Geneve(options: Option(0x0103, 0x01, 0xAA))));
        Assert.Equal(DropReason.UnknownOption, Receive(rig, Geneve(second: 0x40, options: Option(0x0103, 0x81, 0xAA))));
        Assert.Equal(DropReason.UnknownOption, Receive(rig, Geneve(second: 0x40, options: [.. Option(0x0103, 0x01, 0xAA), .. Option(0x0103, 0x81, 0xAA)])));
        Assert.Equal(2, rig.Tunnel.Ingress.Drops(DropReason.UnknownOption));
        // What is configured is known.
        TunnelRig knowing = Create(options: Option(0x0103, 0x81, 0xBB));
        Assert.Equal(DropReason.None, Receive(knowing, Geneve(second: 0x40, options: Option(0x0103, 0x81, 0xAA))));
    }

    [Fact]
    [RfcItem(51, "RFC 8926 §3.5", "A packet whose options are not as long in sum as the header says MUST be silently dropped.")]
    public void Options_of_another_length_than_the_header_says_are_dropped()
    {
        TunnelRig rig = Create();
        byte[] tooLong = Option(0x0103, 0x01, 0xAA);
        tooLong[3] = 2;
        Assert.Equal(DropReason.BadLength, Receive(rig, Geneve(options: tooLong)));
        Assert.Equal(DropReason.BadLength, Receive(rig, Geneve(options: [.. Option(0x0103, 0x01, 0xAA), .. tooLong])));
        Assert.Equal((0, 2), (rig.Ingress.Unowned.Originated, rig.Ingress.Unowned.Drops(DropReason.BadLength)));
        Assert.Equal(1, rig.Batch.Count);
    }

    [Fact]
    [RfcItem(52, "RFC 8926 §3.4, §3.5", "Reserved bits MUST be 0 on transmission and ignored on receipt.")]
    public void Reserved_bits_are_sent_as_0_and_ignored()
    {
        TunnelRig rig = Create();
        for (int bit = 0; bit < 6; bit++)
        {
            Assert.Equal(DropReason.None, Receive(rig, Geneve(second: (byte)(1 << bit))));
        }

        for (int bit = 0; bit < 8; bit++)
        {
            byte[] packet = Geneve();
            packet[7] = (byte)(1 << bit);
            Assert.Equal(DropReason.None, Receive(rig, packet));
        }

        for (int bit = 5; bit < 8; bit++)
        {
            byte[] option = Option(0x0103, 0x01, 0xAA);
            option[3] |= (byte)(1 << bit);
            Assert.Equal(DropReason.None, Receive(rig, Geneve(options: option)));
        }

        byte[] sent = Encapsulate(TunnelRig.Local, TunnelRig.Remote, Option(0x0103, 0x01, 0xAA));
        Assert.Equal("0200655800002A00" + "01030101000000AA", Convert.ToHexString(sent, OuterIPv4, 16));
    }

    [Fact]
    [RfcItem(53, "RFC 8926 §3.3", "The source port is one per flow, from the inner headers; the destination port is 6081 in both directions and ports are not reversed for answers.")]
    public void The_source_port_follows_the_flow_and_answers_go_to_6081()
    {
        TunnelRig rig = Create();
        HashSet<ushort> ports = [];
        for (ushort flow = 0; flow < 200; flow++)
        {
            byte[] frame = PacketBuilder.Ethernet(
                TunnelRig.MacB, TunnelRig.Mac, EtherType.IPv4, PacketBuilder.Udp(TunnelRig.InnerA, TunnelRig.InnerB, flow, 53, "x"u8));
            ushort port = rig.Send(frame).SourcePort;
            Assert.Equal((port, (ushort)0), (rig.Send(frame).SourcePort, rig.Batch.Meta(0).DestinationPort));
            Assert.InRange(port, 49_152, 65_535);
            ports.Add(port);
        }

        Assert.InRange(ports.Count, 180, 200);
        Assert.Equal(Port, BinaryPrimitives.ReadUInt16BigEndian(Encapsulate(TunnelRig.Local, TunnelRig.Remote).AsSpan(22)));
        Assert.Equal(Port, TunnelFacts.Of(TunnelKind.Geneve).DefaultPort);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [RfcItem(54, "RFC 8926 §3.3", "The UDP checksum SHOULD be sent over IPv4 and MUST by default over IPv6; one that is not zero MUST be validated.")]
    public void Checksums_are_sent_and_validated(bool ipv6)
    {
        byte[] packet = ipv6 ? Encapsulate(IPInIPRig.Local6, IPInIPRig.Remote6) : Encapsulate(TunnelRig.Local, TunnelRig.Remote);
        int checksum = (ipv6 ? 40 : 20) + 6;
        Assert.NotEqual(0, BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(checksum)));
        Assert.True(PacketBuilder.IsTransportChecksumValid(packet));
        Assert.True(Decapsulator.TryDecapsulate(packet, TunnelKind.Geneve, Port, out _, out _));
        packet[^1] ^= 1;
        Assert.False(Decapsulator.TryDecapsulate(packet, TunnelKind.Geneve, Port, out _, out DropReason reason));
        Assert.Equal(DropReason.BadChecksum, reason);
        // None at all: fine over IPv4, and over IPv6 only where it is asked for.
        packet.AsSpan(checksum, 2).Clear();
        Assert.Equal(!ipv6, Decapsulator.TryDecapsulate(packet, TunnelKind.Geneve, Port, out _, out _));
        Assert.True(Decapsulator.TryDecapsulate(packet, TunnelKind.Geneve, Port, DecapsulationOptions.AcceptZeroUdpChecksumIPv6, out _, out _));
    }

    [Fact]
    [RfcItem(55, "RFC 8926 §4.4.2", "ECN MUST follow RFC 6040.")]
    public void Ecn_is_combined_as_in_every_tunnel()
    {
        TunnelRig rig = Create();
        foreach ((byte inner, byte outer, int expected) in new (byte, byte, int)[] { (0, 0, 0), (0, 3, -1), (2, 3, 3), (1, 3, 3), (2, 1, 1), (3, 0, 3) })
        {
            byte[] frame = TunnelRig.FrameFrom(TunnelRig.MacB, inner);
            rig.Receive(Geneve(inner: frame), trafficClass: outer);
            Assert.Equal(expected < 0 ? DropReason.EcnInvalid : DropReason.None, rig.Batch.Meta(0).Drop);
            Assert.Equal(expected < 0 ? inner : expected, rig.Batch.Data(0)[15] & 3);
        }

        Assert.Equal(2, rig.Send(TunnelRig.FrameTo(TunnelRig.MacB, trafficClass: 2)).TrafficClass);
    }

    [Fact]
    [RfcItem(56, "RFC 8926 §4.4.1", "The MTU of the tunnel leaves room for the longest options that are sent.")]
    public void The_overhead_counts_the_options()
    {
        TunnelConfig tunnel = ConfigSamples.Parse("""
            { "tunnels": [ { "name": "a", "kind": "geneve", "vni": 1, "local": "192.0.2.1", "device": { "type": "tap" },
              "options": [ { "class": 258, "type": 1, "data": "0000000700000008" }, { "class": 258, "type": 2 } ] } ] }
            """).Tunnels[0];
        Assert.Equal(20 + 8 + 8 + 14 + 12 + 4, tunnel.Overhead);
        Assert.Equal(20 + 8 + 8 + 14, ConfigSamples.Parse(
            """{ "tunnels": [ { "name": "a", "kind": "geneve", "vni": 1, "local": "192.0.2.1", "device": { "type": "tap" } } ] }""").Tunnels[0].Overhead);
        Assert.Equal(OuterIPv4 + 8 + 8, Encapsulate(TunnelRig.Local, TunnelRig.Remote, Option(0x0103, 0x01, 0xAA)).Length - TunnelRig.FrameTo(TunnelRig.MacB).Length);
    }

    [Fact]
    [RfcItem(57, "RFC 8926 §6.2", "Geneve packets of tenants are payload: they are neither taken apart nor do they reach another network.")]
    public void A_tenants_own_Geneve_packet_comes_out_as_it_went_in()
    {
        TunnelRig rig = Create();
        // A tenant sends to port 6081 with a VNI of ours, from and to the addresses of the tunnel itself.
        byte[] nested = PacketBuilder.Udp(TunnelRig.Remote, TunnelRig.Local, 50_000, Port, Geneve());
        byte[] frame = PacketBuilder.Ethernet(TunnelRig.Mac, TunnelRig.MacB, EtherType.IPv4, nested);
        Assert.Equal(DropReason.None, Receive(rig, Geneve(inner: frame)));
        Assert.Equal(frame, rig.Batch.Data(0).ToArray());
        Assert.Equal((1, 1), (rig.Tunnel.Ingress.RxPackets, rig.Tunnel.Ingress.TxPackets));
    }

    private static TunnelRig Create(byte[]? options = null)
    {
        TunnelRig rig = new(new Tunnel(
            new TunnelOptions
            {
                Name = "geneve",
                Kind = TunnelKind.Geneve,
                Vni = TunnelRig.Vni,
                Local = TunnelRig.Local,
                Layer = DeviceLayer.Ethernet,
                DeviceMac = TunnelRig.Mac,
                GeneveOptions = options,
            },
            new OverlayTables()));
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote));
        return rig;
    }

    private static DropReason Receive(TunnelRig rig, byte[] packet)
    {
        DropReason reason = rig.Receive(packet).Drop;
        rig.Ingress.Complete(rig.Closed());
        return reason;
    }

    private static byte[] Encapsulate(ValueIPAddress local, ValueIPAddress remote, byte[]? options = null)
    {
        byte[] packet = new byte[500];
        packet.AsSpan().Fill(0xFF);
        UdpEncapsulator encapsulator = new(local, remote, TunnelHeader.Create(TunnelKind.Geneve, carriesEthernet: true, options: options));
        encapsulator.Encapsulate(TunnelRig.FrameTo(TunnelRig.MacB), TunnelRig.Vni, packet, out int length);
        return packet[..length];
    }

    // Version and length of options, O and C bits, the protocol type of Ethernet, VNI 42 (§3.4).
    private static byte[] Geneve(byte first = 0, byte second = 0, byte[]? options = null, byte[]? inner = null)
    {
        options ??= [];
        return [(byte)(first | (options.Length / 4)), second, 0x65, 0x58, 0, 0, 42, 0, .. options, .. inner ?? TunnelRig.FrameFrom(TunnelRig.MacB)];
    }

    // Class, type whose highest bit is "critical", and one word of data (§3.5).
    private static byte[] Option(ushort optionClass, byte type, byte data) =>
        [(byte)(optionClass >> 8), (byte)optionClass, type, 1, 0, 0, 0, data];
}
