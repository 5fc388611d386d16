using System.Buffers.Binary;
using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing;
using Overlay.Tests.Encapsulation;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.DataPath;

/// <summary>Both ways through a GRE tunnel, between device and port.</summary>
public sealed class GreTunnelTests
{
    private static readonly byte[] Packet4 = PacketBuilder.Udp(TunnelRig.InnerB, TunnelRig.InnerA, 1000, 2000, "hello"u8);
    private static readonly byte[] Packet6 = PacketBuilder.Udp(TunnelRig.InnerB6, TunnelRig.InnerA6, 1000, 2000, "hello"u8);

    [Theory]
    [InlineData(false, 0, 0)]
    [InlineData(true, 7, 0)]
    [InlineData(true, 0, 0)]
    [InlineData(true, uint.MaxValue, 3)]
    public void What_stands_in_the_header_is_decided_here_and_written_by_the_port(bool hasKey, uint key, int others)
    {
        GreOptions options = new() { Key = hasKey ? key : null, Checksum = (others & 1) != 0, SequenceNumbers = (others & 2) != 0 };
        TunnelRig rig = Routed(options);
        ref PacketMeta meta = ref rig.Send(PacketBuilder.Udp(TunnelRig.InnerA, TunnelRig.InnerB, 1000, 2000, "hello"u8, 1, 64, dontFragment: true));
        Assert.Equal((PacketState.Pending, TunnelRig.Endpoint, TunnelRig.Remote), (meta.State, meta.Output, meta.Remote));
        Assert.Equal((hasKey, options.Checksum, options.SequenceNumbers),
            (meta.GreFields.HasFlag(GreFlags.Key), meta.GreFields.HasFlag(GreFlags.Checksum), meta.GreFields.HasFlag(GreFlags.SequenceNumber)));
        Assert.Equal((key, 1, 64, true), (meta.GreKey, meta.TrafficClass, meta.Ttl, meta.DontFragment));
        Assert.Equal(4 * ((hasKey ? 1 : 0) + int.PopCount(others)), options.Length);
        rig.Complete(rig.Egress, rig.Tunnel.Egress);
    }

