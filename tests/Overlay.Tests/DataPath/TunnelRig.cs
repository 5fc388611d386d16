using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing;
using Xunit;

namespace Overlay.Tests.DataPath;

/// <summary>One tunnel with its two paths, and a batch to send through them.</summary>
internal sealed class TunnelRig
{
    public const int Device = 0;
    public const int Endpoint = 1;

    public static readonly ValueIPAddress Local = ValueIPAddress.Parse("192.0.2.1");
    public static readonly ValueIPAddress Remote = ValueIPAddress.Parse("192.0.2.2");
    public static readonly ValueIPAddress Remote2 = ValueIPAddress.Parse("192.0.2.3");
    public static readonly ValueIPAddress InnerA = ValueIPAddress.Parse("10.244.0.1");
    public static readonly ValueIPAddress InnerB = ValueIPAddress.Parse("10.244.0.2");
    public static readonly ValueIPAddress InnerA6 = ValueIPAddress.Parse("fd00:244::1");
    public static readonly ValueIPAddress InnerB6 = ValueIPAddress.Parse("fd00:244::2");
    public static readonly MacAddress Mac = MacAddress.Parse("02:00:00:00:00:01");
    public static readonly MacAddress MacB = MacAddress.Parse("02:00:00:00:00:02");
    public static readonly Vni Vni = new(42);

    public TunnelRig(
        TunnelKind kind = TunnelKind.Vxlan, DeviceLayer layer = DeviceLayer.Ethernet, TunnelPolicy? policy = null, bool learning = false, int capacity = 64,
        ValueIPAddress? local = null, GreOptions? gre = null)
        : this(MakeTunnel(kind, layer, policy, learning, local, gre), capacity)
    {
    }

    public TunnelRig(Tunnel tunnel, int capacity = 64)
    {
        Tunnel = tunnel;
        Tables = tunnel.Tables;
        Egress = new TunnelEgress(Tunnel, Device, Endpoint);
        Ingress = new TunnelIngress(tunnel.Options.Kind);
        Ingress.Attach(Tunnel, Device);
        Batch = new PacketBatch(capacity);
    }

    private static Tunnel MakeTunnel(TunnelKind kind, DeviceLayer layer, TunnelPolicy? policy, bool learning, ValueIPAddress? local, GreOptions? gre) =>
        new(
            new TunnelOptions
            {
                Name = "rig",
                Kind = kind,
                Layer = layer,
                Vni = kind == TunnelKind.Vxlan ? Vni : default,
                Local = local ?? Local,
                DeviceMac = Mac,
                Learning = learning,
                Gre = gre ?? GreOptions.Default,
                Policy = policy ?? TunnelPolicy.Default,
            },
            new OverlayTables());

    public OverlayTables Tables { get; }

    public Tunnel Tunnel { get; }

    public TunnelEgress Egress { get; }

    public TunnelIngress Ingress { get; }

    public PacketBatch Batch { get; }

    public static byte[] FrameTo(MacAddress destination, byte trafficClass = 0, byte ttl = 64, bool dontFragment = false) => PacketBuilder.Ethernet(
        destination, Mac, EtherType.IPv4, PacketBuilder.Udp(InnerA, InnerB, 1000, 2000, "hello"u8, trafficClass, ttl, dontFragment));

    public static byte[] FrameFrom(MacAddress source, byte trafficClass = 0) => PacketBuilder.Ethernet(
        Mac, source, EtherType.IPv4, PacketBuilder.Udp(InnerB, InnerA, 1000, 2000, "hello"u8, trafficClass));

    /// <summary>A VXLAN datagram as a UDP port leaves it: header, then frame.</summary>
    public static byte[] Vxlan(ReadOnlySpan<byte> frame, uint vni = 42, ulong extraBits = 0)
    {
        byte[] datagram = [.. new byte[8], .. frame];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(datagram, 0x0800_0000_0000_0000 | ((ulong)vni << 8) | extraBits);
        return datagram;
    }

    /// <summary>Sends one packet through egress and returns its meta.</summary>
    public ref PacketMeta Send(ReadOnlySpan<byte> packet, long now = 0)
    {
        Batch.Clear();
        Assert.True(Batch.TryAppend(packet, out _));
        Egress.Process(Batch, now);
        return ref Batch.Meta(0);
    }

    /// <summary>Sends one datagram through ingress and returns its meta.</summary>
    public ref PacketMeta Receive(ReadOnlySpan<byte> packet, ValueIPAddress? remote = null, byte trafficClass = 0, IPProtocol protocol = IPProtocol.Udp, long now = 0)
    {
        Batch.Clear();
        Assert.True(Batch.TryAppend(packet, out _));
        ref PacketMeta meta = ref Batch.Meta(0);
        meta.Remote = remote ?? Remote;
        meta.Local = Local;
        meta.TrafficClass = trafficClass;
        meta.Protocol = protocol;
        Ingress.Process(Batch, now);
        return ref Batch.Meta(0);
    }

    /// <summary>Marks what is pending as sent, closes the books of a path and checks that they balance.</summary>
    public void Complete(IPacketPath path, DirectionCounters counters)
    {
        path.Complete(Closed());
        AssertBalanced(counters);
    }

    /// <summary>The batch, with all that is pending marked as sent.</summary>
    public PacketBatch Closed()
    {
        for (int i = 0; i < Batch.Count; i++)
        {
            if (Batch.Meta(i).State == PacketState.Pending)
            {
                Batch.Meta(i).State = PacketState.Sent;
            }
        }

        return Batch;
    }

    public static void AssertBalanced(DirectionCounters counters) => Assert.Equal(
        counters.RxPackets + counters.Replicated + counters.Originated,
        counters.TxPackets + counters.Consumed + counters.TotalDrops);
}
