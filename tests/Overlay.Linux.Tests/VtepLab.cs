using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Overlay.DataPath;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Linux.Tests;

/// <summary>Two hosts on one link: ours at 192.0.2.1 and 2001:db8::1, the peer at 192.0.2.2 and 2001:db8::2.</summary>
internal sealed class VtepLab : IDisposable
{
    public const string OurDevice = "va";
    public const string PeerDevice = "vb";
    public const uint Vni = 42;
    public static readonly ValueIPAddress Ours = ValueIPAddress.Parse("192.0.2.1");
    public static readonly ValueIPAddress Peer = ValueIPAddress.Parse("192.0.2.2");
    public static readonly ValueIPAddress Ours6 = ValueIPAddress.Parse("2001:db8::1");
    public static readonly ValueIPAddress Peer6 = ValueIPAddress.Parse("2001:db8::2");
    public static readonly ValueIPAddress InnerOurs = ValueIPAddress.Parse("10.42.0.1");
    public static readonly ValueIPAddress InnerPeer = ValueIPAddress.Parse("10.42.0.2");
    public static readonly MacAddress OurMac = MacAddress.Parse("02:00:00:00:00:01");
    public static readonly MacAddress PeerMac = MacAddress.Parse("02:00:00:00:00:02");

    public VtepLab(int mtu = 1500)
    {
        Us = Netns.Create("ovsock");
        Them = Netns.Create("ovsock");
        Netns.Connect(Us, OurDevice, "192.0.2.1/24", Them, PeerDevice, "192.0.2.2/24", mtu);
        Us.Configure(OurDevice, "2001:db8::1/64");
        Them.Configure(PeerDevice, "2001:db8::2/64");
    }

    public Netns Us { get; }

    public Netns Them { get; }

    public PacketBatch Batch { get; } = new();

    public UdpTunnelSocket Bind(UdpTunnelOptions? options = null) => Us.Run(() => UdpTunnelSocket.Bind(options ?? new UdpTunnelOptions { Local = Ours }));

    /// <summary>Makes the peer a kernel VTEP of VNI 42 that knows us.</summary>
    public void AddKernelVxlan()
    {
        Them.Ip("link", "add", "vx42", "address", PeerMac.ToString(), "type", "vxlan", "id", "42", "local", "192.0.2.2", "remote", "192.0.2.1", "dstport", "4789");
        Them.Configure("vx42", "10.42.0.2/24");
        Them.Ip("neigh", "replace", InnerOurs.ToString(), "lladdr", OurMac.ToString(), "dev", "vx42", "nud", "permanent");
    }

    /// <summary>Adds a packet to the batch, to be sent.</summary>
    public int Add(ReadOnlySpan<byte> frame, ValueIPAddress? remote = null, uint vni = Vni, uint flowHash = 0)
    {
        Assert.True(Batch.TryAppend(frame, out int index));
        ref PacketMeta meta = ref Batch.Meta(index);
        meta.Remote = remote ?? Peer;
        meta.Vni = new Vni(vni);
        meta.FlowHash = flowHash;
        meta.Ttl = 64;
        meta.Output = 0;
        return index;
    }

    public PortResult Send(IPacketPort port)
    {
        Batch.Select(0);
        return port.Send(Batch);
    }

    /// <summary>Sends what is in the batch, asks that all of it was sent, and empties the batch.</summary>
    public void SendAll(IPacketPort port)
    {
        Assert.Equal(PortResult.Ok, Send(port));
        for (int i = 0; i < Batch.Count; i++)
        {
            Assert.Equal((PacketState.Sent, DropReason.None), (Batch.Meta(i).State, Batch.Meta(i).Drop));
        }

        Batch.Clear();
    }