    [Fact]
    public void Other_kinds_have_no_GRE_fields_and_GRE_no_limit()
    {
        TunnelRig rig = new(TunnelKind.IPInIP, DeviceLayer.IP, gre: new GreOptions { Key = 1 });
        rig.Tables.Apply(OverlayUpdate.SetRoute(System.Net.IPNetwork.Parse("10.244.0.0/24"), new RouteEntry(TunnelRig.Remote)));
        Assert.Equal(GreFlags.None, rig.Send(PacketBuilder.Udp(TunnelRig.InnerA, TunnelRig.InnerB, 1, 2, [])).GreFields);
        Assert.Null(Routed().Send(PacketBuilder.Udp(TunnelRig.InnerA, TunnelRig.InnerB, 1, 2, [])).EncapsulationLimit);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_packet_comes_out_of_the_tunnel_as_it_went_in(bool ipv6)
    {
        TunnelRig rig = Routed(new GreOptions { Key = 7 });
        byte[] packet = ipv6 ? Packet6 : Packet4;
        byte[] padded = [.. packet, 1, 2, 3];
        ref PacketMeta meta = ref Receive(rig, Gre(padded, key: 7, checksum: true, number: 9));
        Assert.Equal((PacketState.Pending, TunnelRig.Device, 0), (meta.State, meta.Output, meta.Tunnel));
        Assert.Equal(packet, rig.Batch.Data(0).ToArray());
        rig.Complete(rig.Ingress, rig.Tunnel.Ingress);
        Assert.Equal((1, 1), (rig.Tunnel.Ingress.RxPackets, rig.Tunnel.Ingress.TxPackets));
    }

    public static TheoryData<string, DropReason, bool> Bad()
    {
        byte[] good = Gre(Packet4, key: 7);
        byte[] wrongSum = Gre(Packet4, key: 7, checksum: true);
        wrongSum[^1] ^= 1;
        byte[] wrongVersion = [.. good[..8], .. Packet6];
        byte[] ttl = [.. Packet4];
        ttl[8] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(ttl.AsSpan(10), 0);
        BinaryPrimitives.WriteUInt16BigEndian(ttl.AsSpan(10), PacketBuilder.Checksum(ttl.AsSpan(0, 20), 0));
        return new TheoryData<string, DropReason, bool>
        {
            { "", DropReason.Truncated, false },
            { Convert.ToHexString(good[..3]), DropReason.Truncated, false },
            { Convert.ToHexString(good[..7]), DropReason.Truncated, false },
            { Convert.ToHexString(good[..8]), DropReason.InnerTruncated, true },
            { Convert.ToHexString(good[..27]), DropReason.InnerTruncated, true },
            // reliability.md §6, 59 and 60: bits 1, 4 and 5 and the version.
            { Convert.ToHexString(With(good, 0, 0x60)), DropReason.BadFlags, false },
            { Convert.ToHexString(With(good, 0, 0x28)), DropReason.BadFlags, false },
            { Convert.ToHexString(With(good, 0, 0x24)), DropReason.BadFlags, false },
            { Convert.ToHexString(With(good, 1, 0x01)), DropReason.HeaderVersion, false },
            // 61: an unknown protocol type, and Ethernet, which is gretap's.
            { Convert.ToHexString(With(good, 3, 0x06)), DropReason.UnknownProtocol, false },
            { Convert.ToHexString(GreEncapsulatorTests.Gre(EtherType.TransparentEthernetBridging, 7, false, null, new byte[60])), DropReason.NotTunnel, false },
            // 58.
            { Convert.ToHexString(wrongSum), DropReason.BadChecksum, false },
            // 62: it would go back to where it came from.
            { Convert.ToHexString(Gre(PacketBuilder.Udp(TunnelRig.InnerB, TunnelRig.Remote, 1, 2, []), key: 7)), DropReason.Loop, true },
            // 63.
            { Convert.ToHexString(Gre(Packet4, key: 8)), DropReason.UnknownKey, false },
            { Convert.ToHexString(Gre(Packet4, key: null)), DropReason.UnknownKey, false },
            { Convert.ToHexString(wrongVersion), DropReason.BadVersion, true },
            { Convert.ToHexString(Gre(ttl, key: 7)), DropReason.TtlExpired, true },
        };
    }

    [Theory]
    [MemberData(nameof(Bad))]
    public void A_bad_packet_is_one_drop_with_its_own_reason(string hex, DropReason reason, bool owned)
    {
        TunnelRig rig = Routed(new GreOptions { Key = 7 });
        Assert.Equal(reason, Receive(rig, Convert.FromHexString(hex)).Drop);
        DirectionCounters counters = owned ? rig.Tunnel.Ingress : rig.Ingress.Unowned;
        rig.Complete(rig.Ingress, counters);
        Assert.Equal((1, 1), (counters.RxPackets, counters.Drops(reason)));
        Assert.Equal(1, rig.Ingress.Unowned.TotalDrops + rig.Tunnel.Ingress.TotalDrops);
    }

    [Fact]
    public void Ignored_bits_are_ignored()
    {
        // RFC 2784 §2.3: bits 6 to 12.
        TunnelRig rig = Routed();
        byte[] packet = Gre(Packet4);
        packet[0] |= 0x03;
        packet[1] |= 0xF8;
        Assert.Equal(PacketState.Pending, Receive(rig, packet).State);
    }

    [Fact]
    public void A_checksum_is_verified_if_there_is_one_and_missed_where_it_must_be()
    {
        TunnelRig rig = Routed(new GreOptions { Checksum = true });
        Assert.Equal(PacketState.Pending, Receive(rig, Gre(Packet4, checksum: true)).State);
        Assert.Equal(DropReason.BadChecksum, Receive(rig, Gre(Packet4)).Drop);
        Assert.Equal(PacketState.Pending, Receive(Routed(), Gre(Packet4, checksum: true)).State);
    }

    [Fact]
    public void An_unfinished_inner_checksum_leaves_the_outer_one_unverifiable()
    {
        TunnelRig rig = Routed(new GreOptions { Checksum = true });
        byte[] packet = Gre(Packet4, checksum: true);
        packet[4] ^= 1;
        Assert.Equal(DropReason.BadChecksum, Receive(rig, packet).Drop);
        // The kernel of a peer on the same host leaves the outer one to the hardware, as zero, or the inner one.
        packet[4] = packet[5] = 0;
        Assert.Equal(PacketState.Pending, Receive(rig, packet).State);
        packet[4] = packet[5] = 0xAB;
        int transport = packet.Length - Packet4.Length + 20;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(transport + 6), PacketBuilder.PseudoHeader(Packet4, IPProtocol.Udp, Packet4.Length - 20));
        rig.Batch.Clear();
        Assert.True(rig.Batch.TryAppend(packet, out _));
        rig.Batch.Meta(0).Remote = TunnelRig.Remote;
        ReceiveClassifier.ClassifyGre(rig.Batch, 0, 1476);
        rig.Ingress.Process(rig.Batch, 0);
        Assert.Equal((PacketState.Pending, ChecksumState.Partial, 20), (rig.Batch.Meta(0).State, rig.Batch.Meta(0).Checksum, rig.Batch.Meta(0).ChecksumStart));
        Assert.True(Segmentation.CompleteChecksum(rig.Batch.Data(0), rig.Batch.Meta(0)));
        Assert.Equal(Packet4, rig.Batch.Data(0).ToArray());
    }

