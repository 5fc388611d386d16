using System.Net;
using Overlay.DataPath;
using Overlay.Encapsulation;
using Overlay.Tables;
using Overlay.Testing;
using Overlay.Tests.Encapsulation;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.DataPath;

/// <summary>An explanation says what the path does, and leaves no trace of itself.</summary>
public sealed class ExplainTests
{
    private const int Rounds = 400;
    private const int PacketsPerRound = 30;

    private static readonly DropReason[] EgressReasons =
    [
        DropReason.Truncated, DropReason.BadLength, DropReason.InnerTruncated, DropReason.InnerVlan, DropReason.NotIP, DropReason.MappedAddress,
        DropReason.TtlExpired, DropReason.EncapsulationLimit, DropReason.NoRoute, DropReason.NoRemote, DropReason.Loop, DropReason.QueueFull,
        DropReason.BroadcastLimit, DropReason.UnknownUnicastLimit, DropReason.MulticastLimit, DropReason.RepeatedAnnouncement,
    ];

    private static readonly DropReason[] IngressReasons =
    [
        DropReason.Truncated, DropReason.BadVersion, DropReason.BadLength, DropReason.BadChecksum, DropReason.BadFlags, DropReason.HeaderVersion,
        DropReason.UnknownProtocol, DropReason.ControlPacket, DropReason.UnknownOption, DropReason.ReservedBits, DropReason.NotTunnel, DropReason.UnknownVni,
        DropReason.UnknownKey, DropReason.UnknownRemote, DropReason.OutOfSequence, DropReason.InnerTruncated, DropReason.InvalidSourceMac, DropReason.LocalMac,
        DropReason.ForeignMac, DropReason.InnerVlan, DropReason.NotIP, DropReason.NotEthernet, DropReason.MappedAddress, DropReason.InvalidSource,
        DropReason.EcnInvalid, DropReason.TtlExpired, DropReason.Loop, DropReason.MartianRemote, DropReason.MartianSource, DropReason.ForeignSource,
    ];

    /// <summary>
    /// Two rigs get the same packets; one is asked about each before it comes. What it says is what both do then, and both end with the same books, so
    /// that asking changed nothing, not even what is remembered from packet to packet.
    /// </summary>
    [Fact]
    public void Egress_does_what_the_explanation_says_and_asking_changes_nothing()
    {
        HashSet<DropReason> met = [];
        HashSet<ExplanationVerdict> verdicts = [];
        for (int seed = 0; seed < Rounds; seed++)
        {
            ExplainRig rig = new(new Random(seed));
            (TunnelKind kind, DeviceLayer layer) = ExplainRig.Kinds[seed % ExplainRig.Kinds.Length];
            TunnelOptions options = rig.Options(kind, layer);
            // More remotes than a batch has descriptors, now and then: the copies that find no room are drops, too.
            int floods = seed % 50 == 0 ? PacketBatch.DefaultCapacity + 5 : seed % 4;
            TunnelRig asked = Make(options, floods, routes: seed % 7 != 0, ownOuter: seed % 3 == 0);
            TunnelRig silent = Make(options, floods, routes: seed % 7 != 0, ownOuter: seed % 3 == 0);
            for (int i = 0; i < PacketsPerRound; i++)
            {
                byte[] packet = rig.FromDevice(options);
                string before = Books(asked);
                Explanation explanation = asked.Egress.Explain(packet, i);
                Assert.Equal(before, Books(asked));
                long full = asked.Tunnel.Egress.Drops(DropReason.QueueFull);
                asked.Send(packet, i);
                AssertEgress(explanation, asked, Convert.ToHexString(packet), asked.Tunnel.Egress.Drops(DropReason.QueueFull) > full);
                met.Add(explanation.Reason);
                verdicts.Add(explanation.Verdict);
                AssertToldWell(explanation);
                asked.Complete(asked.Egress, asked.Tunnel.Egress);
                silent.Send(packet, i);
                silent.Complete(silent.Egress, silent.Tunnel.Egress);
                Assert.Equal(Books(silent), Books(asked));
            }
        }

        Assert.Equal(EgressReasons.Order(), met.Where(reason => reason != DropReason.None).Order());
        Assert.Equal([ExplanationVerdict.Dropped, ExplanationVerdict.Forwarded, ExplanationVerdict.Flooded, ExplanationVerdict.Answered], verdicts.Order());
    }

