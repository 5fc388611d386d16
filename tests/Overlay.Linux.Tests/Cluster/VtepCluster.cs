using System.Globalization;
using System.Text.Json;
using Overlay.Linux.Tests.EndToEnd;
using Overlay.Testing;

namespace Overlay.Linux.Tests.Cluster;

/// <summary>
/// VTEPs on one underlay segment, each in a namespace: number n has 192.0.2.n or 2001:db8::n on its device <c>u0</c>. What a VTEP is – overlayd or the
/// kernel's vxlan – a test says for each. Its device of a network is <c>vx</c> and the VNI, the bridge over that <c>br</c> and the VNI.
/// </summary>
internal sealed class VtepCluster : IDisposable
{
    private const string Link = "u0";
    private const string HostDevice = "eth0";

    // Only what is made once: the test owns its daemons, since they come and go.
    private readonly List<Netns> _namespaces = [];
    private readonly List<Station> _stations = [];
    private readonly bool _ipv6;
    private int _hosts;

    public VtepCluster(int count, bool ipv6 = false)
    {
        TunAccess.Require();
        Requires.Tool("bridge");
        _ipv6 = ipv6;
        try
        {
            Netns hub = Create();
            AddSilentBridge(hub, "br0");
            for (int number = 1; number <= count; number++)
            {
                Netns vtep = Create();
                Netns.Connect(vtep, Link, _ipv6 ? $"{Address(number)}/64" : $"{Address(number)}/24", hub, $"p{number}", null);
                hub.Ip("link", "set", $"p{number}", "master", "br0");
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The namespace of a VTEP, from 1.</summary>
    public Netns this[int number] => _namespaces[number];

    /// <summary>The device of a network.</summary>
    public static string Device(uint vni) => string.Create(CultureInfo.InvariantCulture, $"vx{vni}");

    /// <summary>The bridge over the device of a network.</summary>
    public static string Bridge(uint vni) => string.Create(CultureInfo.InvariantCulture, $"br{vni}");

    /// <summary>The MAC address of a VTEP's device: the same in all networks.</summary>
    public static MacAddress DeviceMac(int number) => MacAddress.FromValue(0x02_00_00_00_00_00 + (ulong)number);

    /// <summary>The underlay address of a VTEP.</summary>
    public string Address(int number) => string.Create(CultureInfo.InvariantCulture, $"{(_ipv6 ? "2001:db8::" : "192.0.2.")}{number}");

    /// <summary>The configuration of a network at a VTEP that floods to a multicast group, and lets in all of the underlay's segment.</summary>
    public string GroupTunnel(int number, uint vni, string group) => TunnelJson.Tap(
        Device(vni), vni, Address(number), address: null, DeviceMac(number), flood: [group], more: $$""" "policy": { "remotes": [ "{{Address(0)}}/{{(_ipv6 ? 64 : 24)}}" ] } """);

    /// <summary>The configuration of a network at a VTEP.</summary>
    /// <param name="number">The VTEP.</param>
    /// <param name="vni">The network.</param>
    /// <param name="flood">The VTEPs that get copies of what is flooded.</param>
    /// <param name="address">Address and prefix length of the device; null for none.</param>
    /// <param name="more">Further members.</param>
    public string Tunnel(int number, uint vni, int[] flood, string? address = null, string more = "") => TunnelJson.Tap(
        Device(vni), vni, Address(number), address, DeviceMac(number), flood: [.. flood.Select(Address)], more: more);

    /// <summary>Starts overlayd at a VTEP. Without its warm-up, which makes nothing more exact.</summary>
    public OverlayDaemon Start(int number, params string[] tunnels) => OverlayDaemon.Start(this[number], string.Join(", ", tunnels), "{ \"warmUp\": false }");

    /// <summary>Makes a VTEP of the kernel's vxlan device, which sends copies of what is flooded to some others.</summary>
    public void AddKernelVtep(int number, uint vni, int[] flood, string? address = null)
    {
        AddKernelDevice(number, vni);
        foreach (int remote in flood)
        {
            BridgeFdb(number, "append", "00:00:00:00:00:00", "dev", Device(vni), "dst", Address(remote));
        }

        this[number].Configure(Device(vni), address);
    }

    /// <summary>Makes a VTEP of the kernel's vxlan device, which sends what is flooded to a multicast group.</summary>
    public void AddKernelVtep(int number, uint vni, string group)
    {
        AddKernelDevice(number, vni, "group", group);
        this[number].Configure(Device(vni), null);
    }

    /// <summary>Makes the bridge of a network, with the VTEP's device in it, if that is there, and all hosts that were added before.</summary>
    public void AddBridge(int number, uint vni)
    {
        AddSilentBridge(this[number], Bridge(vni));
        foreach (string port in Devices(number).Where(device => device == Device(vni) || device.StartsWith(PortPrefix(vni), StringComparison.Ordinal)))
        {
            Attach(number, vni, port);
        }
    }

    /// <summary>Removes the bridge of a network; what was in it stays.</summary>
    public void RemoveBridge(int number, uint vni) => this[number].Ip("link", "delete", Bridge(vni));

    /// <summary>Puts a device into the bridge of a network.</summary>
    public void Attach(int number, uint vni, string device) => this[number].Ip("link", "set", device, "master", Bridge(vni), "up");

    /// <summary>Takes a device out of its bridge.</summary>
    public void Detach(int number, string device) => this[number].Ip("link", "set", device, "nomaster");

    /// <summary>Runs <c>bridge fdb</c> at a VTEP.</summary>
    public void BridgeFdb(int number, params string[] arguments) => this[number].Exec("bridge", ["fdb", .. arguments]);

    /// <summary>Adds a host in a namespace of its own, and its port to the bridge of a network, if that is there.</summary>
    /// <param name="number">The VTEP.</param>
    /// <param name="vni">The network.</param>
    /// <param name="port">The name that its port gets.</param>
    /// <param name="address">Its address and prefix length; null for none.</param>
    /// <param name="mac">Its MAC address; null for one that nobody else has.</param>
    public Station AddHost(int number, uint vni, out string port, string? address = null, MacAddress? mac = null)
    {
        _hosts++;
        port = string.Create(CultureInfo.InvariantCulture, $"{PortPrefix(vni)}{_hosts}");
        MacAddress own = mac ?? MacAddress.FromValue(0x02_00_00_00_0A_00 + (ulong)_hosts);
        Netns host = Create();
        Netns.Connect(host, HostDevice, null, this[number], port, null);
        host.Ip("link", "set", HostDevice, "address", own.ToString());
        host.Configure(HostDevice, address);
        if (Devices(number).Contains(Bridge(vni)))
        {
            Attach(number, vni, port);
        }

        return Add(new Station(string.Create(CultureInfo.InvariantCulture, $"host {_hosts} of {vni} at {number}"), host, HostDevice, own));
    }

    /// <summary>Takes the VTEP's own device of a network as a station.</summary>
    public Station Listen(int number, uint vni) => Add(
        new Station(string.Create(CultureInfo.InvariantCulture, $"{Device(vni)} at {number}"), this[number], Device(vni), DeviceMac(number)));

    /// <summary>The names of all interfaces of a VTEP.</summary>
    public string[] Devices(int number) => PeerLab.Devices(this[number]);

    /// <summary>What a tunnel's status says of learning.</summary>
    public static JsonElement Learning(OverlayDaemon daemon, uint vni) => daemon.Query().GetProperty("tunnels").EnumerateArray()
        .First(tunnel => tunnel.GetProperty("name").GetString() == Device(vni)).GetProperty("learning");

    /// <summary>Waits until the forwarding table of a tunnel has so many entries.</summary>
    public static void AwaitEntries(OverlayDaemon daemon, uint vni, int count) => Wait.Until(
        () => Learning(daemon, vni).GetProperty("entries").GetInt32() == count, () => $"not {count} entries: {Learning(daemon, vni)}");

    public void Dispose()
    {
        _stations.ForEach(station => station.Dispose());
        _namespaces.ForEach(netns => netns.Dispose());
    }

    private static string PortPrefix(uint vni) => string.Create(CultureInfo.InvariantCulture, $"w{vni}.");

    // Without multicast snooping: it would ask for listeners, and keep multicast from ports where nobody answered.
    private static void AddSilentBridge(Netns netns, string name)
    {
        netns.Ip("link", "add", name, "type", "bridge", "mcast_snooping", "0");
        netns.Configure(name, null);
    }

    private void AddKernelDevice(int number, uint vni, params string[] more) => this[number].Ip(
        [
            "link", "add", Device(vni), "address", DeviceMac(number).ToString(), "type", "vxlan", "id", vni.ToString(CultureInfo.InvariantCulture),
            "local", Address(number), "dstport", "4789", "dev", Link, .. more,
        ]);

    private Netns Create()
    {
        Netns netns = Netns.Create("ovmesh");
        _namespaces.Add(netns);
        return netns;
    }

    private Station Add(Station station)
    {
        _stations.Add(station);
        return station;
    }
}