    [Fact]
    public void Who_is_no_remote_is_refused_and_does_not_touch_the_order()
    {
        TunnelRig rig = Routed(new GreOptions { SequenceNumbers = true });
        Assert.Equal(DropReason.UnknownRemote, Receive(rig, Gre(Packet4, number: 100), TunnelRig.Remote2).Drop);
        Assert.Equal(PacketState.Pending, Receive(rig, Gre(Packet4, number: 5)).State);
    }

    [Fact]
    public void What_comes_late_is_dropped_where_the_tunnel_has_numbers()
    {
        // reliability.md §6, 64.
        TunnelRig rig = Routed(new GreOptions { SequenceNumbers = true });
        foreach ((uint number, bool passes) in ((uint, bool)[])[(0, true), (1, true), (3, true), (2, false), (3, false), (4, true)])
        {
            ref PacketMeta meta = ref Receive(rig, Gre(Packet4, number: number));
            Assert.Equal((number, passes ? DropReason.None : DropReason.OutOfSequence), (number, meta.Drop));
        }

        Assert.Equal(DropReason.OutOfSequence, Receive(rig, Gre(Packet4)).Drop);
        TunnelRig other = Routed();
        Assert.Equal(PacketState.Pending, Receive(other, Gre(Packet4, number: 7)).State);
        Assert.Equal(PacketState.Pending, Receive(other, Gre(Packet4, number: 6)).State);
    }

