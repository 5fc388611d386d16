using System.Buffers.Binary;
using System.Net.Sockets;
using Overlay.DataPath;
using Overlay.Encapsulation;
using Overlay.Tables;
using Overlay.Testing;
using Overlay.Testing.Conformance;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.DataPath;

/// <summary>What becomes of an inner packet that the path to its remote does not take, and what its sender is told.</summary>
public sealed class PacketTooBigTests
{
    private const int PathMtu = 1_400;

    private static readonly ValueIPAddress Local6 = ValueIPAddress.Parse("2001:db8::1");
    private static readonly ValueIPAddress Remote6 = ValueIPAddress.Parse("2001:db8::2");

    public static TheoryData<TunnelKind, DeviceLayer, bool, bool> Tunnels()
    {
        TheoryData<TunnelKind, DeviceLayer, bool, bool> rows = [];
        foreach (TunnelFacts facts in TunnelFacts.All)
        {
            foreach (DeviceLayer layer in new[] { DeviceLayer.Ethernet, DeviceLayer.IP })
            {
                if (layer == DeviceLayer.Ethernet ? facts.CarriesEthernet : facts.CarriesIP)
                {
                    rows.Add(facts.Kind, layer, true, true);
                    rows.Add(facts.Kind, layer, true, false);
                    rows.Add(facts.Kind, layer, false, true);
                    rows.Add(facts.Kind, layer, false, false);
                }
            }
        }

        return rows;
    }

