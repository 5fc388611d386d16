using Overlay.DataPath;
using Overlay.Encapsulation;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.DataPath;

/// <summary>Messages of a socket, of every kind over UDP: plain packets, superpackets, trains.</summary>
public sealed class TunnelKindsReceiveTests
{
    private const int MaxDatagram = 1500 - 28;
    private const int InnerMtu = 1400;

    public static TheoryData<TunnelKind, bool, bool> Forms => new(
        from facts in TunnelFacts.All
        where facts.IsOverUdp
        from ethernet in new[] { true, false }
        where ethernet ? facts.CarriesEthernet : facts.CarriesIP
        from ipv6 in new[] { false, true }
        select (facts.Kind, ethernet, ipv6));

    [Theory]
    [MemberData(nameof(Forms))]
    public void An_unfinished_checksum_is_found_behind_the_header(TunnelKind kind, bool ethernet, bool ipv6)
    {
        (byte[] datagram, int network) = Datagram(kind, ethernet, ipv6, 100);
        PacketBatch batch = Received(datagram);
        Assert.Equal(0, ReceiveClassifier.Split(kind, batch, 0, 0, MaxDatagram, InnerMtu));
        PacketMeta meta = batch.Meta(0);
        Assert.Equal((SegmentationKind.None, ChecksumState.Partial), (meta.Segmentation, meta.Checksum));
        Assert.Equal((network, network + (ipv6 ? 40 : 20), 16), (meta.NetworkStart, meta.ChecksumStart, meta.ChecksumOffset));
        Assert.True(Segmentation.CompleteChecksum(batch.Data(0), meta));
        Assert.True(PacketBuilder.IsTransportChecksumValid(batch.Data(0)[network..]));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void A_superpacket_is_one_whether_its_segment_size_is_told_or_not(TunnelKind kind, bool ethernet, bool ipv6)
    {
        (byte[] datagram, int network) = Datagram(kind, ethernet, ipv6, 30_000);
        foreach (int told in new[] { 1200, 0 })
        {
            PacketBatch batch = Received(datagram);
            Assert.Equal(0, ReceiveClassifier.Split(kind, batch, 0, told, MaxDatagram, InnerMtu));
            PacketMeta meta = batch.Meta(0);
            int size = told != 0 ? told : InnerMtu - (ipv6 ? 40 : 20) - 20;
            Assert.Equal((1, ipv6 ? SegmentationKind.TcpIPv6 : SegmentationKind.TcpIPv4, size), (batch.Count, meta.Segmentation, meta.SegmentSize));
            Assert.Equal(network, meta.NetworkStart);
            Assert.True(Segmentation.TryPlan(batch.Data(0), meta, out SegmentPlan plan));
            Assert.Equal((30_000 + size - 1) / size, plan.Count);
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void A_train_becomes_its_datagrams(TunnelKind kind, bool ethernet, bool ipv6)
    {
        (byte[] datagram, int network) = Datagram(kind, ethernet, ipv6, 100);
        byte[] last = datagram[..^20];
        PacketBatch batch = Received([.. datagram, .. datagram, .. last]);
        Assert.Equal(0, ReceiveClassifier.Split(kind, batch, 0, datagram.Length, MaxDatagram, InnerMtu));
        Assert.Equal(3, batch.Count);
        Assert.Equal([datagram.Length, datagram.Length, last.Length], Enumerable.Range(0, 3).Select(batch.Length));
        Assert.Equal((ChecksumState.Partial, network), (batch.Meta(1).Checksum, batch.Meta(1).NetworkStart));
    }

    [Fact]
    public void Any_bytes_are_cut_into_themselves() => Fuzzing.Run(40_417, 2_000, random =>
    {
        byte[] message = new byte[random.Next(1, 400)];
        random.NextBytes(message);
        TunnelKind kind = TunnelFacts.All[random.Next(TunnelFacts.All.Count)].Kind;
        if (!TunnelFacts.Of(kind).IsOverUdp)
        {
            return;
        }

        PacketBatch batch = Received(message);
        int stride = random.Next(0, message.Length + 2);
        int lost = ReceiveClassifier.Split(kind, batch, 0, stride, MaxDatagram, InnerMtu);
        byte[] together = [.. Enumerable.Range(0, batch.Count).SelectMany(i => batch.Data(i).ToArray())];
        Assert.True(lost > 0 || together.AsSpan().SequenceEqual(message));
    });

    private static PacketBatch Received(byte[] message)
    {
        PacketBatch batch = new(64);
        Assert.True(batch.TryAppend(message, out _));
        return batch;
    }

    private static (byte[] Datagram, int Network) Datagram(TunnelKind kind, bool ethernet, bool ipv6, int payload)
    {
        byte[] packet = PacketBuilder.Tcp(
            ValueIPAddress.Parse(ipv6 ? "fd00::1" : "10.0.0.1"), ValueIPAddress.Parse(ipv6 ? "fd00::2" : "10.0.0.2"), 1, 2, 1, 0x10,
            PacketBuilder.Payload(payload), partialChecksum: true);
        TunnelHeader header = TunnelHeader.Create(
            kind, ethernet, options: kind == TunnelKind.Geneve ? Encapsulation.TunnelHeaderTests.Option(1, 2, new byte[8]) : default);
        byte[] inner = header.HasInnerEthernet
            ? PacketBuilder.Ethernet(TunnelRig.Mac, TunnelRig.MacB, ipv6 ? EtherType.IPv6 : EtherType.IPv4, packet)
            : packet;
        byte[] datagram = new byte[header.Length + inner.Length];
        header.Write(datagram, new Vni(1), inner);
        inner.CopyTo(datagram, header.Length);
        return (datagram, datagram.Length - packet.Length);
    }
}