    /// <summary>Receives into the emptied batch until it holds so many packets.</summary>
    public void Receive(IPacketPort port, int count)
    {
        Batch.Clear();
        long start = Stopwatch.GetTimestamp();
        while (Batch.Count < count)
        {
            if (port.Receive(Batch) == PortResult.Empty)
            {
                Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(5), $"{Batch.Count} of {count} packets came within 5 s.");
                Thread.Sleep(1);
            }
        }
    }

    /// <summary>An inner UDP frame from us to the peer.</summary>
    public static byte[] Frame(int payloadLength, ushort sourcePort = 1000, int seed = 1) => PacketBuilder.Ethernet(
        PeerMac, OurMac, EtherType.IPv4, PacketBuilder.Udp(InnerOurs, InnerPeer, sourcePort, 2000, PacketBuilder.Payload(payloadLength, seed)));

    /// <summary>A VXLAN datagram.</summary>
    public static byte[] Vxlan(uint vni, ReadOnlySpan<byte> frame)
    {
        byte[] datagram = new byte[8 + frame.Length];
        datagram[0] = 8;
        BinaryPrimitives.WriteUInt32BigEndian(datagram.AsSpan(4), vni << 8);
        frame.CopyTo(datagram.AsSpan(8));
        return datagram;
    }

    /// <summary>An ICMP error from the peer about a datagram that one of our source ports sent.</summary>
    public void SendIcmpError(byte type, byte code, ushort sourcePort, ushort mtu)
    {
        byte[] udp = new byte[8];
        BinaryPrimitives.WriteUInt16BigEndian(udp, sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(udp.AsSpan(2), VxlanPacket.DefaultPort);
        BinaryPrimitives.WriteUInt16BigEndian(udp.AsSpan(4), 1408);
        byte[] quoted = PacketBuilder.IP(Ours, Peer, IPProtocol.Udp, udp);
        byte[] icmp = [type, code, 0, 0, 0, 0, 0, 0, .. quoted];
        BinaryPrimitives.WriteUInt16BigEndian(icmp.AsSpan(6), mtu);
        BinaryPrimitives.WriteUInt16BigEndian(icmp.AsSpan(2), PacketBuilder.Checksum(icmp, 0));
        using Socket raw = Them.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Icmp));
        long before = Snmp(Us, "Icmp", "InMsgs");
        raw.SendTo(icmp, new IPEndPoint(Ours.ToIPAddress(), 0));
        WaitUntil(() => Snmp(Us, "Icmp", "InMsgs") > before);
    }

    /// <summary>Waits for something that the kernel does in its own time.</summary>
    public static void WaitUntil(Func<bool> condition)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(5), "What the test waits for did not happen within 5 s.");
            Thread.Sleep(1);
        }
    }

    /// <summary>A counter of /proc/net/snmp6.</summary>
    public static long Snmp6(Netns netns, string counter)
    {
        string[] lines = netns.Run(() => File.ReadAllLines("/proc/thread-self/net/snmp6"));
        return long.Parse(lines.First(line => line.StartsWith(counter + " ", StringComparison.Ordinal)).Split(' ')[^1].Trim(), CultureInfo.InvariantCulture);
    }

    /// <summary>A counter of /proc/net/snmp, the kernel's own view of a namespace.</summary>
    public static long Snmp(Netns netns, string group, string counter)
    {
        string[] lines = netns.Run(() => File.ReadAllLines("/proc/thread-self/net/snmp"));
        string[][] rows = [.. lines.Where(line => line.StartsWith(group + ":", StringComparison.Ordinal)).Select(line => line.Split(' '))];
        return long.Parse(rows[1][Array.IndexOf(rows[0], counter)], CultureInfo.InvariantCulture);
    }

    /// <summary>No outer packet was fragmented by us, and the peer had none to put together.</summary>
    public void AssertNoFragments()
    {
        Assert.Equal(0, Snmp(Us, "Ip", "FragCreates"));
        Assert.Equal(0, Snmp(Us, "Ip", "FragFails"));
        Assert.Equal(0, Snmp(Them, "Ip", "ReasmReqds"));
    }

    public void Dispose()
    {
        Us.Dispose();
        Them.Dispose();
    }
}