    [Fact]
    public void Ingress_does_what_the_explanation_says_and_asking_changes_nothing()
    {
        HashSet<DropReason> met = [];
        for (int seed = 0; seed < 2 * Rounds; seed++)
        {
            ExplainRig rig = new(new Random(seed));
            Random random = new(seed);
            (TunnelKind kind, DeviceLayer layer) = ExplainRig.Kinds[seed % ExplainRig.Kinds.Length];
            TunnelOptions options = rig.Options(kind, layer);
            TunnelRig asked = Make(options, floods: 1, routes: true, ownOuter: false);
            TunnelRig silent = Make(options, floods: 1, routes: true, ownOuter: false);
            long now = 0;
            for (int i = 0; i < PacketsPerRound; i++)
            {
                (byte[] datagram, PacketMeta meta) = rig.FromUnderlay(options, (uint)(100 + i - (random.Next(5) == 0 ? 3 : 0)));
                now += random.Next(700);
                string before = Books(asked);
                Explanation explanation = asked.Ingress.Explain(datagram, meta, now);
                Assert.Equal(before, Books(asked));
                Receive(asked, datagram, meta, now);
                AssertIngress(explanation, asked, $"{kind} {Convert.ToHexString(datagram)}");
                met.Add(explanation.Reason);
                AssertToldWell(explanation);
                Complete(asked);
                Receive(silent, datagram, meta, now);
                Complete(silent);
                Assert.Equal(Books(silent), Books(asked));
                if (random.Next(4) == 0)
                {
                    Learn(asked, now);
                    Learn(silent, now);
                }
            }

            Assert.Equal(Heard(silent, now), Heard(asked, now));
        }

        Assert.Equal(IngressReasons.Order(), met.Where(reason => reason != DropReason.None).Order());
    }

    /// <summary>The captures of strangers: whatever they hold, the explanation says what the path does with it.</summary>
    [Fact]
    public void Captured_packets_are_explained_as_they_are_decided()
    {
        int explained = 0;
        HashSet<DropReason> met = [];
        foreach (string file in Corpus.Files)
        {
            foreach ((TunnelKind kind, DeviceLayer layer) in ExplainRig.Kinds)
            {
                TunnelOptions options = new ExplainRig(new Random(explained)).Options(kind, layer);
                TunnelRig rig = Make(options, floods: 2, routes: true, ownOuter: false);
                foreach (ReadOnlyMemory<byte> packet in Corpus.Packets(file).Select(p => p.Data).Where(data => data.Length <= 65_535).Take(12))
                {
                    Explanation egress = rig.Egress.Explain(packet.Span);
                    rig.Send(packet.Span, 0);
                    AssertEgress(egress, rig, file);
                    // As it stands, and what stands behind Ethernet, IP and UDP without options.
                    foreach (int offset in (int[])[0, 14, 34, 42])
                    {
                        byte[] datagram = packet.Length > offset ? packet[offset..].ToArray() : [];
                        PacketMeta meta = new() { Remote = TunnelRig.Remote, Local = options.Local, Protocol = IPProtocol.IPv4 };
                        Explanation ingress = rig.Ingress.Explain(datagram, meta);
                        Receive(rig, datagram, meta, 0);
                        AssertIngress(ingress, rig, file);
                        met.Add(ingress.Reason);
                        explained++;
                    }
                }
            }
        }

        if (explained == 0)
        {
            Corpus.PathOf("");
        }

        Assert.True(explained > 5_000 && met.Count > 10, $"{explained} packets, {met.Count} reasons");
    }