    // RFC 2003 §5.1, RFC 2473 §7 and RFC 4459 §3.2 (reliability.md §6: 27, 33, 34, 78), to the byte.
    [Theory]
    [MemberData(nameof(Tunnels))]
    [RfcItem(33, "RFC 2473 §7.1", "An IPv6 packet of more than 1280 bytes that does not fit is discarded, and its source sent Packet Too Big with what fits, at least 1280.")]
    public void What_fits_passes_and_one_byte_more_is_answered_with_what_fits(TunnelKind kind, DeviceLayer layer, bool outer4, bool inner4)
    {
        TunnelRig rig = Rig(kind, layer, outer4);
        int mtu = PathMtu - TunnelMtu.Overhead(kind, outer4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6, innerIP: layer == DeviceLayer.IP);
        Assert.Equal(PacketState.Pending, rig.Send(Inner(layer, inner4, mtu)).State);
        Assert.Equal(1, rig.Batch.Count);
        rig.Complete(rig.Egress, rig.Tunnel.Egress);

        byte[] packet = Inner(layer, inner4, mtu + 1);
        ref PacketMeta meta = ref rig.Send(packet);
        Assert.Equal((PacketState.Dropped, DropReason.TooBig), (meta.State, meta.Drop));
        Assert.Equal(2, rig.Batch.Count);
        AssertTold(rig, packet, layer, inner4, mtu);
        rig.Complete(rig.Egress, rig.Tunnel.Egress);
        Assert.Equal((2, 1, 2, 1), (rig.Tunnel.Egress.RxPackets, rig.Tunnel.Egress.Originated, rig.Tunnel.Egress.TxPackets, rig.Tunnel.Egress.Drops(DropReason.TooBig)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Tags_cost_four_bytes_each_and_the_answer_carries_them(int tags)
    {
        TunnelRig rig = Rig(TunnelKind.Vxlan, DeviceLayer.Ethernet, outer4: true);
        (ushort, ushort)[] carried = tags == 1 ? [(0x8100, 0x6005)] : [(0x88A8, 7), (0x8100, 0x6005)];
        int mtu = PathMtu - 50 - (4 * tags);
        byte[] Frame(int length) => PacketBuilder.Ethernet(TunnelRig.MacB, TunnelRig.Mac, EtherType.IPv4, Packet(true, length), carried);
        Assert.Equal(PacketState.Pending, rig.Send(Frame(mtu)).State);
        byte[] frame = Frame(mtu + 1);
        Assert.Equal(DropReason.TooBig, rig.Send(frame).Drop);
        Assert.True(EthernetFrame.TryParse(rig.Batch.Data(1), out EthernetFrame answer));
        Assert.Equal(tags, answer.VlanCount);
        Assert.Equal(frame[12..(12 + (4 * tags) + 2)], rig.Batch.Data(1)[12..(12 + (4 * tags) + 2)].ToArray());
        Assert.Equal(mtu, MtuOf(answer.Payload));
    }

    // The table of RFC 4213 §3.2.2 (reliability.md §6, 37): both edges of a path that leaves 1280 bytes.
    [Theory]
    [InlineData(1_299, 1_280, false, 0)]
    [InlineData(1_299, 1_281, true, 1_280)]
    [InlineData(1_300, 1_280, false, 0)]
    [InlineData(1_300, 1_281, true, 1_280)]
    [InlineData(1_301, 1_281, false, 0)]
    [InlineData(1_301, 1_282, true, 1_281)]
    [InlineData(576, 1_280, false, 0)]
    [InlineData(576, 1_281, true, 1_280)]
    [RfcItem(37, "RFC 4213 §3.2.2", "A tunnel with a dynamic MTU tells senders of more than 1280 bytes what fits, and sends the rest with DF only where it fits.")]
    public void Rfc4213_the_four_branches_of_a_dynamic_tunnel_MTU(int path, int length, bool isTold, int mtu)
    {
        TunnelRig rig = Rig(TunnelKind.IPInIP, DeviceLayer.IP, outer4: true, new TunnelPolicy { DontFragment = DontFragmentPolicy.Set }, path);
        byte[] packet = Inner(DeviceLayer.IP, inner4: false, length);
        ref PacketMeta meta = ref rig.Send(packet);
        Assert.Equal(isTold ? DropReason.TooBig : DropReason.None, meta.Drop);
        Assert.Equal(isTold ? 2 : 1, rig.Batch.Count);
        if (isTold)
        {
            AssertTold(rig, packet, DeviceLayer.IP, false, mtu);
        }
        else
        {
            // "do not set the Don't Fragment flag" where it would not fit, and set it where it does.
            Assert.Equal(length + 20 <= path, meta.DontFragment);
        }
    }

    // RFC 2473 §7.1 and RFC 7348 §4.3 do not go together: VXLAN fragments nothing, so what cannot be smaller is lost, and counted.
    [Fact]
    public void Over_UDP_an_IPv6_packet_of_1280_bytes_is_lost_where_the_path_is_too_small_and_nobody_is_told()
    {
        TunnelRig rig = Rig(TunnelKind.Vxlan, DeviceLayer.Ethernet, outer4: false, path: 1_300);
        Assert.Equal(DropReason.TooBig, rig.Send(Inner(DeviceLayer.Ethernet, false, 1_280)).Drop);
        Assert.Equal(1, rig.Batch.Count);
        byte[] larger = Inner(DeviceLayer.Ethernet, false, 1_281);
        Assert.Equal(DropReason.TooBig, rig.Send(larger).Drop);
        AssertTold(rig, larger, DeviceLayer.Ethernet, false, 1_280);
    }

    // RFC 7348 §4.3 (reliability.md §6, 10).
    [Fact]
    [RfcItem(10, "RFC 7348 §4.3", "A VTEP MUST NOT fragment VXLAN packets: what is too big is dropped and counted, or its sender told.")]
    public void Rfc7348_a_frame_without_DF_is_dropped_on_Ethernet()
    {
        TunnelRig rig = Rig(TunnelKind.Vxlan, DeviceLayer.Ethernet, outer4: true);
        Assert.Equal(DropReason.TooBig, rig.Send(Inner(DeviceLayer.Ethernet, true, 1_351, dontFragment: false)).Drop);
        Assert.Equal(1, rig.Batch.Count);
        rig.Complete(rig.Egress, rig.Tunnel.Egress);
    }

    [Theory]
    [InlineData(DeviceLayer.IP, null)]
    [InlineData(DeviceLayer.IP, FragmentPolicy.Inner)]
    [InlineData(DeviceLayer.Ethernet, FragmentPolicy.Inner)]
    // No outer packet of VXLAN is fragmented, whatever the policy says.
    [InlineData(DeviceLayer.IP, FragmentPolicy.Outer)]
    public void Rfc791_an_inner_packet_without_DF_is_cut_where_this_end_is_a_router_or_told_to_be(DeviceLayer layer, FragmentPolicy? policy)
    {
        for (int length = 1_351; length < 4_200; length += 47)
        {
            TunnelRig rig = Rig(TunnelKind.Vxlan, layer, outer4: true, new TunnelPolicy { Fragment = policy });
            byte[] packet = Packet(true, length, dontFragment: false, identification: 0x1234);
            byte[] frame = layer == DeviceLayer.IP ? packet : PacketBuilder.Ethernet(TunnelRig.MacB, TunnelRig.Mac, EtherType.IPv4, packet, (0x8100, 5));
            rig.Send(frame);
            int ethernet = layer == DeviceLayer.IP ? 14 : 18;
            Assert.Equal(packet[20..], Reassemble(rig.Batch, ethernet, PathMtu - 36 - ethernet));
            rig.Complete(rig.Egress, rig.Tunnel.Egress);
            Assert.Equal((1, rig.Batch.Count - 1, rig.Batch.Count), (rig.Tunnel.Egress.RxPackets, rig.Tunnel.Egress.Originated, rig.Tunnel.Egress.TxPackets));
        }
    }

    [Fact]
    public void A_fragment_is_cut_further_and_options_that_are_not_to_be_copied_stay_in_the_first()
    {
        TunnelRig rig = Rig(TunnelKind.Vxlan, DeviceLayer.IP, outer4: true);
        // Record route (7), not copied; then loose source route (131), copied (RFC 791 §3.1).
        byte[] options = [7, 7, 4, 0, 0, 0, 0, 131, 3, 4, 1, 0];
        byte[] packet = new byte[20 + options.Length + 2_000];
        PacketBuilder.Payload(2_000).CopyTo(packet, 20 + options.Length);
        IPv4Header header = new(TunnelRig.InnerA, TunnelRig.InnerB, IPProtocol.Udp) { PayloadLength = 2_000, Flags = IPv4Flags.MoreFragments };
        Assert.True(header.TryWrite(packet, options, out _));
        rig.Send(packet);
        Assert.Equal(2, rig.Batch.Count);
        byte[] joined = new byte[2_000];
        for (int i = 0; i < 2; i++)
        {
            Assert.True(IPv4Packet.TryParse(rig.Batch.Data(i)[14..], out IPv4Packet fragment) && fragment.IsChecksumValid && fragment.MoreFragments);
            fragment.Payload.CopyTo(joined.AsSpan(fragment.FragmentOffset));
            Assert.Equal(i == 0 ? options : [1, 1, 1, 1, 1, 1, 1, 131, 3, 4, 1, 0], fragment.Options.ToArray());
        }

        Assert.Equal(packet[32..], joined);
    }

    [Fact]
    public void A_partial_checksum_is_finished_before_the_packet_is_cut()
    {
        TunnelRig rig = Rig(TunnelKind.Vxlan, DeviceLayer.IP, outer4: true);
        byte[] whole = PacketBuilder.Udp(TunnelRig.InnerA, TunnelRig.InnerB, 1000, 2000, PacketBuilder.Payload(2_000));
        byte[] partial = PacketBuilder.Udp(TunnelRig.InnerA, TunnelRig.InnerB, 1000, 2000, PacketBuilder.Payload(2_000), partialChecksum: true);
        rig.Batch.Clear();
        rig.Batch.TryAppend(partial, out _);
        ref PacketMeta meta = ref rig.Batch.Meta(0);
        (meta.Checksum, meta.NetworkStart, meta.ChecksumStart, meta.ChecksumOffset) = (ChecksumState.Partial, 0, 20, 6);
        rig.Egress.Process(rig.Batch, 0);
        Assert.Equal(whole[20..], Reassemble(rig.Batch, 14, 1_350));
        Assert.All(Enumerable.Range(0, rig.Batch.Count), i => Assert.NotEqual(ChecksumState.Partial, rig.Batch.Meta(i).Checksum));
    }

    [Fact]
    public void Where_the_batch_has_no_room_for_all_fragments_none_leaves()
    {
        TunnelRig rig = new(Tunnel(TunnelKind.Vxlan, DeviceLayer.IP, true, TunnelPolicy.Default, PathMtu), capacity: 2);
        Route(rig, TunnelRig.Remote);
        Assert.Equal(DropReason.QueueFull, rig.Send(Packet(true, 3_000, dontFragment: false)).Drop);
        Assert.Equal(1, rig.Batch.Count);
        rig.Complete(rig.Egress, rig.Tunnel.Egress);
    }

    // RFC 2003 §3.1 and §5.1, RFC 2473 §7.2 b: without DF the outer packet may be fragmented by whoever must.
    [Fact]
    [RfcItem(34, "RFC 2473 §7.2", "An IPv4 packet that does not fit is answered if it has DF; otherwise it is encapsulated, and the outer packet fragmented.", Deviation = "Over IPv6 and over UDP the inner packet is cut: routers do not fragment IPv6, and networks lose fragments of UDP.")]
    public void Rfc2003_IP_in_IP_over_IPv4_leaves_the_inner_packet_whole()
    {
        TunnelRig rig = Rig(TunnelKind.IPInIP, DeviceLayer.IP, outer4: true);
        ref PacketMeta meta = ref rig.Send(Packet(true, 1_480, dontFragment: false));
        Assert.Equal((PacketState.Pending, false, 1_480, 1), (meta.State, meta.DontFragment, rig.Batch.Length(0), rig.Batch.Count));
    }

    [Theory]
    [InlineData(true, 1_481)]
    [InlineData(false, 1_361)]
    public void Where_no_router_would_fragment_the_outer_packet_the_inner_one_is_cut(bool outer4, int length)
    {
        TunnelRig rig = Rig(TunnelKind.IPInIP, DeviceLayer.IP, outer4);
        rig.Send(Packet(true, length, dontFragment: false));
        Assert.Equal(2, rig.Batch.Count);
        Assert.All(Enumerable.Range(0, 2), i => Assert.InRange(rig.Batch.Length(i), 20, PathMtu - (outer4 ? 20 : 40)));
    }

    [Fact]
    public void Of_a_superpacket_the_segments_count_and_one_segment_is_quoted()
    {
        TunnelRig rig = Rig(TunnelKind.Vxlan, DeviceLayer.Ethernet, outer4: true);
        foreach ((int segment, bool passes) in new[] { (1_310, true), (1_311, false) })
        {
            byte[] packet = PacketBuilder.Tcp(TunnelRig.InnerA, TunnelRig.InnerB, 1000, 80, 7, 0x10, PacketBuilder.Payload(30_000), partialChecksum: true);
            packet[6] = 0x40;
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), 0);
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), PacketBuilder.Checksum(packet.AsSpan(0, 20), 0));
            rig.Batch.Clear();
            rig.Batch.TryAppend(PacketBuilder.Ethernet(TunnelRig.MacB, TunnelRig.Mac, EtherType.IPv4, packet), out _);
            ref PacketMeta meta = ref rig.Batch.Meta(0);
            (meta.Checksum, meta.NetworkStart, meta.ChecksumStart, meta.ChecksumOffset) = (ChecksumState.Partial, 14, 34, 16);
            (meta.Segmentation, meta.SegmentSize, meta.HeaderLength) = (SegmentationKind.TcpIPv4, (ushort)segment, 54);
            rig.Egress.Process(rig.Batch, 0);
            Assert.Equal(passes ? PacketState.Pending : PacketState.Dropped, rig.Batch.Meta(0).State);
            Assert.Equal(passes ? 1 : 2, rig.Batch.Count);
            rig.Complete(rig.Egress, rig.Tunnel.Egress);
        }

