using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing;
using Xunit;

namespace Overlay.Tests.DataPath;

public sealed class TunnelWorkerTests : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly ScriptedPort _device = new();
    private readonly ScriptedPort _endpoint = new(PortCapabilities.PartialChecksums | PortCapabilities.TcpSuperpackets | PortCapabilities.UdpSuperpackets);
    private readonly TunnelRig _rig = new();
    private readonly VirtualWaiter _waiter;
    private readonly TunnelWorker _worker;

    public TunnelWorkerTests()
    {
        _rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote));
        _waiter = new VirtualWaiter(_stop);
        _worker = new TunnelWorker(_waiter, PacketBatchPool.Create());
        Assert.Equal(TunnelRig.Device, _worker.AddPort(_device));
        Assert.Equal(TunnelRig.Endpoint, _worker.AddPort(_endpoint));
        _worker.SetPath(TunnelRig.Device, _rig.Egress);
        _worker.SetPath(TunnelRig.Endpoint, _rig.Ingress);
    }

    private DirectionCounters Egress => _rig.Tunnel.Egress;

    private DirectionCounters Ingress => _rig.Tunnel.Ingress;

    public void Dispose() => _stop.Dispose();

    [Fact]
    public void Packets_pass_both_ways_and_the_worker_sleeps_when_nothing_is_there()
    {
        _device.Enqueue(TunnelRig.FrameTo(TunnelRig.MacB));
        _endpoint.Enqueue(TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB)), box => box.Meta.Remote = TunnelRig.Remote);
        _worker.Run(_stop.Token);
        Assert.Equal(TunnelRig.FrameTo(TunnelRig.MacB), Assert.Single(_endpoint.Outgoing));
        Assert.Equal(TunnelRig.FrameFrom(TunnelRig.MacB), Assert.Single(_device.Outgoing));
        Assert.True(_waiter.Waits >= 2);
        // After the one turn that carried both, so that whoever got a packet can take it.
        Assert.Equal(1, _waiter.Yields);
        Balanced();
    }

    [Fact]
    public void A_port_that_is_full_for_a_moment_loses_nothing()
    {
        for (int i = 0; i < 5; i++)
        {
            _device.Enqueue(TunnelRig.FrameTo(TunnelRig.MacB));
        }

        _endpoint.OnSend = batch =>
        {
            _endpoint.Accept(batch, 2);
            return batch.Select(TunnelRig.Endpoint) > 0 ? PortResult.WouldBlock : PortResult.Ok;
        };
        _worker.Run(_stop.Token);
        Assert.Equal(5, _endpoint.Outgoing.Count);
        Assert.Equal((5, 0), (Egress.TxPackets, Egress.TotalDrops));
        Balanced();
    }

    [Fact]
    public void A_port_that_stays_full_costs_its_packets_and_a_bounded_time()
    {
        for (int i = 0; i < 5; i++)
        {
            _device.Enqueue(TunnelRig.FrameTo(TunnelRig.MacB));
        }

        long before = _waiter.Now;
        long after = 0;
        _endpoint.OnSend = _ =>
        {
            after = _waiter.Now;
            return PortResult.WouldBlock;
        };
        _worker.Run(_stop.Token);
        Assert.Equal(5, Egress.Drops(DropReason.QueueFull));
        Assert.InRange(after - before, 1, 2 * TunnelWorker.SendPatience);
        Balanced();
    }

    [Theory]
    [InlineData(PortResult.Down, DropReason.PortDown)]
    [InlineData(PortResult.Gone, DropReason.PortDown)]
    [InlineData(PortResult.Ok, DropReason.SendFailed)]
    public void What_a_port_leaves_behind_is_counted(PortResult result, DropReason reason)
    {
        for (int i = 0; i < 3; i++)
        {
            _device.Enqueue(TunnelRig.FrameTo(TunnelRig.MacB));
        }

        _endpoint.OnSend = batch =>
        {
            _endpoint.Accept(batch, 1);
            return result;
        };
        _worker.Run(_stop.Token);
        Assert.Equal((1, 2), (Egress.TxPackets, Egress.Drops(reason)));
        Balanced();
    }

    [Fact]
    public void A_port_that_is_gone_is_reported_once_and_the_others_are_served_on()
    {
        List<IPacketPort> gone = [];
        _worker.PortGone += gone.Add;
        _device.WhenEmpty = PortResult.Gone;
        for (int i = 0; i < 3; i++)
        {
            _endpoint.Enqueue(TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB)), box => box.Meta.Remote = TunnelRig.Remote);
        }

        _worker.Run(_stop.Token);
        Assert.Same(_device, Assert.Single(gone));
        Assert.Equal(3, Ingress.Drops(DropReason.PortDown));
        Balanced();
    }

    [Fact]
    public void The_run_ends_when_no_port_is_left()
    {
        _device.WhenEmpty = PortResult.Gone;
        _endpoint.WhenEmpty = PortResult.Gone;
        _worker.Run(CancellationToken.None);
        Assert.Equal(0, _waiter.Waits);
    }

    [Fact]
    public void A_superpacket_is_cut_for_a_port_that_takes_none()
    {
        byte[] payload = PacketBuilder.Payload(10_000);
        byte[] packet = PacketBuilder.Tcp(TunnelRig.InnerB, TunnelRig.InnerA, 1, 2, 7, 0x18, payload, partialChecksum: true);
        byte[] frame = PacketBuilder.Ethernet(TunnelRig.Mac, TunnelRig.MacB, EtherType.IPv4, packet);
        _endpoint.Enqueue(TunnelRig.Vxlan(frame), box =>
        {
            box.Meta.Remote = TunnelRig.Remote;
            box.Meta.Segmentation = SegmentationKind.TcpIPv4;
            box.Meta.Checksum = ChecksumState.Partial;
            (box.Meta.NetworkStart, box.Meta.ChecksumStart, box.Meta.ChecksumOffset, box.Meta.HeaderLength, box.Meta.SegmentSize) = (22, 42, 16, 62, 1400);
        });
        _worker.Run(_stop.Token);

        Assert.Equal(8, _device.Outgoing.Count);
        Assert.All(_device.Outgoing, piece => Assert.True(PacketBuilder.IsTransportChecksumValid(piece.AsSpan(14))));
        Assert.Equal(payload, _device.Outgoing.SelectMany(piece => piece.Skip(54)).ToArray());
        Assert.Equal((8, 8), (Ingress.RxPackets, Ingress.TxPackets));
        Balanced();
    }

    [Fact]
    public void A_superpacket_larger_than_the_scratch_room_is_cut_in_rounds_and_refused_segments_are_counted()
    {
        byte[] payload = PacketBuilder.Payload(60_000);
        byte[] packet = PacketBuilder.Udp(TunnelRig.InnerB, TunnelRig.InnerA, 1, 2, payload, partialChecksum: true);
        _endpoint.Enqueue(TunnelRig.Vxlan(PacketBuilder.Ethernet(TunnelRig.Mac, TunnelRig.MacB, EtherType.IPv4, packet)), box =>
        {
            box.Meta.Remote = TunnelRig.Remote;
            box.Meta.Segmentation = SegmentationKind.Udp;
            box.Meta.Checksum = ChecksumState.Partial;
            (box.Meta.NetworkStart, box.Meta.ChecksumStart, box.Meta.ChecksumOffset, box.Meta.HeaderLength, box.Meta.SegmentSize) = (22, 42, 6, 50, 100);
        });
        int seen = 0;
        _device.OnSend = batch =>
        {
            foreach (int index in batch.Selection)
            {
                if (++seen % 100 == 0)
                {
                    batch.Drop(index, DropReason.TooBig);
                }
                else
                {
                    batch.Meta(index).State = PacketState.Sent;
                }
            }

            return PortResult.Ok;
        };
        _worker.Run(_stop.Token);
        Assert.Equal(600, seen);
        Assert.Equal((600, 594, 6), (Ingress.RxPackets, Ingress.TxPackets, Ingress.Drops(DropReason.TooBig)));
        Balanced();
    }

    [Fact]
    public void A_partial_checksum_is_completed_for_a_port_that_takes_none()
    {
        byte[] packet = PacketBuilder.Udp(TunnelRig.InnerB, TunnelRig.InnerA, 1, 2, "hello"u8, partialChecksum: true);
        _endpoint.Enqueue(TunnelRig.Vxlan(PacketBuilder.Ethernet(TunnelRig.Mac, TunnelRig.MacB, EtherType.IPv4, packet)), box =>
        {
            box.Meta.Remote = TunnelRig.Remote;
            box.Meta.Checksum = ChecksumState.Partial;
            (box.Meta.NetworkStart, box.Meta.ChecksumStart, box.Meta.ChecksumOffset) = (22, 42, 6);
        });
        _worker.Run(_stop.Token);
        Assert.True(PacketBuilder.IsTransportChecksumValid(Assert.Single(_device.Outgoing).AsSpan(14)));
    }

    public static TheoryData<DropReason> Reasons()
    {
        TheoryData<DropReason> data = [];
        foreach (DropReason reason in Enum.GetValues<DropReason>())
        {
            if (reason != DropReason.None)
            {
                data.Add(reason);
            }
        }

        return data;
    }

    /// <summary>rx + replicated + originated = tx + consumed + drops, whatever the reason and wherever it strikes.</summary>
    [Theory]
    [MemberData(nameof(Reasons))]
    public void The_books_balance_for_every_reason(DropReason reason)
    {
        _rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote2));
        _rig.Tables.Apply(OverlayUpdate.SetNeighbor(TunnelRig.Vni, TunnelRig.InnerB, TunnelRig.MacB));
        _rig.Tables.Apply(OverlayUpdate.SetForwarding(TunnelRig.Vni, TunnelRig.MacB, new FdbEntry(TunnelRig.Remote2)));
        for (int i = 0; i < 10; i++)
        {
            _device.Enqueue(TunnelRig.FrameTo(MacAddress.Broadcast));
            _device.Enqueue(PacketBuilder.ArpRequest(TunnelRig.Mac, TunnelRig.InnerA, TunnelRig.InnerB));
        }

        int counter = 0;
        _endpoint.OnSend = batch =>
        {
            foreach (int index in batch.Selection)
            {
                if (counter++ % 3 == 0)
                {
                    batch.Drop(index, reason);
                }
                else
                {
                    batch.Meta(index).State = PacketState.Sent;
                }
            }

            return PortResult.Ok;
        };
        _worker.Run(_stop.Token);
        Assert.Equal((20, 10, 10, 10), (Egress.RxPackets, Egress.Replicated, Egress.Originated, Egress.Consumed));
        Assert.Equal(7, Egress.Drops(reason));
        Assert.Equal(23, Egress.TxPackets);
        Balanced();
    }

    [Fact]
    public void A_fault_injector_loses_and_corrupts_what_it_says_and_nothing_else()
    {
        (InMemoryPort left, InMemoryPort right) = InMemoryPort.CreatePair(queueLength: 10_000);
        FaultInjector lossy = new(left, seed: 5, loss: 0.1, corruption: 0.1);
        PacketBatch batch = new(capacity: 256);
        int received = 0;
        int intact = 0;
        byte[] packet = PacketBuilder.Payload(100);
        for (int round = 0; round < 20; round++)
        {
            batch.Clear();
            for (int i = 0; i < 100; i++)
            {
                Assert.True(batch.TryAppend(packet, out int index));
                batch.Meta(index).Output = 0;
                batch.Meta(index).Remote = TunnelRig.Remote;
            }

            batch.Select(0);
            Assert.Equal(PortResult.Ok, lossy.Send(batch));
            batch.Clear();
            right.Receive(batch);
            received += batch.Count;
            for (int i = 0; i < batch.Count; i++)
            {
                Assert.Equal(TunnelRig.Remote, batch.Meta(i).Local);
                intact += batch.Data(i).SequenceEqual(packet) ? 1 : 0;
            }
        }

        Assert.Equal(2000, received + lossy.Lost);
        Assert.Equal(received - lossy.Corrupted, intact);
        Assert.InRange(lossy.Lost, 120, 280);
        Assert.InRange(lossy.Corrupted, 100, 260);
        left.Dispose();
        batch.Clear();
        Assert.Equal(PortResult.Gone, right.Receive(batch));
    }

    private void Balanced()
    {
        TunnelRig.AssertBalanced(Egress);
        TunnelRig.AssertBalanced(Ingress);
        TunnelRig.AssertBalanced(_rig.Ingress.Unowned);
    }
}
