using System.Buffers.Binary;
using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing;
using Overlay.Testing.Conformance;
using Overlay.Tests.DataPath;
using Xunit;

namespace Overlay.Tests.Conformance;

/// <summary>GRE, with the key and the sequence number of RFC 2890.</summary>
public sealed class Rfc2784Tests
{
    private const ushort Checksum = 0x8000, Key = 0x2000, Sequence = 0x1000;

    [Fact]
    [RfcItem(58, "RFC 2784 §2.2", "A checksum that is present MUST be processed.")]
    public void A_checksum_that_is_there_is_verified()
    {
        TunnelRig rig = Create();
        byte[] right = Gre(Checksum);
        Assert.Equal(DropReason.None, Receive(rig, right));
        for (int bit = 8 * 4; bit < 8 * right.Length; bit++)
        {
            byte[] wrong = [.. right];
            wrong[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Equal(DropReason.BadChecksum, Receive(rig, wrong));
        }
    }

    [Fact]
    [RfcItem(59, "RFC 2784 §2.3", "A packet with one of the bits 1 to 5 set MUST be discarded (but for K and S of RFC 2890); bits 6 to 12 MUST be ignored.")]
    public void Reserved_bits_1_4_and_5_are_refused_and_6_to_12_ignored()
    {
        TunnelRig rig = Create();
        for (int bit = 1; bit <= 12; bit++)
        {
            DropReason expected = bit is 1 or 4 or 5 ? DropReason.BadFlags : DropReason.None;
            if (bit is not (2 or 3))
            {
                Assert.Equal(expected, Receive(rig, Gre((ushort)(0x8000 >> bit))));
            }
        }

        Assert.Equal(3, rig.Ingress.Unowned.Drops(DropReason.BadFlags));
    }

    [Fact]
    [RfcItem(60, "RFC 2784 §2.3.1", "The version MUST be 0.")]
    public void Another_version_is_dropped()
    {
        TunnelRig rig = Create();
        for (ushort version = 1; version < 8; version++)
        {
            Assert.Equal(DropReason.HeaderVersion, Receive(rig, Gre(version)));
        }

        Assert.Equal(7, rig.Ingress.Unowned.Drops(DropReason.HeaderVersion));
    }

    [Fact]
    [RfcItem(61, "RFC 2784 §2.4", "A packet of an unknown protocol type SHOULD be discarded.")]
    public void An_unknown_protocol_type_is_dropped()
    {
        TunnelRig rig = Create();
        Assert.Equal(DropReason.None, Receive(rig, Gre(0)));
        // ARP, MPLS, Ethernet in a tunnel of IP, ERSPAN, nothing.
        foreach (ushort type in (ushort[])[0x0806, 0x8847, 0x6558, 0x88BE, 0x0000])
        {
            Assert.Equal(type == 0x6558 ? DropReason.NotTunnel : DropReason.UnknownProtocol, Receive(rig, Gre(0, type: type)));
        }
    }

    [Fact]
    [RfcItem(62, "RFC 2784 §3.1", "A packet whose inner destination is the other end of the tunnel MUST be discarded.")]
    public void A_packet_for_the_other_end_is_dropped()
    {
        TunnelRig rig = Create();
        byte[] loop = PacketBuilder.Udp(TunnelRig.InnerB, TunnelRig.Remote, 1, 2, "x"u8);
        Assert.Equal(DropReason.Loop, Receive(rig, Gre(0, loop)));
        Assert.Equal(1, rig.Tunnel.Ingress.Drops(DropReason.Loop));
        Assert.Equal(DropReason.None, Receive(rig, Gre(0, PacketBuilder.Udp(TunnelRig.InnerB, TunnelRig.Remote2, 1, 2, "x"u8))));
    }

    [Fact]
    [RfcItem(63, "RFC 2890 §2.1", "Packets are told apart by their key: one with a key that no tunnel has is discarded.")]
    public void Another_key_is_dropped_and_counted()
    {
        TunnelRig keyed = Create(new GreOptions { Key = 7 });
        Assert.Equal(DropReason.None, Receive(keyed, Gre(Key, key: 7)));
        Assert.Equal(DropReason.UnknownKey, Receive(keyed, Gre(Key, key: 8)));
        Assert.Equal(DropReason.UnknownKey, Receive(keyed, Gre(0)));
        Assert.Equal(2, keyed.Ingress.Unowned.Drops(DropReason.UnknownKey));
        Assert.Equal(DropReason.UnknownKey, Receive(Create(), Gre(Key, key: 0)));
    }

    [Fact]
    [RfcItem(64, "RFC 2890 §2.2", "A packet that is out of sequence SHOULD be silently discarded.",
        Deviation = "Not where the tunnel is configured without sequence numbers, which is the default: then they are read and not judged. What is 4096 or more behind, or is 0, begins a new count.")]
    public void A_late_packet_is_dropped_where_the_tunnel_is_in_sequence()
    {
        TunnelRig rig = Create(new GreOptions { SequenceNumbers = true });
        (uint Number, bool Passes)[] numbers = [(100, true), (101, true), (101, false), (99, false), (105, true), (104, false), (106, true)];
        foreach ((uint number, bool passes) in numbers)
        {
            Assert.Equal(passes ? DropReason.None : DropReason.OutOfSequence, Receive(rig, Gre(Sequence, sequence: number)));
        }

        Assert.Equal(3, rig.Tunnel.Ingress.Drops(DropReason.OutOfSequence));
        // Over the end of the numbers.
        rig = Create(new GreOptions { SequenceNumbers = true });
        Assert.Equal(DropReason.None, Receive(rig, Gre(Sequence, sequence: uint.MaxValue)));
        Assert.Equal(DropReason.None, Receive(rig, Gre(Sequence, sequence: 0)));
        Assert.Equal(DropReason.OutOfSequence, Receive(rig, Gre(Sequence, sequence: uint.MaxValue)));
    }

    private static TunnelRig Create(GreOptions? gre = null)
    {
        TunnelRig rig = new(TunnelKind.Gre, DeviceLayer.IP, gre: gre);
        rig.Tables.Apply(OverlayUpdate.SetRoute(ValueIPAddress.Parse("10.244.0.0"), 16, new RouteEntry(TunnelRig.Remote)));
        return rig;
    }

    private static DropReason Receive(TunnelRig rig, byte[] packet)
    {
        DropReason reason = rig.Receive(packet, protocol: IPProtocol.Gre).Drop;
        rig.Ingress.Complete(rig.Closed());
        return reason;
    }

    private static byte[] Gre(ushort flags, byte[]? inner = null, ushort type = 0x0800, uint key = 0, uint sequence = 0)
    {
        List<byte> bytes = [(byte)(flags >> 8), (byte)flags, (byte)(type >> 8), (byte)type];
        bytes.AddRange((flags & Checksum) != 0 ? new byte[4] : []);
        bytes.AddRange((flags & Key) != 0 ? Big(key) : []);
        bytes.AddRange((flags & Sequence) != 0 ? Big(sequence) : []);
        byte[] packet = [.. bytes, .. inner ?? IPInIPRig.Incoming(inner6: false)];
        if ((flags & Checksum) != 0)
        {
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), PacketBuilder.Checksum(packet, 0));
        }

        return packet;
    }

    private static byte[] Big(uint value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }
}