        Assert.True(EthernetFrame.TryParse(rig.Batch.Data(1), out EthernetFrame answer));
        Assert.Equal(1_350, MtuOf(answer.Payload));
        Assert.True(IPv4Packet.TryParse(answer.Payload, out IPv4Packet ip));
        Assert.True(IcmpPacket.TryParse(ip.Payload, out IcmpPacket message));
        Assert.True(IPv4Packet.TryParseTruncated(message.Payload, out IPv4Packet quoted) && quoted.IsChecksumValid);
        Assert.Equal(1_311 + 40, quoted.TotalLength);
    }

    public static TheoryData<string, byte[]> Silent()
    {
        byte[] Ethernet(byte[] packet, MacAddress? to = null) =>
            PacketBuilder.Ethernet(to ?? TunnelRig.MacB, TunnelRig.Mac, packet[0] >> 4 == 4 ? EtherType.IPv4 : EtherType.IPv6, packet);
        byte[] From(string source, string destination, IPProtocol protocol = IPProtocol.Udp, byte type = 0) =>
            PacketBuilder.IP(ValueIPAddress.Parse(source), ValueIPAddress.Parse(destination), protocol, [type, .. new byte[1_449]], dontFragment: true);
        byte[] later = From("10.0.0.1", "10.0.0.2");
        later[7] = 1;
        byte[] later6 = PacketBuilder.IP(TunnelRig.InnerA6, TunnelRig.InnerB6, IPProtocol.FragmentHeader, [17, 0, 0, 8, .. new byte[1_440]]);
        TheoryData<string, byte[]> rows = new()
        {
            { "to many", Ethernet(From("10.0.0.1", "224.0.0.5")) },
            { "to all", Ethernet(From("10.0.0.1", "255.255.255.255")) },
            { "to a group of the link", Ethernet(From("10.0.0.1", "10.0.0.2"), MacAddress.Broadcast) },
            { "from nobody", Ethernet(From("0.0.0.0", "10.0.0.2")) },
            { "from many", Ethernet(From("224.0.0.5", "10.0.0.2")) },
            { "from itself", Ethernet(From("127.0.0.1", "10.0.0.2")) },
            { "a later fragment", Ethernet(later) },
            { "to many", Ethernet(From("fd00::1", "ff02::5")) },
            { "from nobody", Ethernet(From("::", "fd00::2")) },
            { "from many", Ethernet(From("ff02::5", "fd00::2")) },
            { "a later fragment", Ethernet(later6) },
            { "a redirect", Ethernet(From("fd00::1", "fd00::2", IPProtocol.IcmpV6, 137)) },
            { "an error", Ethernet(From("fd00::1", "fd00::2", IPProtocol.IcmpV6, 2)) },
            { "no IP", PacketBuilder.Ethernet(TunnelRig.MacB, TunnelRig.Mac, (EtherType)0x88B5, new byte[1_400]) },
        };
        foreach (byte type in new byte[] { 3, 4, 5, 11, 12 })
        {
            rows.Add($"ICMP {type}", Ethernet(From("10.0.0.1", "10.0.0.2", IPProtocol.Icmp, type)));
        }

        return rows;
    }

    // RFC 1812 §4.3.2.7, RFC 4443 §2.4 e (reliability.md §6, 87).
    [Theory]
    [MemberData(nameof(Silent))]
    [RfcItem(87, "RFC 1812 §4.3.2.7", "No ICMP error MUST be sent about an ICMP error, broadcast, multicast, or a fragment other than the first.")]
    public void Rfc1812_nobody_is_told_where_it_is_forbidden(string why, byte[] frame)
    {
        TunnelRig rig = Rig(TunnelKind.Vxlan, DeviceLayer.Ethernet, outer4: true);
        Assert.True(rig.Send(frame).Drop == DropReason.TooBig, why);
        Assert.True(rig.Batch.Count == 1, why);
        rig.Complete(rig.Egress, rig.Tunnel.Egress);
    }

    [Theory]
    [InlineData(IPProtocol.Icmp, 8, true)]
    [InlineData(IPProtocol.Icmp, 0, true)]
    [InlineData(IPProtocol.IcmpV6, 128, false)]
    public void Who_asks_for_an_echo_is_told(IPProtocol protocol, byte type, bool inner4)
    {
        TunnelRig rig = Rig(TunnelKind.IPInIP, DeviceLayer.IP, outer4: true);
        byte[] packet = PacketBuilder.IP(inner4 ? TunnelRig.InnerA : TunnelRig.InnerA6, inner4 ? TunnelRig.InnerB : TunnelRig.InnerB6, protocol, [type, .. new byte[1_449]], dontFragment: true);
        Assert.Equal(DropReason.TooBig, rig.Send(packet).Drop);
        Assert.Equal(2, rig.Batch.Count);
    }

    [Fact]
    public void A_policy_can_keep_it_silent()
    {
        TunnelRig rig = Rig(TunnelKind.Vxlan, DeviceLayer.Ethernet, outer4: true, new TunnelPolicy { TellTooBig = false });
        Assert.Equal(DropReason.TooBig, rig.Send(Inner(DeviceLayer.Ethernet, true, 1_400)).Drop);
        Assert.Equal(1, rig.Batch.Count);
    }

    // RFC 1812 §4.3.2.8, RFC 4443 §2.4 f (reliability.md §6, 87).
    [Fact]
    [RfcItem(87, "RFC 1812 §4.3.2.8", "ICMP errors are limited in their rate.")]
    public void Rfc1812_ten_messages_at_once_to_a_host_and_ten_in_a_second_and_others_are_not_kept_from_theirs()
    {
        TunnelRig rig = Rig(TunnelKind.Vxlan, DeviceLayer.Ethernet, outer4: true);
        int Told(ValueIPAddress source, long now)
        {
            rig.Batch.Clear();
            for (int i = 0; i < 20; i++)
            {
                byte[] packet = PacketBuilder.IP(source, TunnelRig.InnerB, IPProtocol.Udp, new byte[1_400], dontFragment: true);
                rig.Batch.TryAppend(PacketBuilder.Ethernet(TunnelRig.MacB, TunnelRig.Mac, EtherType.IPv4, packet), out _);
            }

            rig.Egress.Process(rig.Batch, now);
            return rig.Batch.Count - 20;
        }

        Assert.Equal(10, Told(TunnelRig.InnerA, -50_000));
        Assert.Equal(0, Told(TunnelRig.InnerA, -50_000));
        Assert.Equal(10, Told(ValueIPAddress.Parse("10.9.9.9"), -50_000));
        Assert.Equal(1, Told(TunnelRig.InnerA, -49_900));
        Assert.Equal(10, Told(TunnelRig.InnerA, -48_900));
        // All together no more than a hundred at once, whoever they claim to be.
        int sum = 0;
        for (uint host = 0; host < 100; host++)
        {
            sum += Told(ValueIPAddress.FromIPv4(0x0A80_0000 + (host * 7_919)), 0);
        }

        Assert.Equal(100, sum);
    }

    [Fact]
    public void Only_copies_to_remotes_with_a_small_path_are_too_big()
    {
        PathMtus paths = new(1_500);
        paths.Lower(paths.Add(TunnelRig.Remote2), PathMtu, 0);
        TunnelRig rig = new(new Tunnel(Options(TunnelKind.Vxlan, DeviceLayer.Ethernet, TunnelRig.Local, TunnelPolicy.Default), new OverlayTables(), paths));
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote));
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote2));
        rig.Send(Inner(DeviceLayer.Ethernet, true, 1_450));
        Dictionary<ValueIPAddress, DropReason> copies = Enumerable.Range(0, rig.Batch.Count).Where(i => rig.Batch.Meta(i).Output == TunnelRig.Endpoint)
            .ToDictionary(i => rig.Batch.Meta(i).Remote, i => rig.Batch.Meta(i).Drop);
        Assert.Equal((DropReason.None, DropReason.TooBig), (copies[TunnelRig.Remote], copies[TunnelRig.Remote2]));
        Assert.Equal(3, rig.Batch.Count);
        rig.Complete(rig.Egress, rig.Tunnel.Egress);
        Assert.Equal((1, 1, 1, 2, 1), (rig.Tunnel.Egress.RxPackets, rig.Tunnel.Egress.Replicated, rig.Tunnel.Egress.Originated, rig.Tunnel.Egress.TxPackets, rig.Tunnel.Egress.TotalDrops));
    }

    [Fact]
    public void An_encapsulation_limit_takes_its_eight_bytes()
    {
        TunnelRig rig = Rig(TunnelKind.IPInIP, DeviceLayer.IP, outer4: false, new TunnelPolicy { EncapsulationLimit = 4 });
        Assert.Equal(PacketState.Pending, rig.Send(Inner(DeviceLayer.IP, true, PathMtu - 48)).State);
        byte[] packet = Inner(DeviceLayer.IP, true, PathMtu - 47);
        Assert.Equal(DropReason.TooBig, rig.Send(packet).Drop);
        AssertTold(rig, packet, DeviceLayer.IP, true, PathMtu - 48);
    }

    [Fact]
    public void Padding_is_no_reason_to_complain()
    {
        TunnelRig rig = Rig(TunnelKind.Vxlan, DeviceLayer.Ethernet, outer4: true);
        byte[] frame = [.. Inner(DeviceLayer.Ethernet, true, 1_350), .. new byte[20]];
        Assert.Equal((PacketState.Pending, 1_364), (rig.Send(frame).State, rig.Batch.Length(0)));
    }

    [Fact]
    [RfcItem(76, "RFC 8899 §3", "Only probes are larger than the PLPMTU.")]
    public void Rfc8899_only_probes_are_larger_than_what_probing_found()
    {
        PathMtus paths = new(1_500);
        int remote = paths.Add(TunnelRig.Remote);
        TunnelRig rig = new(new Tunnel(Options(TunnelKind.Vxlan, DeviceLayer.Ethernet, TunnelRig.Local, TunnelPolicy.Default), new OverlayTables(), paths));
        Route(rig, TunnelRig.Remote);
        foreach (int size in (int[])[1_433, 1_200, 1_300])
        {
            paths.Found(remote, size, 0);
            Assert.Equal(PacketState.Pending, rig.Send(Inner(DeviceLayer.Ethernet, true, size - 50)).State);
            Assert.Equal(DropReason.TooBig, rig.Send(Inner(DeviceLayer.Ethernet, true, size - 49)).Drop);
        }

        ProbePort port = new(rig.Tunnel);
        Assert.True(port.TryEnqueue(TunnelRig.Remote, new PathProbe(remote, 1_500, 1)));
        rig.Batch.Clear();
        Assert.Equal(PortResult.Ok, port.Receive(rig.Batch));
        new ProbeEgress(rig.Tunnel, TunnelRig.Endpoint, 0).Process(rig.Batch, 0);
        Assert.Equal((PacketState.Pending, 1_500 - 28), (rig.Batch.Meta(0).State, rig.Batch.Length(0)));
    }

    [Fact]
    public void An_explanation_says_what_the_path_takes_and_who_says_so()
    {
        TunnelRig rig = Rig(TunnelKind.Vxlan, DeviceLayer.Ethernet, outer4: true);
        Explanation explanation = rig.Egress.Explain(Inner(DeviceLayer.Ethernet, true, 1_351));
        Assert.Equal((ExplanationVerdict.Dropped, DropReason.TooBig, true), (explanation.Verdict, explanation.Reason, explanation.IsSettled));
        ExplanationStep step = explanation.Steps[^1];
        Assert.Equal((ExplanationSource.PathMtu, ExplanationOutcome.Decided, TunnelRig.Remote), (step.Source, step.Outcome, step.Address));
        Assert.Contains("takes 1400 bytes, as a router on the way said by ICMP; 36 of them are outer headers", step.Text, StringComparison.Ordinal);
        Assert.Equal(0, rig.Tunnel.Egress.RxPackets);
        Assert.Single(explanation.Outputs, output => output.Origin == PacketOrigin.Originated);
    }

    [Fact]
    public void Telling_and_cutting_allocate_nothing()
    {
        TunnelRig rig = Rig(TunnelKind.Vxlan, DeviceLayer.IP, outer4: true);
        byte[] told = Packet(true, 1_400), cut = Packet(true, 1_400, dontFragment: false), fits = Packet(true, 1_350);
        int count = 0;
        long now = 0;
        Allocations.Zero(() =>
        {
            rig.Batch.Clear();
            rig.Batch.TryAppend(told, out _);
            rig.Batch.TryAppend(cut, out _);
            rig.Batch.TryAppend(fits, out _);
            rig.Egress.Process(rig.Batch, now += 1_000);
            count = rig.Batch.Count;
        });
        Assert.Equal(5, count);
    }

    private static byte[] Inner(DeviceLayer layer, bool inner4, int length, bool dontFragment = true)
    {
        byte[] packet = Packet(inner4, length, dontFragment);
        return layer == DeviceLayer.IP ? packet : PacketBuilder.Ethernet(TunnelRig.MacB, TunnelRig.Mac, inner4 ? EtherType.IPv4 : EtherType.IPv6, packet);
    }

    private static byte[] Packet(bool inner4, int length, bool dontFragment = true, ushort identification = 0)
    {
        (ValueIPAddress source, ValueIPAddress destination) = inner4 ? (TunnelRig.InnerA, TunnelRig.InnerB) : (TunnelRig.InnerA6, TunnelRig.InnerB6);
        byte[] payload = PacketBuilder.Payload(length - (inner4 ? 20 : 40));
        return PacketBuilder.IP(source, destination, IPProtocol.Udp, payload, dontFragment: dontFragment, identification: identification);
    }

    private static void AssertTold(TunnelRig rig, byte[] packet, DeviceLayer layer, bool inner4, int mtu)
    {
        PacketMeta told = rig.Batch.Meta(1);
        Assert.Equal((PacketState.Pending, TunnelRig.Device, PacketOrigin.Originated), (told.State, told.Output, told.Origin));
        ReadOnlySpan<byte> answer = rig.Batch.Data(1);
        ReadOnlySpan<byte> inner = packet;
        if (layer == DeviceLayer.Ethernet)
        {
            Assert.True(EthernetFrame.TryParse(answer, out EthernetFrame frame));
            Assert.Equal((TunnelRig.Mac, TunnelRig.MacB), (frame.Destination, frame.Source));
            answer = frame.Payload;
            inner = packet.AsSpan(14);
        }

        if (inner4)
        {
            Assert.True(IPv4Packet.TryParse(answer, out IPv4Packet ip) && ip.IsChecksumValid && ip.Bytes.Length == answer.Length);
            Assert.Equal((TunnelRig.InnerB, TunnelRig.InnerA, IPProtocol.Icmp), (ip.Source, ip.Destination, ip.Protocol));
            Assert.True(IcmpPacket.TryParse(ip.Payload, out IcmpPacket message) && message.IsChecksumValid);
            Assert.Equal((IcmpType.DestinationUnreachable, 4, (uint)mtu), (message.Type, message.Code, message.RestOfHeader));
            Assert.Equal(576, answer.Length);
            Assert.Equal(inner[..548].ToArray(), message.Payload.ToArray());
        }
        else
        {
            Assert.True(IPv6Packet.TryParse(answer, out IPv6Packet ip) && ip.Bytes.Length == answer.Length);
            Assert.Equal((TunnelRig.InnerB6, TunnelRig.InnerA6, IPProtocol.IcmpV6), (ip.Source, ip.Destination, ip.NextHeader));
            Assert.True(IcmpV6Packet.TryParse(ip.Payload, out IcmpV6Packet message) && message.IsChecksumValid(ip.Source, ip.Destination));
            Assert.Equal((IcmpV6Type.PacketTooBig, 0, (uint)mtu), (message.Type, message.Code, message.RestOfHeader));
            Assert.Equal(1_280, answer.Length);
            Assert.Equal(inner[..1_232].ToArray(), message.Payload.ToArray());
        }
    }

    private static int MtuOf(ReadOnlySpan<byte> packet) =>
        IPv4Packet.TryParse(packet, out IPv4Packet ip) && IcmpPacket.TryParse(ip.Payload, out IcmpPacket message) && message.IsFragmentationNeeded ? message.NextHopMtu : -1;

    // The receiver's side, the plain way: bytes by their offset, and the end by the fragment without MF.
    private static byte[] Reassemble(PacketBatch batch, int ethernet, int mtu)
    {
        byte[] joined = new byte[65_535];
        int end = -1, sum = 0;
        for (int i = 0; i < batch.Count; i++)
        {
            Assert.Equal((PacketState.Pending, TunnelRig.Endpoint, TunnelRig.Remote), (batch.Meta(i).State, batch.Meta(i).Output, batch.Meta(i).Remote));
            Assert.True(IPv4Packet.TryParse(batch.Data(i)[ethernet..], out IPv4Packet fragment) && fragment.IsChecksumValid);
            Assert.True(fragment.TotalLength <= mtu && fragment.TotalLength == batch.Length(i) - ethernet);
            Assert.True(!fragment.MoreFragments || fragment.Payload.Length % 8 == 0);
            fragment.Payload.CopyTo(joined.AsSpan(fragment.FragmentOffset));
            sum += fragment.Payload.Length;
            end = fragment.MoreFragments ? end : fragment.FragmentOffset + fragment.Payload.Length;
        }

        Assert.Equal(end, sum);
        return joined[..end];
    }

    private static TunnelRig Rig(TunnelKind kind, DeviceLayer layer, bool outer4, TunnelPolicy? policy = null, int path = PathMtu)
    {
        TunnelRig rig = new(Tunnel(kind, layer, outer4, policy ?? TunnelPolicy.Default, path));
        Route(rig, outer4 ? TunnelRig.Remote : Remote6);
        return rig;
    }

    private static void Route(TunnelRig rig, ValueIPAddress remote)
    {
        if (rig.Tunnel.Options.Layer == DeviceLayer.Ethernet)
        {
            rig.Tables.Apply(OverlayUpdate.SetForwarding(rig.Tunnel.Options.Vni, TunnelRig.MacB, new FdbEntry(remote)));
            rig.Tables.Apply(OverlayUpdate.AddFlood(rig.Tunnel.Options.Vni, remote));
        }
        else
        {
            rig.Tables.Apply(OverlayUpdate.SetRoute(ValueIPAddress.Parse("0.0.0.0"), 0, new RouteEntry(remote, TunnelRig.MacB)));
            rig.Tables.Apply(OverlayUpdate.SetRoute(ValueIPAddress.Parse("::"), 0, new RouteEntry(remote, TunnelRig.MacB)));
        }
    }

    private static Tunnel Tunnel(TunnelKind kind, DeviceLayer layer, bool outer4, TunnelPolicy policy, int path)
    {
        PathMtus paths = new(1_500);
        _ = paths.Lower(paths.Add(outer4 ? TunnelRig.Remote : Remote6), path, 0);
        return new Tunnel(Options(kind, layer, outer4 ? TunnelRig.Local : Local6, policy), new OverlayTables(), paths);
    }

    private static TunnelOptions Options(TunnelKind kind, DeviceLayer layer, ValueIPAddress local, TunnelPolicy policy) => new()
    {
        Name = "rig",
        Kind = kind,
        Layer = layer,
        Vni = TunnelFacts.Of(kind).HasVni ? TunnelRig.Vni : default,
        Local = local,
        DeviceMac = TunnelRig.Mac,
        Policy = policy,
    };
}
