using System.Buffers.Binary;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>
/// The hosts of tests/vectors/kernel-vxlan.json, with its MAC and IP addresses, so that its frames can be put on the link as they are: a VTEP with
/// the tunnels vx0 (VNI 100, IPv4) and vx6 (VNI 200, IPv6), and a host beside it that only sends and listens.
/// </summary>
internal sealed class VectorLab : IDisposable
{
    private const string VtepMac = "1a:95:56:6b:8a:4e";
    private const string HostMac = "26:74:39:ca:0a:d9";
    private const ushort Experimental = 0x88B5;

    // So that nothing that comes late is taken for what is waited for.
    private uint _number;
    private readonly Dictionary<string, FrameSocket> _devices = [];

    private VectorLab()
    {
        Vtep = Netns.Create("ovvec");
        Host = Netns.Create("ovvec");
        Netns.Connect(Vtep, "u0", "10.0.0.2/24", Host, "u1", "10.0.0.1/24");
        Vtep.Configure("u0", "fd00::2/64");
        Host.Configure("u1", "fd00::1/64");
        Vtep.Ip("link", "set", "u0", "address", VtepMac);
        Host.Ip("link", "set", "u1", "address", HostMac);
        // Checksums are compared, so they must be finished; and the VTEP must not have to ask for the host.
        Vtep.EthtoolOff("u0", "tx");
        Vtep.Ip("neigh", "replace", "10.0.0.1", "lladdr", HostMac, "dev", "u0", "nud", "permanent");
        Link = new FrameSocket(Host, "u1");
    }

    public Netns Vtep { get; }

    public Netns Host { get; }

    /// <summary>The host's end of the link.</summary>
    public FrameSocket Link { get; }

    /// <summary>The daemon; null where the kernel is the VTEP.</summary>
    public OverlayDaemon? Daemon { get; private set; }

    /// <summary>The VTEP's device.</summary>
    public FrameSocket Device(string name) => _devices[name];

    /// <summary>overlayd as the VTEP.</summary>
    /// <param name="policy">Members of the policy of both tunnels.</param>
    /// <param name="policy6">Further ones of vx6.</param>
    public static VectorLab WithOverlay(string policy, string policy6 = "")
    {
        VectorLab lab = new();
        try
        {
            lab.Daemon = OverlayDaemon.Start(lab.Vtep, $$"""
                { "name": "vx0", "kind": "vxlan", "vni": 100, "local": "10.0.0.2", "flood": [ "10.0.0.1" ], "policy": { {{policy}} },
                  "device": { "type": "tap", "name": "vx0", "mac": "02:00:00:00:00:99" } },
                { "name": "vx6", "kind": "vxlan", "vni": 200, "local": "fd00::2", "flood": [ "fd00::1" ], "policy": { {{policy}}{{policy6}} },
                  "device": { "type": "tap", "name": "vx6", "mac": "02:00:00:00:00:98" } }
                """);
            lab.Listen();
            return lab;
        }
        catch
        {
            lab.Dispose();
            throw;
        }
    }

    /// <summary>The kernel as the VTEP.</summary>
    public static VectorLab WithKernel(params string[] options6)
    {
        VectorLab lab = new();
        try
        {
            lab.Vtep.Ip(
                "link", "add", "vx0", "address", "02:00:00:00:00:99", "type", "vxlan", "id", "100", "local", "10.0.0.2", "remote", "10.0.0.1",
                "dstport", "4789", "dev", "u0", "tos", "inherit");
            lab.Vtep.Ip([
                "link", "add", "vx6", "address", "02:00:00:00:00:98", "type", "vxlan", "id", "200", "local", "fd00::2", "remote", "fd00::1",
                "dstport", "4789", "dev", "u0", "tos", "inherit", .. options6]);
            lab.Vtep.Configure("vx0", null);
            lab.Vtep.Configure("vx6", null);
            lab.Listen();
            return lab;
        }
        catch
        {
            lab.Dispose();
            throw;
        }
    }

    /// <summary>Puts a frame on the link and, behind it, one for each tunnel that must pass.</summary>
    /// <returns>What came out of each device before that one.</returns>
    public Dictionary<string, List<byte[]>> Inject(byte[] frame)
    {
        uint number = ++_number;
        Assert.Equal(Errno.None, Link.Send(frame));
        Assert.Equal(Errno.None, Link.Send(Mark("10.0.0.1", "10.0.0.2", 100, number)));
        Assert.Equal(Errno.None, Link.Send(Mark("fd00::1", "fd00::2", 200, number)));
        return _devices.ToDictionary(device => device.Key, device => Until(device.Value, number));
    }

    public void Dispose()
    {
        Daemon?.Dispose();
        foreach (FrameSocket device in _devices.Values)
        {
            device.Dispose();
        }

        Link.Dispose();
        Vtep.Dispose();
        Host.Dispose();
    }

    private void Listen()
    {
        foreach (string name in new[] { "vx0", "vx6" })
        {
            _devices.Add(name, new FrameSocket(Vtep, name));
        }
    }

    private static List<byte[]> Until(FrameSocket device, uint number)
    {
        List<byte[]> before = [];
        while (true)
        {
            byte[] frame = device.Receive() ?? throw new TimeoutException("The frame that marks the end did not pass.");
            if (BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(12)) != Experimental)
            {
                before.Add(frame);
            }
            else if (BinaryPrimitives.ReadUInt32BigEndian(frame.AsSpan(14)) == number)
            {
                return before;
            }
        }
    }

    private static byte[] Mark(string source, string destination, uint vni, uint number)
    {
        byte[] payload = new byte[46];
        BinaryPrimitives.WriteUInt32BigEndian(payload, number);
        byte[] inner = PacketBuilder.Ethernet(MacAddress.Broadcast, MacAddress.Parse("02:00:00:00:01:77"), (EtherType)Experimental, payload);
        ValueIPAddress from = ValueIPAddress.Parse(source);
        byte[] outer = PacketBuilder.Udp(from, ValueIPAddress.Parse(destination), 50_000, 4789, VtepLab.Vxlan(vni, inner));
        return PacketBuilder.Ethernet(MacAddress.Parse(VtepMac), MacAddress.Parse(HostMac), from.IsIPv4 ? EtherType.IPv4 : EtherType.IPv6, outer);
    }
}
