using Overlay.DataPath;
using Overlay.Encapsulation;
using Overlay.Tables;
using Overlay.Testing.Conformance;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.DataPath;

/// <summary>What a tunnel does with probes of the path MTU, of every kind: whom it answers, with how much, and that the books balance.</summary>
public sealed class ProbeAnswerTests
{
    private const int Endpoint = 1;
    private const int Bare = 1;

    private static readonly ValueIPAddress Local = ValueIPAddress.Parse("192.0.2.1");
    private static readonly ValueIPAddress Remote = ValueIPAddress.Parse("192.0.2.2");
    private static readonly ValueIPAddress Stranger = ValueIPAddress.Parse("192.0.2.99");
    private static readonly Vni Network = new(0x123456);

    public static TheoryData<TunnelKind> Kinds => [.. TunnelFacts.All.Select(facts => facts.Kind)];

    [Theory]
    [MemberData(nameof(Kinds))]
    [RfcItem(76, "RFC 8899 §3", "Probes are sent with DF, so that the network does not fragment them.")]
    public void A_probe_of_one_end_is_answered_by_the_other_and_the_answer_is_heard(TunnelKind kind)
    {
        Tunnel here = Make(kind);
        PacketBatch batch = new(16);
        foreach (int size in (int[])[576, 1_200, 1_500, 9_000])
        {
            // As the port of one end makes it.
            ProbePort port = new(here);
            Assert.True(port.TryEnqueue(Remote, new PathProbe(0, size, 0xFEDC_BA98_7654_3210)));
            batch.Clear();
            Assert.Equal(PortResult.Ok, port.Receive(batch));
            ProbeEgress egress = new(here, Endpoint, Bare);
            egress.Process(batch, 0);
            ref PacketMeta sent = ref batch.Meta(0);
            Assert.Equal((Remote, Endpoint, true, PacketState.Pending), (sent.Remote, sent.Output, sent.DontFragment, sent.State));
            Assert.Equal(size, batch.Length(0) + PathProbeEnvelope.OuterLength(kind, isIPv4: true));
            Assert.All(batch.Data(0)[(PathProbeEnvelope.Length(kind) + 16)..].ToArray(), b => Assert.Equal(0, b));
            byte[] probe = batch.Data(0).ToArray();
            sent.State = PacketState.Sent;
            egress.Complete(batch);
            AssertBalanced(here.Egress);

            // As the other end answers it.
            Tunnel there = Make(kind);
            TunnelIngress ingress = Ingress(there);
            byte[] answer = Assert.Single(Take(ingress, batch, probe, Remote));
            Assert.True(answer.Length < probe.Length);
            Assert.Equal(PathProbeEnvelope.Length(kind) + PathProbePacket.HeaderLength, answer.Length);
            Assert.Equal((1, 1, 1, 1, 0), (there.Ingress.RxPackets, there.Ingress.Originated, there.Ingress.TxPackets, there.Ingress.Consumed, there.Ingress.TotalDrops));
            Assert.True(there.ProbeNews.TryDequeue(out PathProbeNews heard));
            Assert.Equal(new PathProbeNews(PathProbeNewsKind.Heard, Remote, size, 0xFEDC_BA98_7654_3210), heard);

            // As the first end hears it.
            Tunnel back = Make(kind);
            Assert.Empty(Take(Ingress(back), batch, answer, Remote));
            Assert.Equal((1, 1, 0), (back.Ingress.RxPackets, back.Ingress.Consumed, back.Ingress.TotalDrops));
            Assert.True(back.ProbeNews.TryDequeue(out PathProbeNews answered));
            Assert.Equal(new PathProbeNews(PathProbeNewsKind.Answered, Remote, size, 0xFEDC_BA98_7654_3210), answered);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_stranger_is_not_answered_whatever_the_policy(TunnelKind kind)
    {
        foreach (TunnelPolicy policy in (TunnelPolicy[])[TunnelPolicy.Default, TunnelPolicy.Default with { Remotes = RemotePolicy.Any }])
        {
            Tunnel tunnel = Make(kind, policy);
            Assert.Empty(Take(Ingress(tunnel), new PacketBatch(16), Probe(kind, 1_200), Stranger));
            Assert.Equal((1, 0, 1), (tunnel.Ingress.RxPackets, tunnel.Ingress.Originated, tunnel.Ingress.Drops(DropReason.UnknownRemote)));
            Assert.False(tunnel.ProbeNews.TryDequeue(out _));
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_probe_that_says_another_size_than_it_has_is_dropped(TunnelKind kind)
    {
        Tunnel tunnel = Make(kind);
        Assert.Empty(Take(Ingress(tunnel), new PacketBatch(16), Probe(kind, 1_200)[..^1], Remote));
        Assert.Equal(1, tunnel.Ingress.Drops(DropReason.BadLength));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Without_being_told_to_a_path_drops_probes_as_before(TunnelKind kind)
    {
        Tunnel tunnel = Make(kind);
        TunnelIngress ingress = new(kind);
        ingress.Attach(tunnel, 0);
        Assert.Empty(Take(ingress, new PacketBatch(16), Probe(kind, 1_200), Remote));
        Assert.Equal(1, tunnel.Ingress.TotalDrops + ingress.Unowned.TotalDrops);
    }

    [Fact]
    public void No_more_than_a_hundred_are_answered_in_a_tenth_of_a_second()
    {
        Tunnel tunnel = Make(TunnelKind.Vxlan);
        TunnelIngress ingress = Ingress(tunnel);
        PacketBatch batch = new(16);
        int answers = 0;
        for (int i = 0; i < 500; i++)
        {
            answers += Take(ingress, batch, Probe(TunnelKind.Vxlan, 1_200), Remote, now: 1_000 + (i / 5)).Count;
        }

        Assert.Equal(100, answers);
        Assert.Equal(400, tunnel.Ingress.Drops(DropReason.ProbeLimit));
        Assert.Single(Take(ingress, batch, Probe(TunnelKind.Vxlan, 1_200), Remote, now: 1_100));
    }

    [Fact]
    public void A_probe_for_a_network_that_nobody_has_is_nobodys()
    {
        TunnelIngress ingress = Ingress(Make(TunnelKind.Vxlan));
        byte[] probe = Probe(TunnelKind.Vxlan, 1_200);
        probe[6] ^= 1;
        Assert.Empty(Take(ingress, new PacketBatch(16), probe, Remote));
        Assert.Equal(1, ingress.Unowned.Drops(DropReason.UnknownVni));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Any_other_bit_in_front_of_the_message_makes_it_no_probe(TunnelKind kind)
    {
        byte[] probe = Probe(kind, 600);
        int length = PathProbeEnvelope.Length(kind);
        for (int bit = 0; bit < 8 * length; bit++)
        {
            byte[] changed = [.. probe];
            changed[bit / 8] ^= (byte)(0x80 >> (bit % 8));
            Tunnel tunnel = Make(kind);
            Assert.Empty(Take(Ingress(tunnel), new PacketBatch(16), changed, Remote));
        }
    }

    [Fact]
    public void What_the_link_does_not_take_is_told()
    {
        Tunnel tunnel = Make(TunnelKind.Geneve);
        ProbePort port = new(tunnel);
        Assert.True(port.TryEnqueue(Remote, new PathProbe(0, 1_500, 7)));
        PacketBatch batch = new(16);
        _ = port.Receive(batch);
        ProbeEgress egress = new(tunnel, Endpoint, Bare);
        egress.Process(batch, 0);
        batch.Drop(0, DropReason.TooBig);
        egress.Complete(batch);
        Assert.True(tunnel.ProbeNews.TryDequeue(out PathProbeNews news));
        Assert.Equal(new PathProbeNews(PathProbeNewsKind.Refused, Remote, 1_500, 7), news);
        AssertBalanced(tunnel.Egress);
    }

    private static Tunnel Make(TunnelKind kind, TunnelPolicy? policy = null)
    {
        TunnelFacts facts = TunnelFacts.Of(kind);
        OverlayTables tables = new();
        DeviceLayer layer = facts.CarriesEthernet && !facts.CarriesIP ? DeviceLayer.Ethernet : DeviceLayer.IP;
        Vni vni = facts.HasVni ? Network : default;
        tables.Apply(OverlayUpdate.SetForwarding(vni, MacAddress.Parse("02:00:00:00:00:02"), new FdbEntry(Remote)));
        return new Tunnel(
            new TunnelOptions
            {
                Name = "t", Kind = kind, Vni = vni, Local = Local, Layer = layer, DeviceMac = MacAddress.Parse("02:00:00:00:00:01"), Policy = policy ?? TunnelPolicy.Default,
                Gre = facts.IsGre ? new GreOptions { Key = 77 } : GreOptions.Default,
            },
            tables);
    }

    private static TunnelIngress Ingress(Tunnel tunnel)
    {
        TunnelIngress ingress = new(tunnel.Options.Kind);
        ingress.Attach(tunnel, 0);
        ingress.AnswerProbes(Endpoint, Bare);
        return ingress;
    }

    private static byte[] Probe(TunnelKind kind, int size)
    {
        ProbePort port = new(Make(kind));
        Assert.True(port.TryEnqueue(Remote, new PathProbe(0, size, 1)));
        PacketBatch batch = new(1);
        _ = port.Receive(batch);
        return batch.Data(0).ToArray();
    }

    // Runs a packet through ingress as a worker does; what would be sent to the underlay comes back.
    private static List<byte[]> Take(TunnelIngress ingress, PacketBatch batch, byte[] packet, ValueIPAddress from, long now = 1_000)
    {
        batch.Clear();
        Assert.True(batch.TryAppend(packet, out int index));
        batch.Meta(index).Remote = from;
        batch.Meta(index).Protocol = IPProtocol.IPv4;
        ingress.Process(batch, now);
        List<byte[]> sent = [];
        for (int i = 0; i < batch.Count; i++)
        {
            ref PacketMeta meta = ref batch.Meta(i);
            if (meta.State == PacketState.Pending && meta.Origin == PacketOrigin.Received)
            {
                // For the device: a packet like any other.
                meta.State = PacketState.Sent;
            }
            else if (meta.State == PacketState.Pending)
            {
                Assert.Equal((Endpoint, from, PacketOrigin.Originated, Bare), (meta.Output, meta.Remote, meta.Origin, meta.Header));
                sent.Add(batch.Data(i).ToArray());
                meta.State = PacketState.Sent;
            }
        }

        ingress.Complete(batch);
        return sent;
    }

    private static void AssertBalanced(DirectionCounters books) =>
        Assert.Equal(books.RxPackets + books.Replicated + books.Originated, books.TxPackets + books.Consumed + books.TotalDrops);
}
