using System.Buffers;
using System.Net;
using Overlay.Capture;
using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing;
using Overlay.Tests.DataPath;
using Xunit;

namespace Overlay.Tests.Capture;

/// <summary>Paths that are watched: what is recorded, what it says, and what it costs when nobody watches.</summary>
public sealed class PathTraceTests
{
    private static readonly DateTimeOffset Start = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000).AddTicks(1_234_567);

    [Fact]
    public void Tshark_reads_the_reason_of_every_drop_and_the_tunnel_in_front_of_what_came_in()
    {
        Requires.Tool("tshark");
        Rig rig = new();
        PathTrace trace = rig.Watch();
        rig.Send(TunnelRig.FrameTo(TunnelRig.MacB), TunnelRig.FrameTo(MacAddress.Parse("02:00:00:00:00:99")), new byte[5]);
        rig.Receive(TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB)), TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB), vni: 43), TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.Mac)));
        using var file = new TemporaryFile();
        File.WriteAllBytes(file.Path, End(trace));
        string[][] rows = [.. Tshark.Fields(file.Path, "frame.interface_name", "frame.comment", "vxlan.vni", "ip.src", "udp.dstport", "frame.time_epoch")];
        Assert.Equal(
            [
                ("egress", "to 192.0.2.2", ""), ("egress", "drop: no-remote", ""), ("egress", "drop: truncated", ""),
                ("ingress", "to the device", "42"), ("ingress", "drop: unknown-vni", "43"), ("ingress", "drop: local-mac", "42"),
            ],
            rows.Select(row => (row[0], row[1], row[2])));
        Assert.All(rows[3..], row => Assert.StartsWith($"{TunnelRig.Remote}|", row[3], StringComparison.Ordinal));
        Assert.All(rows[3..], row => Assert.StartsWith("4789|", row[4], StringComparison.Ordinal));
        Assert.All(rows, row => Assert.Equal("1700000000.123456700", row[5]));
        Assert.Equal((6, 0), (trace.Recorded, trace.Lost));
        // Nothing malformed, and no checksum of ours that a stranger calls wrong.
        Assert.Equal("", Tshark.Run("tshark", ["-r", file.Path, "-o", "ip.check_checksum:TRUE", "-Y", "ip.checksum.status == 0 || udp.checksum.status == 0 || (_ws.malformed && !(frame.len == 5))"]));
    }

    /// <summary>Every kind of tunnel over either family: the outer headers are written so that strangers find the inner packet.</summary>
    [Theory]
    [InlineData(TunnelKind.Vxlan, "vxlan", true)]
    [InlineData(TunnelKind.Vxlan, "vxlan", false)]
    [InlineData(TunnelKind.Gre, "gre", true)]
    [InlineData(TunnelKind.Gre, "gre", false)]
    [InlineData(TunnelKind.IPInIP, "ip", true)]
    [InlineData(TunnelKind.IPInIP, "ipv6", false)]
    public void The_outer_headers_are_those_that_came(TunnelKind kind, string protocol, bool ipv4)
    {
        Requires.Tool("tshark");
        ValueIPAddress local = ipv4 ? TunnelRig.Local : ValueIPAddress.Parse("2001:db8::1");
        ValueIPAddress remote = ipv4 ? TunnelRig.Remote : ValueIPAddress.Parse("2001:db8::2");
        TunnelOptions options = new()
        {
            Name = "rig",
            Kind = kind,
            Layer = kind == TunnelKind.Vxlan ? DeviceLayer.Ethernet : DeviceLayer.IP,
            Vni = kind == TunnelKind.Vxlan ? TunnelRig.Vni : default,
            Local = local,
            DeviceMac = TunnelRig.Mac,
            Policy = new TunnelPolicy { Remotes = RemotePolicy.Any },
        };
        TunnelRig rig = new(new Tunnel(options, new OverlayTables()));
        TracedPath path = new(rig.Ingress);
        PathTrace trace = new([Point(path, "ingress", PacketDirection.Inbound, LinkType.Raw, 0, kind)], new FixedTime());
        byte[] packet = PacketBuilder.Udp(TunnelRig.InnerB, TunnelRig.InnerA, 1000, 2000, "hello"u8);
        byte[] datagram = kind switch
        {
            TunnelKind.Vxlan => TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB)),
            TunnelKind.Gre => [0, 0, 8, 0, .. packet],
            _ => packet,
        };
        rig.Batch.Clear();
        rig.Batch.TryAppend(datagram, out int index);
        ref PacketMeta meta = ref rig.Batch.Meta(index);
        (meta.Remote, meta.Local, meta.SourcePort, meta.DestinationPort) = (remote, local, 50_001, 4789);
        (meta.Ttl, meta.TrafficClass, meta.DontFragment) = (57, 0xB8, true);
        meta.Protocol = kind switch { TunnelKind.Vxlan => IPProtocol.Udp, TunnelKind.Gre => IPProtocol.Gre, _ => IPProtocol.IPv4 };
        path.Process(rig.Batch, 0);
        path.Complete(rig.Closed());
        using var file = new TemporaryFile();
        File.WriteAllBytes(file.Path, End(trace));
        string family = ipv4 ? "ip" : "ipv6";
        string[] row = Assert.Single(Tshark.Fields(
            file.Path, "frame.protocols", $"{family}.src", $"{family}.dst", ipv4 ? "ip.ttl" : "ipv6.hlim", ipv4 ? "ip.dsfield" : "ipv6.tclass", "udp.srcport", "frame.comment", "ip.flags.df"));
        Assert.Contains(protocol, row[0], StringComparison.Ordinal);
        Assert.EndsWith("udp:data", row[0], StringComparison.Ordinal);
        Assert.Equal((remote.ToString(), local.ToString(), "57", 0xB8), (First(row[1]), First(row[2]), First(row[3]), Convert.ToInt32(First(row[4]), 16)));
        Assert.Equal(kind == TunnelKind.Vxlan ? "50001" : "1000", First(row[5]));
        Assert.Equal("to the device", row[6]);
        Assert.True(!ipv4 || First(row[7]) is "1" or "True", row[7]);
        Assert.Equal("", Tshark.Run("tshark", ["-r", file.Path, "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-Y", "ip.checksum.status == 0 || udp.checksum.status == 0 || _ws.malformed"]));

        static string First(string values) => values.Split(Tshark.Aggregator)[0];
    }

    [Fact]
    public void Only_drops_are_recorded_where_only_they_are_wanted_and_no_more_than_asked()
    {
        Rig rig = new();
        PathTrace trace = rig.Watch(new PathTraceOptions { DropsOnly = true, MaxRecords = 3, SnapLength = 20 });
        for (int i = 0; i < 5; i++)
        {
            rig.Send(TunnelRig.FrameTo(TunnelRig.MacB), TunnelRig.FrameTo(MacAddress.Broadcast));
        }

        IReadOnlyList<CapturedPacket> packets = Corpus.Read(End(trace));
        Assert.Equal(3, packets.Count);
        Assert.All(packets, packet => Assert.Equal(("drop: no-remote", 20, (long)TunnelRig.FrameTo(TunnelRig.MacB).Length, PacketDirection.Outbound), (packet.Comment, packet.Data.Length, packet.OriginalLength, packet.Direction)));
        Assert.True(trace.IsFull);
    }

    /// <summary>The other tunnels of an endpoint are nobody's business; what no tunnel owns may have been meant for this one.</summary>
    [Fact]
    public void Packets_of_other_tunnels_are_left_out_and_those_of_nobody_are_not()
    {
        Rig rig = new();
        OverlayTables tables = new();
        tables.Apply(OverlayUpdate.AddFlood(new Vni(43), TunnelRig.Remote));
        rig.Tunnel.Ingress.Attach(new Tunnel(rig.Tunnel.Tunnel.Options with { Name = "other", Vni = new Vni(43) }, tables), device: 5);
        PathTrace trace = rig.Watch();
        rig.Receive(
            TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB)), TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB), vni: 43), TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB), vni: 44));
        Assert.Equal(["to the device", "drop: unknown-vni"], Corpus.Read(End(trace)).Select(packet => packet.Comment));
    }

    [Fact]
    public void What_finds_no_room_is_lost_to_the_trace_alone_and_counted()
    {
        Requires.Tool("tshark");
        Rig rig = new();
        PathTrace trace = rig.Watch(new PathTraceOptions { BufferLength = PathTraceOptions.MinBufferLength });
        byte[] frame = PacketBuilder.Ethernet(TunnelRig.MacB, TunnelRig.Mac, EtherType.IPv4, PacketBuilder.Udp(TunnelRig.InnerA, TunnelRig.InnerB, 1, 2, new byte[8_900]));
        for (int i = 0; i < 30; i++)
        {
            rig.Send(frame, frame);
        }

        ArrayBufferWriter<byte> output = new();
        trace.Write(output);
        rig.Send(frame);
        trace.End(output);
        byte[] capture = output.WrittenSpan.ToArray();
        IReadOnlyList<CapturedPacket> packets = Corpus.Read(capture);
        Assert.Equal(61, rig.Tunnel.Tunnel.Egress.TxPackets);
        Assert.Equal((61, 61), (trace.Recorded + trace.Lost, packets.Count + trace.Lost));
        Assert.InRange(trace.Lost, 40, 55);
        using var file = new TemporaryFile();
        File.WriteAllBytes(file.Path, capture);
        // The packet behind the gap tells of it, and so does the interface's statistics block.
        Assert.Equal(trace.Lost.ToString(System.Globalization.CultureInfo.InvariantCulture), Tshark.Fields(file.Path, "frame.drop_count")[^1][0]);
    }

    [Fact]
    public void Superpackets_and_refused_segments_say_so()
    {
        Rig rig = new();
        PathTrace trace = rig.Watch();
        rig.Tunnel.Batch.Clear();
        byte[] packet = PacketBuilder.Ethernet(TunnelRig.MacB, TunnelRig.Mac, EtherType.IPv4, PacketBuilder.Tcp(TunnelRig.InnerA, TunnelRig.InnerB, 1, 2, 3, 0x10, new byte[2_500]));
        rig.Tunnel.Batch.TryAppend(packet, out int index);
        ref PacketMeta meta = ref rig.Tunnel.Batch.Meta(index);
        (meta.Segmentation, meta.HeaderLength, meta.SegmentSize) = (SegmentationKind.TcpIPv4, 54, 1000);
        rig.Egress.Process(rig.Tunnel.Batch, 0);
        (meta.State, meta.RefusedSegments, meta.Drop) = (PacketState.Sent, 1, DropReason.TooBig);
        rig.Egress.Complete(rig.Tunnel.Batch);
        CapturedPacket captured = Assert.Single(Corpus.Read(End(trace)));
        Assert.Equal("superpacket: 3 segments of 1000\ndrop: too-big, 1 of its segments", captured.Comment);
    }

    [Fact]
    public void Two_traces_at_once_and_one_that_ends_leave_the_path_as_it_was()
    {
        Rig rig = new();
        PathTrace first = rig.Watch();
        PathTrace second = rig.Watch();
        rig.Send(TunnelRig.FrameTo(TunnelRig.MacB));
        first.Stop();
        rig.Send(TunnelRig.FrameTo(TunnelRig.MacB));
        first.Stop();
        Assert.Single(Corpus.Read(End(first)));
        Assert.Equal(2, Corpus.Read(End(second)).Count);
        rig.Send(TunnelRig.FrameTo(TunnelRig.MacB));
        Assert.Equal(3, rig.Tunnel.Tunnel.Egress.TxPackets);
    }

    /// <summary>A trace may begin between the two halves of a batch: that batch is not recorded then.</summary>
    [Fact]
    public void A_batch_in_hand_when_the_trace_begins_is_left_out()
    {
        Rig rig = new();
        rig.Tunnel.Batch.Clear();
        rig.Tunnel.Batch.TryAppend(TunnelRig.FrameTo(TunnelRig.MacB), out _);
        rig.Egress.Process(rig.Tunnel.Batch, 0);
        PathTrace trace = rig.Watch();
        rig.Egress.Complete(rig.Tunnel.Closed());
        Assert.Empty(Corpus.Read(End(trace)));
    }

    [Fact]
    public void Neither_watching_nor_not_watching_allocates()
    {
        Rig rig = new();
        byte[] frame = TunnelRig.FrameTo(TunnelRig.MacB);
        Allocations.Zero(() => rig.Send(frame));
        PathTrace trace = rig.Watch(new PathTraceOptions { MaxRecords = long.MaxValue });
        Allocations.Zero(() => rig.Send(frame));
        trace.Stop();
        Allocations.Zero(() => rig.Send(frame));
    }

    [Theory]
    [InlineData(0, 0, PathTraceOptions.MinBufferLength)]
    [InlineData(1, -1, PathTraceOptions.MinBufferLength)]
    [InlineData(1, 0, PathTraceOptions.MinBufferLength - 1)]
    public void Options_out_of_range_are_refused(long records, int snap, int buffer)
    {
        Rig rig = new();
        Assert.Throws<ArgumentOutOfRangeException>(() => rig.Watch(new PathTraceOptions { MaxRecords = records, SnapLength = snap, BufferLength = buffer }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PathTrace([], new FixedTime()));
    }

    private static byte[] End(PathTrace trace)
    {
        ArrayBufferWriter<byte> output = new();
        trace.End(output);
        return output.WrittenSpan.ToArray();
    }

    private static PathTracePoint Point(TracedPath path, string name, PacketDirection direction, LinkType linkType, int? tunnel = null, TunnelKind? outer = null) =>
        new() { Path = path, Name = name, Direction = direction, LinkType = linkType, Tunnel = tunnel, Outer = outer };

    private sealed class FixedTime : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => Start;
    }

    private sealed class Rig
    {
        public Rig()
        {
            Tunnel.Tables.Apply(OverlayUpdate.SetForwarding(TunnelRig.Vni, TunnelRig.MacB, new FdbEntry(TunnelRig.Remote)));
            Egress = new TracedPath(Tunnel.Egress);
            Ingress = new TracedPath(Tunnel.Ingress);
        }

        public TunnelRig Tunnel { get; } = new(capacity: PacketBatch.DefaultCapacity);

        public TracedPath Egress { get; }

        public TracedPath Ingress { get; }

        public PathTrace Watch(PathTraceOptions? options = null) => new(
            [Point(Egress, "egress", PacketDirection.Outbound, LinkType.Ethernet), Point(Ingress, "ingress", PacketDirection.Inbound, LinkType.Raw, 0, TunnelKind.Vxlan)],
            new FixedTime(), options);

        public void Send(params ReadOnlySpan<byte[]> frames)
        {
            Tunnel.Batch.Clear();
            foreach (byte[] frame in frames)
            {
                Assert.True(Tunnel.Batch.TryAppend(frame, out _));
            }

            Egress.Process(Tunnel.Batch, 0);
            Egress.Complete(Tunnel.Closed());
        }

        public void Receive(params ReadOnlySpan<byte[]> datagrams)
        {
            Tunnel.Batch.Clear();
            foreach (byte[] datagram in datagrams)
            {
                Assert.True(Tunnel.Batch.TryAppend(datagram, out int index));
                ref PacketMeta meta = ref Tunnel.Batch.Meta(index);
                (meta.Remote, meta.Local, meta.SourcePort, meta.DestinationPort, meta.Ttl, meta.Protocol) = (TunnelRig.Remote, TunnelRig.Local, 50_000, 4789, 64, IPProtocol.Udp);
            }

            Ingress.Process(Tunnel.Batch, 0);
            Ingress.Complete(Tunnel.Closed());
        }
    }
}
