using Overlay.Testing;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>Hosts on one Ethernet segment: host n has 192.0.2.n on its device <c>eth0</c>, a port of a bridge in a namespace of its own.</summary>
internal sealed class BridgedHosts : IDisposable
{
    public const string Device = "eth0";
    private readonly List<Netns> _all = [];

    public BridgedHosts(int count)
    {
        try
        {
            Netns bridge = Create();
            bridge.Ip("link", "add", "br0", "type", "bridge");
            bridge.Configure("br0", null);
            for (int i = 1; i <= count; i++)
            {
                Netns host = Create();
                Netns.Connect(host, Device, $"192.0.2.{i}/24", bridge, $"p{i}", null);
                bridge.Ip("link", "set", $"p{i}", "master", "br0");
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>A host by its number, from 1.</summary>
    public Netns this[int number] => _all[number];

    /// <summary>The MAC of the kernel VTEP of a host.</summary>
    public static MacAddress Mac(int number) => MacAddress.Parse($"02:00:00:00:00:{number:x2}");

    /// <summary>Makes a host a kernel VTEP of VNI 42, device <c>vx42</c> with 10.42.0.n, that sends everything to host 1, and needs no ARP to do so.</summary>
    public void AddKernelVxlan(int number)
    {
        Netns host = this[number];
        host.Ip(
            "link", "add", "vx42", "address", Mac(number).ToString(), "type", "vxlan", "id", "42", "local", $"192.0.2.{number}",
            "remote", "192.0.2.1", "dstport", "4789");
        host.Configure("vx42", $"10.42.0.{number}/24");
        host.Ip("neigh", "replace", "10.42.0.1", "lladdr", Mac(1).ToString(), "dev", "vx42", "nud", "permanent");
    }

    public void Dispose() => _all.ForEach(netns => netns.Dispose());

    private Netns Create()
    {
        Netns netns = Netns.Create("ovhost");
        _all.Add(netns);
        return netns;
    }
}