    [Fact]
    public void Tunnels_of_one_endpoint_are_told_apart_by_key()
    {
        TunnelIngress ingress = new(TunnelKind.Gre);
        Tunnel[] tunnels = [.. new uint?[] { null, 0, 7 }.Select(key => MakeTunnel(TunnelKind.Gre, key))];
        for (int i = 0; i < tunnels.Length; i++)
        {
            ingress.Attach(tunnels[i], 10 + i);
        }

        PacketBatch batch = new(8);
        foreach (uint? key in new uint?[] { 7, 0, null, 1 })
        {
            Assert.True(batch.TryAppend(Gre(Packet4, key), out int index));
            batch.Meta(index).Remote = TunnelRig.Remote;
        }

        ingress.Process(batch, 0);
        Assert.Equal([12, 11, 10, -1], Enumerable.Range(0, 4).Select(i => batch.Meta(i).Output));
        Assert.Equal(DropReason.UnknownKey, batch.Meta(3).Drop);
        ArgumentException e = Assert.Throws<ArgumentException>(() => ingress.Attach(MakeTunnel(TunnelKind.Gre, 7, RemotePolicy.Any), 1));
        Assert.Contains("same key 7", e.Message, StringComparison.Ordinal);
        e = Assert.Throws<ArgumentException>(() => ingress.Attach(MakeTunnel(TunnelKind.Gre, null, RemotePolicy.Any), 1));
        Assert.Contains("both without a key", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tunnels_with_one_key_are_told_apart_by_remote()
    {
        TunnelIngress ingress = new(TunnelKind.Gre);
        ValueIPAddress[] remotes = [TunnelRig.Remote, TunnelRig.Remote2, ValueIPAddress.Parse("192.0.2.4")];
        Tunnel[] tunnels = [.. remotes.Select(remote => MakeTunnel(TunnelKind.Gre, 7, remote: remote))];
        for (int i = 0; i < tunnels.Length; i++)
        {
            ingress.Attach(tunnels[i], 10 + i);
        }

        PacketBatch batch = new(8);
        ValueIPAddress stranger = ValueIPAddress.Parse("192.0.2.99");
        foreach (ValueIPAddress remote in (ValueIPAddress[])[remotes[2], remotes[0], remotes[1], stranger])
        {
            Assert.True(batch.TryAppend(Gre(Packet4, 7), out int index));
            batch.Meta(index).Remote = remote;
        }

        ingress.Process(batch, 0);
        Assert.Equal([12, 10, 11, -1], Enumerable.Range(0, 4).Select(i => batch.Meta(i).Output));
        Assert.Equal((DropReason.UnknownRemote, 0), (batch.Meta(3).Drop, batch.Meta(3).Tunnel));
        // Who takes packets of anybody would take those of the others.
        Assert.Throws<ArgumentException>(() => ingress.Attach(MakeTunnel(TunnelKind.Gre, 7, RemotePolicy.Any), 1));
    }

    [Fact]
    public void Gretap_learns_and_floods_like_vxlan_without_a_vni()
    {
        TunnelRig rig = Ethernet(learning: true);
        byte[] frame = TunnelRig.FrameFrom(TunnelRig.MacB);
        byte[] packet = GreEncapsulatorTests.Gre(EtherType.TransparentEthernetBridging, null, true, null, frame);
        ref PacketMeta meta = ref Receive(rig, packet);
        Assert.Equal((PacketState.Pending, TunnelRig.Device), (meta.State, meta.Output));
        Assert.Equal(frame, rig.Batch.Data(0).ToArray());
        Assert.True(rig.Tunnel.Learned.TryDequeue(out LearnedAddress learned));
        Assert.Equal((default, TunnelRig.MacB, TunnelRig.Remote), (learned.Vni, learned.Mac, learned.Remote));

        rig.Tables.Apply(OverlayUpdate.AddFlood(default, TunnelRig.Remote2));
        rig.Send(TunnelRig.FrameTo(MacAddress.Broadcast));
        Assert.Equal([TunnelRig.Remote, TunnelRig.Remote2], Enumerable.Range(0, rig.Batch.Count).Select(i => rig.Batch.Meta(i).Remote).Order());
        rig.Tables.Apply(OverlayUpdate.SetForwarding(default, TunnelRig.MacB, new FdbEntry(TunnelRig.Remote2)));
        Assert.Equal((TunnelRig.Remote2, false), (rig.Send(TunnelRig.FrameTo(TunnelRig.MacB)).Remote, rig.Batch.Meta(0).DontFragment));
        Assert.Equal(1, rig.Batch.Count);
    }

    [Fact]
    public void Gretap_takes_no_IP_and_NVGRE_only_with_its_key()
    {
        TunnelRig rig = Ethernet(key: (0x001234 << 8) | 0x56);
        byte[] frame = TunnelRig.FrameFrom(TunnelRig.MacB);
        Assert.Equal(DropReason.NotTunnel, Receive(rig, Gre(Packet4, key: 0x123456)).Drop);
        // VSID 0x001234, FlowID 0x56; another flow of the same virtual subnet has another key (RFC 7637 §3.2).
        foreach ((byte flow, DropReason reason) in ((byte, DropReason)[])[(0x56, DropReason.None), (0x57, DropReason.UnknownKey)])
        {
            byte[] packet = new byte[NvgreHeader.Length + frame.Length];
            Assert.True(new NvgreHeader(new Vni(0x1234), flow).TryWrite(packet, out int length));
            frame.CopyTo(packet, length);
            Assert.Equal(reason, Receive(rig, packet).Drop);
        }
    }

    [Theory]
    [InlineData(TunnelKind.Gre, DeviceLayer.Ethernet)]
    [InlineData(TunnelKind.Gretap, DeviceLayer.IP)]
    public void A_device_of_the_wrong_layer_is_refused(TunnelKind kind, DeviceLayer layer) =>
        Assert.Throws<ArgumentException>(() => new TunnelRig(kind, layer));

    [Fact]
    public void Deciding_allocates_nothing()
    {
        TunnelRig rig = Routed(new GreOptions { Key = 7, Checksum = true, SequenceNumbers = true });
        byte[] outward = PacketBuilder.Udp(TunnelRig.InnerA, TunnelRig.InnerB, 1000, 2000, "hello"u8);
        byte[] inward = Gre(Packet4, key: 7, checksum: true, number: 0);
        PacketState state = default;
        Allocations.Zero(() =>
        {
            rig.Batch.Clear();
            rig.Batch.TryAppend(outward, out _);
            rig.Egress.Process(rig.Batch, 0);
            rig.Batch.Clear();
            rig.Batch.TryAppend(inward, out _);
            rig.Batch.Meta(0).Remote = TunnelRig.Remote;
            rig.Ingress.Process(rig.Batch, 0);
            state = rig.Batch.Meta(0).State;
        });
        // Number 0 once more is a packet that came twice.
        Assert.Equal(PacketState.Dropped, state);
    }

    private static ref PacketMeta Receive(TunnelRig rig, ReadOnlySpan<byte> packet, ValueIPAddress? remote = null) =>
        ref rig.Receive(packet, remote, protocol: IPProtocol.Gre);

    private static byte[] Gre(ReadOnlySpan<byte> packet, uint? key = null, bool checksum = false, uint? number = null) =>
        GreEncapsulatorTests.Gre(packet[0] >> 4 == 4 ? EtherType.IPv4 : EtherType.IPv6, key, checksum, number, packet);

    private static byte[] With(byte[] packet, int index, byte value)
    {
        byte[] changed = [.. packet];
        changed[index] = value;
        return changed;
    }

    private static TunnelRig Routed(GreOptions? options = null)
    {
        TunnelRig rig = new(TunnelKind.Gre, DeviceLayer.IP, gre: options);
        rig.Tables.Apply(OverlayUpdate.SetRoute(System.Net.IPNetwork.Parse("10.244.0.0/24"), new RouteEntry(TunnelRig.Remote)));
        return rig;
    }

    private static TunnelRig Ethernet(uint? key = null, bool learning = false)
    {
        TunnelRig rig = new(TunnelKind.Gretap, DeviceLayer.Ethernet, learning: learning, gre: new GreOptions { Key = key });
        rig.Tables.Apply(OverlayUpdate.AddFlood(default, TunnelRig.Remote));
        return rig;
    }

    private static Tunnel MakeTunnel(TunnelKind kind, uint? key, RemotePolicy? remotes = null, ValueIPAddress? remote = null)
    {
        OverlayTables tables = new();
        tables.Apply(OverlayUpdate.SetRoute(System.Net.IPNetwork.Parse("10.244.0.0/24"), new RouteEntry(remote ?? TunnelRig.Remote)));
        return new Tunnel(
            new TunnelOptions
            {
                Name = $"key {key}",
                Kind = kind,
                Layer = DeviceLayer.IP,
                Local = TunnelRig.Local,
                Gre = new GreOptions { Key = key },
                Policy = new TunnelPolicy { Remotes = remotes ?? RemotePolicy.Known },
            },
            tables);
    }
}