    [Fact]
    public void An_unknown_station_without_anybody_to_flood_to_is_told_with_what_would_help()
    {
        TunnelRig rig = new();
        MacAddress unknown = MacAddress.Parse("02:00:00:00:00:77");
        Explanation explanation = rig.Egress.Explain(TunnelRig.FrameTo(unknown));
        Assert.Equal((ExplanationVerdict.Dropped, DropReason.NoRemote, ExplanationSource.Flood), (explanation.Verdict, explanation.Reason, explanation.Decision.Source));
        ExplanationStep asked = Assert.Single(explanation.Steps, step => step.Source == ExplanationSource.Forwarding);
        Assert.Equal((ExplanationOutcome.NotFound, (MacAddress?)unknown, null), (asked.Outcome, asked.Mac, asked.Forwarding));
        Assert.Empty(explanation.Decision.Flood!);
        Assert.Equal("A forwarding entry for 02:00:00:00:00:77 in tunnel 'rig', or a remote in its flood list.", explanation.Remedy);

        rig.Tables.Apply(OverlayUpdate.SetForwarding(TunnelRig.Vni, unknown, new FdbEntry(TunnelRig.Remote, 8472, FdbOrigin.External)));
        explanation = rig.Egress.Explain(TunnelRig.FrameTo(unknown, trafficClass: 0xB9, ttl: 9));
        Assert.Equal((ExplanationVerdict.Forwarded, DropReason.None, ExplanationSource.Forwarding), (explanation.Verdict, explanation.Reason, explanation.Decision.Source));
        Assert.Equal(new FdbEntry(TunnelRig.Remote, 8472, FdbOrigin.External), explanation.Decision.Forwarding);
        Assert.Null(explanation.Remedy);
        ExplainedOuterHeader outer = Assert.Single(explanation.Outputs).Outer!;
        Assert.Equal((TunnelRig.Local, TunnelRig.Remote, (Vni?)TunnelRig.Vni, (ushort?)8472), (outer.Local, outer.Remote, outer.Vni, outer.DestinationPort));
        Assert.Equal((64, 0, Ecn.Ect1, (bool?)false, null), (outer.Ttl, outer.Dscp, outer.Ecn, outer.DontFragment, outer.FlowLabel));
        Assert.Equal(TunnelRig.FrameTo(unknown).Length + 36, outer.PacketLength);
        Assert.Equal(rig.Send(TunnelRig.FrameTo(unknown, trafficClass: 0xB9, ttl: 9)).SourcePort, outer.SourcePort);
    }

