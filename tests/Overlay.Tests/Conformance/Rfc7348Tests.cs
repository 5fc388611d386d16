using System.Buffers;
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

/// <summary>VXLAN.</summary>
public sealed class Rfc7348Tests
{
    private const int OuterLength = 20 + 8;

    [Fact]
    [RfcItem(1, "RFC 7348 §5", "The I flag MUST be 1 for a valid VNI: a packet without it is discarded.")]
    public void A_packet_without_the_I_flag_is_dropped_and_counted()
    {
        TunnelRig rig = WithRemote();
        for (int flags = 0; flags < 256; flags++)
        {
            byte[] datagram = TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB));
            datagram[0] = (byte)flags;
            Assert.Equal((flags & 0x08) == 0, rig.Receive(datagram).Drop == DropReason.BadFlags);
            rig.Ingress.Complete(rig.Closed());
        }

        Assert.Equal(128, rig.Ingress.Unowned.Drops(DropReason.BadFlags));
    }

    [Fact]
    [RfcItem(2, "RFC 7348 §5", "All reserved bits of the header MUST be 0 on transmission.")]
    public void Every_header_sent_is_08_000000_VNI_00()
    {
        VxlanEncapsulator encapsulator = new(TunnelRig.Local, TunnelRig.Remote);
        byte[] frame = TunnelRig.FrameTo(TunnelRig.MacB);
        byte[] packet = new byte[encapsulator.Overhead + frame.Length];
        foreach (uint vni in (uint[])[0, 1, 42, 0x800000, 0xABCDEF, 0xFFFFFF])
        {
            packet.AsSpan().Fill(0xFF);
            Assert.Equal(OperationStatus.Done, encapsulator.Encapsulate(frame, new Vni(vni), packet, out _));
            Assert.Equal($"08000000{vni:X6}00", Convert.ToHexString(packet, OuterLength, 8));
        }
    }

    [Fact]
    [RfcItem(3, "RFC 7348 §5", "Reserved bits are ignored on receipt.",
        Deviation = "reservedBits is `reject` by default, as Linux, OVS and VPP do: a set bit is usually GPE or OAM, whose payload is no Ethernet frame. `ignore` is the rule; either way status counts which bits came.")]
    public void The_39_reserved_bits_are_ignored_or_rejected_by_policy_and_counted()
    {
        TunnelRig ignore = WithRemote(new TunnelPolicy { ReservedBits = ReservedBitsPolicy.Ignore });
        TunnelRig reject = WithRemote();
        byte[] frame = TunnelRig.FrameFrom(TunnelRig.MacB);
        int accepted = 0, dropped = 0;
        for (int bit = 0; bit < 64; bit++)
        {
            // The I flag and the VNI are what is not reserved.
            if (bit == 59 || bit is >= 8 and < 32)
            {
                continue;
            }

            byte[] datagram = TunnelRig.Vxlan(frame, extraBits: 1UL << bit);
            accepted += ignore.Receive(datagram).State == PacketState.Pending && frame.AsSpan().SequenceEqual(ignore.Batch.Data(0)) ? 1 : 0;
            dropped += reject.Receive(datagram).Drop == DropReason.ReservedBits ? 1 : 0;
            Assert.Equal((1, 1), (ignore.Tunnel.ReservedBits[bit], reject.Tunnel.ReservedBits[bit]));
        }

        Assert.Equal((39, 39), (accepted, dropped));
        // All flags at once, as a sender in one of the captures has them.
        byte[] all = TunnelRig.Vxlan(frame, extraBits: 0xFF00_0000_0000_0000);
        Assert.Equal((PacketState.Pending, TunnelRig.Vni), (ignore.Receive(all).State, ignore.Batch.Meta(0).Vni));
        Assert.Equal(2, ignore.Tunnel.ReservedBits[63]);
    }

    [Fact]
    [RfcItem(4, "RFC 7348 §5", "The destination port SHOULD be 4789 by default, and it SHOULD be configurable.")]
    public void The_port_is_4789_and_can_be_another()
    {
        byte[] frame = TunnelRig.FrameTo(TunnelRig.MacB);
        foreach ((VxlanEncapsulatorOptions options, ushort port) in new[]
        {
            (VxlanEncapsulatorOptions.Default, (ushort)4789), (new VxlanEncapsulatorOptions { DestinationPort = 8472 }, (ushort)8472),
        })
        {
            byte[] packet = new byte[1500];
            new VxlanEncapsulator(TunnelRig.Local, TunnelRig.Remote, options).Encapsulate(frame, TunnelRig.Vni, packet, out int length);
            Assert.Equal(port, BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(22)));
            Assert.True(Decapsulator.TryDecapsulate(packet.AsSpan(0, length), TunnelKind.Vxlan, port, out _, out _));
            Assert.False(Decapsulator.TryDecapsulate(packet.AsSpan(0, length), TunnelKind.Vxlan, (ushort)(port + 1), out _, out DropReason reason));
            Assert.Equal(DropReason.NotTunnel, reason);
        }

        Assert.Equal(4789, ConfigSamples.Parse(ConfigSamples.Tap("")).Tunnels[0].Endpoint.Port);
        Assert.Equal(8472, ConfigSamples.Parse(ConfigSamples.Tap("\"port\": 8472")).Tunnels[0].Endpoint.Port);
    }

    [Fact]
    [RfcItem(5, "RFC 7348 §5", "The source port is a hash of the inner headers, RECOMMENDED from 49152 to 65535; one flow has one port.")]
    public void The_source_port_follows_the_inner_flow()
    {
        TunnelRig rig = WithRemote();
        HashSet<ushort> ports = [];
        for (int flow = 0; flow < 1000; flow++)
        {
            byte[] Packet(int length) => PacketBuilder.Ethernet(TunnelRig.MacB, TunnelRig.Mac, EtherType.IPv4,
                PacketBuilder.Udp(TunnelRig.InnerA, TunnelRig.InnerB, (ushort)(1000 + flow), 53, PacketBuilder.Payload(length, flow)));
            ushort port = rig.Send(Packet(10)).SourcePort;
            Assert.InRange(port, 49_152, 65_535);
            Assert.Equal(port, rig.Send(Packet(1000)).SourcePort);
            ports.Add(port);
        }

        // 1000 balls into 16384 boxes hit about 970 of them.
        Assert.InRange(ports.Count, 940, 1000);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(8)]
    [RfcItem(11, "RFC 7348 §4.3", "A VTEP MAY silently discard received fragments of VXLAN packets.")]
    public void A_fragment_is_no_VXLAN_packet(int offset)
    {
        byte[] packet = new byte[1500];
        new VxlanEncapsulator(TunnelRig.Local, TunnelRig.Remote).Encapsulate(TunnelRig.FrameTo(TunnelRig.MacB), TunnelRig.Vni, packet, out int length);
        packet = packet[..length];
        Assert.True(Decapsulator.TryDecapsulate(packet, TunnelKind.Vxlan, 4789, out _, out _));
        // The first fragment has more fragments behind it, the last an offset.
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(6), (ushort)(offset == 0 ? 0x2000 : offset));
        packet.AsSpan(10, 2).Clear();
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), PacketBuilder.Checksum(packet.AsSpan(0, 20), 0));
        Assert.False(Decapsulator.TryDecapsulate(packet, TunnelKind.Vxlan, 4789, out _, out DropReason reason));
        Assert.Equal(DropReason.NotTunnel, reason);
    }

    [Theory]
    [InlineData(InnerVlanPolicy.Keep, 1)]
    [InlineData(InnerVlanPolicy.Keep, 2)]
    [InlineData(InnerVlanPolicy.Strip, 1)]
    [InlineData(InnerVlanPolicy.Strip, 2)]
    [InlineData(InnerVlanPolicy.Refuse, 1)]
    [InlineData(InnerVlanPolicy.Refuse, 2)]
    [RfcItem(12, "RFC 7348 §6.1", "An inner VLAN tag SHOULD NOT be sent, and a received frame with one SHOULD be discarded, unless configured otherwise.",
        Deviation = "innerVlan is `keep` by default, as Linux: a bridge with VLANs may stand on both ends. `refuse` is the rule, `strip` the other choice of the RFC.")]
    public void A_tagged_frame_is_kept_stripped_or_refused_in_both_directions(InnerVlanPolicy policy, int tags)
    {
        TunnelRig rig = WithRemote(new TunnelPolicy { InnerVlan = policy });
        // One tag, or a service tag before it (QinQ).
        (ushort, ushort)[] vlan = tags == 1 ? [(0x8100, 0x2064)] : [(0x88A8, 0x0007), (0x8100, 0x2064)];
        byte[] packet = PacketBuilder.Udp(TunnelRig.InnerB, TunnelRig.InnerA, 1, 2, "hello"u8);
        (byte[] untaggedOut, byte[] taggedOut) = Both(TunnelRig.MacB, TunnelRig.Mac);
        (byte[] untaggedIn, byte[] taggedIn) = Both(TunnelRig.Mac, TunnelRig.MacB);

        Check(rig.Send(taggedOut), rig.Batch.Data(0).ToArray(), taggedOut, untaggedOut);
        Check(rig.Receive(TunnelRig.Vxlan(taggedIn)), rig.Batch.Data(0).ToArray(), taggedIn, untaggedIn);
        // What has no tag is not touched by any choice.
        Assert.Equal(PacketState.Pending, rig.Send(untaggedOut).State);
        Assert.Equal(untaggedOut, rig.Batch.Data(0).ToArray());
        Assert.Equal(PacketState.Pending, rig.Receive(TunnelRig.Vxlan(untaggedIn)).State);
        Assert.Equal(untaggedIn, rig.Batch.Data(0).ToArray());

        (byte[] Untagged, byte[] Tagged) Both(MacAddress to, MacAddress from) =>
            (PacketBuilder.Ethernet(to, from, EtherType.IPv4, packet), PacketBuilder.Ethernet(to, from, EtherType.IPv4, packet, vlan));

        void Check(in PacketMeta meta, byte[] result, byte[] tagged, byte[] untagged)
        {
            Assert.Equal(policy == InnerVlanPolicy.Refuse ? DropReason.InnerVlan : DropReason.None, meta.Drop);
            if (policy != InnerVlanPolicy.Refuse)
            {
                Assert.Equal(policy == InnerVlanPolicy.Keep ? tagged : untagged, result);
            }
        }
    }

    [Fact]
    [RfcItem(13, "RFC 7348 §4.1", "The inner source MAC is learned with the outer source address; an unknown destination is flooded, and after the answer sent to one remote.")]
    public void An_answer_turns_flooding_into_unicast()
    {
        TunnelRig rig = new(learning: true);
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote));
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote2));
        rig.Send(TunnelRig.FrameTo(TunnelRig.MacB));
        Assert.Equal(2, rig.Batch.Count);

        rig.Receive(TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB)), TunnelRig.Remote2, now: 10);
        Assert.True(rig.Tunnel.Learned.TryDequeue(out LearnedAddress learned));
        Assert.Equal(new LearnedAddress(TunnelRig.Vni, TunnelRig.MacB, TunnelRig.Remote2), learned);
        Assert.True(rig.Tables.Learn(learned, knownOnly: true, now: 10));

        Assert.Equal(TunnelRig.Remote2, rig.Send(TunnelRig.FrameTo(TunnelRig.MacB)).Remote);
        Assert.Equal(1, rig.Batch.Count);
    }

    [Theory]
    [InlineData("ff:ff:ff:ff:ff:ff")]
    [InlineData("01:00:5e:00:00:05")]
    [InlineData("02:00:00:00:00:77")]
    [RfcItem(14, "RFC 7348 §4.2", "Broadcast, multicast and unknown frames go to the group of their VNI, or a list in its place, and nowhere else.")]
    public void Flooding_stays_within_the_list_of_the_VNI(string destination)
    {
        TunnelRig rig = WithRemote();
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote2));
        rig.Tables.Apply(OverlayUpdate.AddFlood(new Vni(43), ValueIPAddress.Parse("192.0.2.99")));
        rig.Send(TunnelRig.FrameTo(MacAddress.Parse(destination)));
        Assert.Equal([TunnelRig.Remote, TunnelRig.Remote2], Enumerable.Range(0, rig.Batch.Count).Select(i => rig.Batch.Meta(i).Remote).Order());
        Assert.All(Enumerable.Range(0, rig.Batch.Count), i => Assert.Equal(TunnelRig.Vni, rig.Batch.Meta(i).Vni));
    }

    [Fact]
    [RfcItem(15, "RFC 7348 §4", "Frames never cross from one VNI into another: equal MAC addresses in two of them are two stations.")]
    public void One_MAC_address_in_two_VNIs_is_two_stations()
    {
        TunnelRig rig = WithRemote();
        Vni other = new(43);
        Tunnel second = new(rig.Tunnel.Options with { Name = "second", Vni = other }, rig.Tables);
        rig.Ingress.Attach(second, device: 7);
        rig.Tables.Apply(OverlayUpdate.SetForwarding(TunnelRig.Vni, TunnelRig.MacB, new FdbEntry(TunnelRig.Remote)));
        rig.Tables.Apply(OverlayUpdate.SetForwarding(other, TunnelRig.MacB, new FdbEntry(TunnelRig.Remote2)));

        byte[] frame = TunnelRig.FrameTo(TunnelRig.MacB);
        Assert.Equal((TunnelRig.Remote, TunnelRig.Vni), (rig.Send(frame).Remote, rig.Batch.Meta(0).Vni));
        rig.Batch.Clear();
        rig.Batch.TryAppend(frame, out int index);
        new TunnelEgress(second, 7, TunnelRig.Endpoint).Process(rig.Batch, 0);
        Assert.Equal((TunnelRig.Remote2, other), (rig.Batch.Meta(index).Remote, rig.Batch.Meta(index).Vni));

        byte[] received = TunnelRig.FrameFrom(TunnelRig.MacB);
        Assert.Equal(TunnelRig.Device, rig.Receive(TunnelRig.Vxlan(received, 42)).Output);
        Assert.Equal(7, rig.Receive(TunnelRig.Vxlan(received, 43)).Output);
        Assert.Equal(DropReason.UnknownVni, rig.Receive(TunnelRig.Vxlan(received, 44)).Drop);
    }

    private static TunnelRig WithRemote(TunnelPolicy? policy = null)
    {
        TunnelRig rig = new(policy: policy);
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote));
        return rig;
    }
}