    [Fact]
    public void A_flooded_frame_is_told_copy_by_copy()
    {
        TunnelRig rig = new();
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote));
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote2));
        byte[] frame = PacketBuilder.Ethernet(MacAddress.Broadcast, TunnelRig.Mac, EtherType.IPv4, PacketBuilder.Udp(TunnelRig.Local, TunnelRig.Remote, 1, 4789, []));
        Explanation explanation = rig.Egress.Explain(frame);
        // An own outer packet: the copy to the remote that it is for would be a loop.
        Assert.Equal((ExplanationVerdict.Flooded, DropReason.Loop), (explanation.Verdict, explanation.Reason));
        Assert.Equal(
            [(PacketOrigin.Received, DropReason.Loop, null), (PacketOrigin.Replicated, DropReason.None, (ValueIPAddress?)TunnelRig.Remote2)],
            explanation.Outputs.Select(output => (output.Origin, output.Reason, output.Outer?.Remote)));
        Assert.Contains("192.0.2.2", explanation.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void An_announcement_that_was_flooded_a_moment_ago_is_told_and_asking_for_it_is_none()
    {
        TunnelRig rig = new(new Tunnel(new TunnelRig().Tunnel.Options with { AnnouncementHold = 10_000 }, new OverlayTables()));
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote));
        byte[] arp = NeighborFrames.Arp(MacAddress.Broadcast, 1, TunnelRig.MacB, TunnelRig.InnerB, default, TunnelRig.InnerB);
        Explanation first = rig.Egress.Explain(arp, 1_000);
        Assert.Equal((ExplanationVerdict.Flooded, true), (first.Verdict, first.IsSettled));
        Assert.Contains(first.Steps, step => step.Source == ExplanationSource.History && step.Text == $"That {TunnelRig.InnerB} is at {TunnelRig.MacB} was not announced within the last 10 s.");
        Assert.Equal(ExplanationVerdict.Flooded, rig.Egress.Explain(arp, 1_000).Verdict);

        Assert.Equal(PacketState.Pending, rig.Send(arp, now: 1_000).State);
        rig.Complete(rig.Egress, rig.Tunnel.Egress);
        Explanation second = rig.Egress.Explain(arp, 10_999);
        Assert.Equal((ExplanationVerdict.Dropped, DropReason.RepeatedAnnouncement, true), (second.Verdict, second.Reason, second.IsSettled));
        ExplanationStep step = second.Steps[^1];
        Assert.Equal(
            (ExplanationSource.History, ExplanationOutcome.Decided, "announcementHoldSeconds", "10", TunnelRig.InnerB, TunnelRig.MacB),
            (step.Source, step.Outcome, step.Policy, step.Value, step.Address!.Value, step.Mac!.Value));
        Assert.Equal(DropRemedies.Of(DropReason.RepeatedAnnouncement), second.Remedy);

        // The worker is of the same mind, and its memory as it was.
        Assert.Equal(DropReason.RepeatedAnnouncement, rig.Send(arp, now: 10_999).Drop);
        rig.Complete(rig.Egress, rig.Tunnel.Egress);
        Assert.Equal(ExplanationVerdict.Flooded, rig.Egress.Explain(arp, 11_000).Verdict);
        Assert.Equal(PacketState.Pending, rig.Send(arp, now: 11_000).State);
    }

    [Fact]
    public void A_question_is_read_as_the_path_reads_it()
    {
        TunnelRig rig = new();
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote));
        rig.Tables.Apply(OverlayUpdate.SetForwarding(TunnelRig.Vni, TunnelRig.MacB, new FdbEntry(TunnelRig.Remote)));
        rig.Tables.Apply(OverlayUpdate.SetNeighbor(TunnelRig.Vni, TunnelRig.InnerB6, TunnelRig.MacB));
        byte[] good = NeighborFrames.Solicitation(TunnelRig.Mac, ValueIPAddress.Parse("fd00::77"), TunnelRig.InnerB6);
        Assert.Equal(ExplanationVerdict.Answered, rig.Egress.Explain(good).Verdict);

        // A router has passed it on (RFC 4861 §7.1.1): no question for the table, so the table is not named as who decided, nor at all.
        byte[] passedOn = NeighborFrames.Solicitation(TunnelRig.Mac, ValueIPAddress.Parse("fd00::77"), TunnelRig.InnerB6, hopLimit: 254);
        Explanation explanation = rig.Egress.Explain(passedOn);
        Assert.Equal(ExplanationVerdict.Flooded, explanation.Verdict);
        Assert.DoesNotContain(explanation.Steps, step => step.Source == ExplanationSource.Neighbors);
    }

    [Fact]
    public void The_longest_route_is_the_evidence()
    {
        TunnelRig rig = new(layer: DeviceLayer.IP);
        rig.Tables.Apply(OverlayUpdate.SetRoute(IPNetwork.Parse("10.0.0.0/8"), new RouteEntry(TunnelRig.Remote2, TunnelRig.MacB)));
        rig.Tables.Apply(OverlayUpdate.SetRoute(IPNetwork.Parse("10.244.0.0/30"), new RouteEntry(TunnelRig.Remote, TunnelRig.MacB)));
        byte[] packet = PacketBuilder.Udp(TunnelRig.InnerA, TunnelRig.InnerB, 1, 2, []);
        Explanation explanation = rig.Egress.Explain(packet);
        RouteRow<RouteEntry> row = explanation.Decision.Route!.Value;
        Assert.Equal(("10.244.0.0", 30, TunnelRig.Remote), (row.Prefix.ToString(), row.Length, row.Value.Remote));
        rig.Tables.Apply(OverlayUpdate.RemoveRoute(IPNetwork.Parse("10.244.0.0/30")));
        Assert.Equal(8, rig.Egress.Explain(packet).Decision.Route!.Value.Length);
        rig.Tables.Apply(OverlayUpdate.RemoveRoute(IPNetwork.Parse("10.0.0.0/8")));
        explanation = rig.Egress.Explain(packet);
        Assert.Equal((DropReason.NoRoute, (ValueIPAddress?)TunnelRig.InnerB), (explanation.Reason, explanation.Decision.Address));
        Assert.Equal("A route of tunnel 'rig' that holds 10.244.0.2, such as 10.244.0.2/32.", explanation.Remedy);
    }

    [Fact]
    public void A_stranger_is_told_by_the_policy_that_keeps_him_out()
    {
        TunnelRig rig = new();
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote));
        byte[] datagram = TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB));
        Explanation explanation = rig.Ingress.Explain(datagram, new PacketMeta { Remote = TunnelRig.Remote2 });
        Assert.Equal(("rig", DropReason.UnknownRemote, ExplanationSource.Remotes), (explanation.Tunnel, explanation.Reason, explanation.Decision.Source));
        Assert.Equal(("remotes", "known", (ValueIPAddress?)TunnelRig.Remote2), (explanation.Decision.Policy, explanation.Decision.Value, explanation.Decision.Address));
        Assert.Contains("192.0.2.3", explanation.Remedy, StringComparison.Ordinal);

        explanation = rig.Ingress.Explain(TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB), vni: 43), new PacketMeta { Remote = TunnelRig.Remote });
        Assert.Equal((null, DropReason.UnknownVni, ExplanationSource.Networks), (explanation.Tunnel, explanation.Reason, explanation.Decision.Source));
        Assert.Contains("43", explanation.Decision.Text, StringComparison.Ordinal);
        Assert.Contains("42", explanation.Decision.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_learned_is_told_beside_the_verdict()
    {
        TunnelRig rig = new(learning: true);
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote));
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote2));
        byte[] datagram = TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB));
        string Told(ValueIPAddress remote) => Assert.Single(
            rig.Ingress.Explain(datagram, new PacketMeta { Remote = remote }).Steps, step => step.Source == ExplanationSource.Forwarding).Text;
        Assert.Equal("Its source 02:00:00:00:00:02 is learned behind 192.0.2.2.", Told(TunnelRig.Remote));
        Assert.True(rig.Tables.Learn(new LearnedAddress(TunnelRig.Vni, TunnelRig.MacB, TunnelRig.Remote), knownOnly: true, 0));
        Assert.Equal("Its source 02:00:00:00:00:02 is known behind 192.0.2.2 (learned).", Told(TunnelRig.Remote));
        Assert.Equal("Its source 02:00:00:00:00:02 moves from 192.0.2.2 to 192.0.2.3.", Told(TunnelRig.Remote2));
        rig.Tables.Apply(OverlayUpdate.SetForwarding(TunnelRig.Vni, TunnelRig.MacB, new FdbEntry(TunnelRig.Remote)));
        Assert.Equal("Its source 02:00:00:00:00:02 stays behind 192.0.2.2: the entry is static, and learning does not change it.", Told(TunnelRig.Remote2));
    }

    /// <summary>Any thread may ask while a worker forwards and the tables change: no exception, and never a verdict that neither state has.</summary>
    [Fact]
    public async Task Explaining_goes_on_beside_a_worker_and_a_writer()
    {
        TunnelRig rig = new(learning: true);
        MacAddress station = MacAddress.Parse("02:00:00:00:00:88");
        byte[] frame = TunnelRig.FrameTo(station);
        byte[] datagram = TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB));
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote2));
        using CancellationTokenSource stop = new();
        Task writer = Task.Run(
            () =>
            {
                for (int i = 0; !stop.IsCancellationRequested; i++)
                {
                    rig.Tables.Apply(i % 2 == 0
                        ? OverlayUpdate.SetForwarding(TunnelRig.Vni, station, new FdbEntry(TunnelRig.Remote))
                        : OverlayUpdate.RemoveForwarding(TunnelRig.Vni, station));
                }
            },
            TestContext.Current.CancellationToken);
        Task worker = Task.Run(
            () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    rig.Send(frame);
                    rig.Complete(rig.Egress, rig.Tunnel.Egress);
                    rig.Receive(datagram, TunnelRig.Remote2);
                    rig.Complete(rig.Ingress, rig.Tunnel.Ingress);
                }
            },
            TestContext.Current.CancellationToken);
        int forwarded = 0;
        int flooded = 0;
        for (int i = 0; i < 20_000 && (i < 2_000 || forwarded == 0 || flooded == 0); i++)
        {
            Explanation explanation = rig.Egress.Explain(frame);
            (ValueIPAddress expected, ExplanationSource source) = explanation.Verdict == ExplanationVerdict.Forwarded
                ? (TunnelRig.Remote, ExplanationSource.Forwarding)
                : (TunnelRig.Remote2, ExplanationSource.Flood);
            Assert.Equal(expected, Assert.Single(explanation.Outputs).Outer!.Remote);
            Assert.True(!explanation.IsSettled || explanation.Decision.Source == source);
            forwarded += explanation.Verdict == ExplanationVerdict.Forwarded ? 1 : 0;
            flooded += explanation.Verdict == ExplanationVerdict.Flooded ? 1 : 0;
            Assert.Equal(ExplanationVerdict.Delivered, rig.Ingress.Explain(datagram, new PacketMeta { Remote = TunnelRig.Remote2 }).Verdict);
        }

        await stop.CancelAsync();
        await Task.WhenAll(writer, worker);
        Assert.True(forwarded > 0 && flooded > 0, $"{forwarded} forwarded, {flooded} flooded");
        Assert.Equal(rig.Tunnel.Egress.RxPackets, rig.Tunnel.Egress.TxPackets);
    }

    public static TheoryData<TunnelKind> ProbedKinds => [.. TunnelFacts.All.Select(facts => facts.Kind)];

    [Theory]
    [MemberData(nameof(ProbedKinds))]
    public void A_probe_of_the_path_MTU_and_its_answer_are_told_and_asking_answers_nothing(TunnelKind kind)
    {
        TunnelRig rig = Probed(kind);
        byte[] probe = Probe(rig.Tunnel, 1_400);
        PacketMeta meta = new() { Remote = TunnelRig.Remote, Local = TunnelRig.Local, Protocol = IPProtocol.IPv4 };
        string before = Books(rig);
        Explanation asked = rig.Ingress.Explain(probe, meta, 1_000);
        Assert.Equal(before, Books(rig));
        Assert.False(rig.Tunnel.ProbeNews.TryDequeue(out _));
        AssertToldWell(asked);
        Assert.Equal((ExplanationVerdict.Answered, ExplanationSource.PathMtu), (asked.Verdict, asked.Decision.Source));
        Assert.Single(asked.Steps, step => step.Source == ExplanationSource.PathMtu);
        Assert.Equal("A probe of the path MTU, 1400 bytes long: it is answered, and goes to no device.", asked.Decision.Text);

        Receive(rig, probe, meta, 1_000);
        AssertIngress(asked, rig, "probe");
        ExplainedOutput output = Assert.Single(asked.Outputs);
        byte[] answer = rig.Batch.Data(1).ToArray();
        Assert.Equal((PacketOrigin.Originated, answer.Length), (output.Origin, output.Length));
        Assert.Equal((TunnelRig.Remote, answer.Length + PathProbeEnvelope.OuterLength(kind, isIPv4: true)), (output.Outer!.Remote, output.Outer.PacketLength));
        Complete(rig);

        Explanation heard = rig.Ingress.Explain(answer, meta, 1_000);
        AssertToldWell(heard);
        Assert.Equal((ExplanationVerdict.Consumed, ExplanationSource.PathMtu), (heard.Verdict, heard.Decision.Source));
        Assert.Empty(heard.Outputs);
        Assert.Contains("a probe of 1400 bytes", heard.Decision.Text, StringComparison.Ordinal);
        Receive(rig, answer, meta, 1_000);
        AssertIngress(heard, rig, "answer");
        Complete(rig);
    }

    [Fact]
    public void Why_a_probe_is_not_answered_is_told()
    {
        void Refused(TunnelRig rig, byte[] probe, ValueIPAddress remote, DropReason reason, ExplanationSource source)
        {
            PacketMeta meta = new() { Remote = remote, Local = TunnelRig.Local };
            Explanation explanation = rig.Ingress.Explain(probe, meta, 1_000);
            AssertToldWell(explanation);
            Assert.Equal(
                (ExplanationVerdict.Dropped, reason, source, 0), (explanation.Verdict, explanation.Reason, explanation.Decision.Source, explanation.Outputs.Count));
            Receive(rig, probe, meta, 1_000);
            AssertIngress(explanation, rig, $"{reason}");
            Complete(rig);
        }

        TunnelRig rig = Probed(TunnelKind.Vxlan);
        byte[] probe = Probe(rig.Tunnel, 1_400);
        Refused(rig, probe[..^1], TunnelRig.Remote, DropReason.BadLength, ExplanationSource.PathMtu);
        Refused(rig, probe, TunnelRig.Remote2, DropReason.UnknownRemote, ExplanationSource.Remotes);
        Refused(Probed(TunnelKind.Vxlan, new TunnelPolicy { Remotes = RemotePolicy.Any }), probe, TunnelRig.Remote2, DropReason.UnknownRemote, ExplanationSource.Remotes);
        byte[] foreign = [.. probe];
        foreign[6] ^= 1;
        Refused(rig, foreign, TunnelRig.Remote, DropReason.UnknownVni, ExplanationSource.Networks);
        for (int i = 0; i < 100; i++)
        {
            Receive(rig, probe, new PacketMeta { Remote = TunnelRig.Remote, Local = TunnelRig.Local }, 1_000);
            Complete(rig);
        }

        Refused(rig, probe, TunnelRig.Remote, DropReason.ProbeLimit, ExplanationSource.PathMtu);
        // Who answers no probes has nothing to say of them.
        Assert.Equal(DropReason.BadFlags, new TunnelRig(rig.Tunnel).Ingress.Explain(probe, new PacketMeta { Remote = TunnelRig.Remote }).Reason);
    }

    private static TunnelRig Probed(TunnelKind kind, TunnelPolicy? policy = null)
    {
        TunnelFacts facts = TunnelFacts.Of(kind);
        TunnelRig rig = new(kind, facts.CarriesEthernet && !facts.CarriesIP ? DeviceLayer.Ethernet : DeviceLayer.IP, policy);
        rig.Tables.Apply(OverlayUpdate.SetForwarding(rig.Tunnel.Options.Vni, TunnelRig.MacB, new FdbEntry(TunnelRig.Remote)));
        rig.Ingress.AnswerProbes(TunnelRig.Endpoint);
        return rig;
    }

    private static byte[] Probe(Tunnel tunnel, int size)
    {
        ProbePort port = new(tunnel);
        Assert.True(port.TryEnqueue(TunnelRig.Remote, new PathProbe(0, size, 7)));
        PacketBatch batch = new(capacity: 1);
        Assert.Equal(PortResult.Ok, port.Receive(batch));
        return batch.Data(0).ToArray();
    }

    [Fact]
    public void What_no_batch_holds_is_refused()
    {
        TunnelRig rig = new();
        byte[] tooLong = new byte[PacketBatch.MaxPacketLength + 1];
        Assert.Throws<ArgumentException>(() => rig.Egress.Explain(tooLong));
        Assert.Throws<ArgumentException>(() => rig.Ingress.Explain(tooLong, default));
        Assert.Equal(DropReason.NoRemote, rig.Egress.Explain(tooLong.AsSpan(1)).Reason);
        Assert.Equal(DropReason.BadFlags, rig.Ingress.Explain(tooLong.AsSpan(1), default).Reason);
    }

    private static TunnelRig Make(TunnelOptions options, int floods, bool routes, bool ownOuter) =>
        new(new Tunnel(options, ExplainRig.Tables(options, floods, routes, ownOuter)), PacketBatch.DefaultCapacity);

    private static void Receive(TunnelRig rig, byte[] datagram, in PacketMeta meta, long now)
    {
        rig.Batch.Clear();
        Assert.True(rig.Batch.TryAppend(datagram, out int index));
        ref PacketMeta received = ref rig.Batch.Meta(index);
        received = meta;
        (received.Output, received.Tunnel) = (-1, -1);
        rig.Ingress.Process(rig.Batch, now);
    }

    private static void Complete(TunnelRig rig)
    {
        rig.Ingress.Complete(rig.Closed());
        TunnelRig.AssertBalanced(rig.Tunnel.Ingress);
        TunnelRig.AssertBalanced(rig.Ingress.Unowned);
    }

    private static void AssertEgress(Explanation explanation, TunnelRig rig, string packet, bool isFull = false)
    {
        List<(PacketState, DropReason, int, ValueIPAddress)> done = [];
        for (int i = 0; i < rig.Batch.Count; i++)
        {
            ref readonly PacketMeta meta = ref rig.Batch.Meta(i);
            done.Add((meta.State, meta.Drop, meta.Output, meta.Remote));
        }

        string what = $"{rig.Tunnel.Options.Kind} {packet}: {explanation.Verdict} {explanation.Reason} {explanation.Decision.Text}";
        // Copies for which there was no descriptor left nothing in the batch, only in the books.
        DropReason first = done.Select(d => d.Item2).FirstOrDefault(reason => reason != DropReason.None, isFull ? DropReason.QueueFull : DropReason.None);
        Assert.True(explanation.Reason == first, what);
        Assert.True(explanation.Verdict == ExplanationVerdict.Answered == (rig.Batch.Meta(0).State == PacketState.Consumed), what);
        int sent = done.Count(d => d is (PacketState.Pending, _, TunnelRig.Endpoint, _));
        Assert.True(explanation.Verdict is ExplanationVerdict.Forwarded or ExplanationVerdict.Flooded == sent > 0, what);
        ExplainedOuterHeader[] outers = [.. explanation.Outputs.Select(output => output.Outer).OfType<ExplainedOuterHeader>()];
        Assert.True(outers.Length == sent, what);
        int next = 0;
        for (int i = 0; i < rig.Batch.Count; i++)
        {
            ref readonly PacketMeta meta = ref rig.Batch.Meta(i);
            if (meta.State != PacketState.Pending || meta.Output != TunnelRig.Endpoint)
            {
                continue;
            }

            ExplainedOuterHeader outer = outers[next++];
            Assert.Equal(
                (meta.Remote, meta.Local, meta.Ttl, meta.TrafficClass, meta.FlowHash, meta.EncapsulationLimit),
                (outer.Remote, outer.Local, outer.Ttl, (byte)((outer.Dscp << 2) | (int)outer.Ecn), outer.FlowHash, outer.EncapsulationLimit));
            Assert.True(outer.SourcePort is null || outer.SourcePort == meta.SourcePort, what);
            Assert.True(outer.DestinationPort is null || outer.DestinationPort == meta.DestinationPort, what);
            Assert.True(outer.PacketLength > rig.Batch.Length(i), what);
        }
    }

    private static void AssertIngress(Explanation explanation, TunnelRig rig, string packet)
    {
        ref readonly PacketMeta meta = ref rig.Batch.Meta(0);
        Assert.True(explanation.Reason == meta.Drop, $"{packet}: {explanation.Reason}, {meta.Drop}");
        Assert.True(explanation.Verdict == ExplanationVerdict.Delivered == (meta.State == PacketState.Pending), packet);
        Assert.True((explanation.Tunnel is null) == (meta.Tunnel < 0), packet);
        if (explanation.Verdict == ExplanationVerdict.Delivered)
        {
            Assert.Equal(rig.Batch.Length(0), Assert.Single(explanation.Outputs).Length);
        }
    }

    private static void AssertToldWell(Explanation explanation)
    {
        string steps = string.Join(" | ", explanation.Steps.Select(step => $"{step.Source} {step.Outcome} {step.Text}"));
        Assert.True(explanation.IsSettled, $"{explanation.Reason}: {steps}");
        Assert.True(explanation.Steps.SkipLast(1).All(step => step.Outcome != ExplanationOutcome.Decided) && explanation.Decision.Outcome == ExplanationOutcome.Decided, steps);
        Assert.All(explanation.Steps, step => Assert.True(step.Text.Length > 5 && step.Text.EndsWith('.'), step.Text));
        Assert.True(explanation.Reason == DropReason.None == explanation.Remedy is null, steps);
        if (explanation.Remedy is { } remedy)
        {
            Assert.True(remedy.Length > 10 && remedy.EndsWith('.'), remedy);
        }
    }

    private static void Learn(TunnelRig rig, long now)
    {
        while (rig.Tunnel.Learned.TryDequeue(out LearnedAddress learned))
        {
            _ = rig.Tables.Learn(learned, knownOnly: false, now);
        }
    }

    private static string Heard(TunnelRig rig, long now) => string.Join(
        '\n', rig.Tables.Forwarding.Snapshot(now).OrderBy(row => row.Mac).Select(row => $"{row.Mac} {row.Entry} {row.IdleMilliseconds}"));

    private static string Books(TunnelRig rig)
    {
        Tunnel tunnel = rig.Tunnel;
        return string.Join(
            '\n',
            Of(tunnel.Egress), Of(tunnel.Ingress), Of(rig.Ingress.Unowned), tunnel.EcnAlarms, tunnel.Learned.Overflows,
            string.Join(',', Enumerable.Range(0, 64).Select(bit => tunnel.ReservedBits[bit])),
            rig.Tables.Forwarding.Count, rig.Tables.Forwarding.Moves, rig.Tables.Forwarding.Refusals, rig.Tables.KnownRemoteCount, rig.Tables.Neighbors.Count);

        static string Of(DirectionCounters books) => string.Join(
            ' ', books.RxPackets, books.RxBytes, books.TxPackets, books.TxBytes, books.Replicated, books.Originated, books.Consumed,
            string.Join(',', Enum.GetValues<DropReason>().Select(books.Drops)), string.Join(',', Enum.GetValues<DropReason>().Select(books.Tolerated)));
    }
}
