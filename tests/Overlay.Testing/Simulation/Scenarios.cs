using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing.Simulation.Workload;

namespace Overlay.Testing.Simulation;

/// <summary>Scenarios that come with the simulator. Each makes a world by a seed, runs it and lets it come to rest.</summary>
public static class Scenarios
{
    private const int Duration = 20_000;

    /// <summary>All of them, by name.</summary>
    public static IReadOnlyDictionary<string, Action<SimulatedWorld>> All { get; } = new SortedDictionary<string, Action<SimulatedWorld>>(StringComparer.Ordinal)
    {
        ["calm"] = Calm,
        ["weather"] = Weather,
        ["moves"] = Moves,
        ["control-plane"] = ControlPlane,
        ["attack"] = Attack,
        ["open"] = Open,
        ["ip-in-ip"] = IPInIP,
        ["groups"] = Groups,
        ["limits"] = Limits,
        ["everything"] = Everything,
    };

    /// <summary>Three VTEPs in full mesh, two networks, good links: nothing may be lost.</summary>
    public static void Calm(SimulatedWorld world) =>
        Run(world, 3, new HostOptions { Workers = 2 }, new WorkloadOptions { Oddities = 0, Broadcasts = 0.4 });

    /// <summary>Loss, delay, reordering, duplication, corruption and cuts; without outer checksums in half of the runs.</summary>
    public static void Weather(SimulatedWorld world)
    {
        ArgumentNullException.ThrowIfNull(world);
        Run(world, 3, new HostOptions { Workers = 2, OuterChecksum = world.Random.Hits(0.5) }, new WorkloadOptions { Faults = 500 });
    }

    /// <summary>Stations move and fall silent; entries must follow, or age.</summary>
    public static void Moves(SimulatedWorld world) =>
        Run(world, 4, new HostOptions { MaxAge = 3_000 }, new WorkloadOptions { Moves = 400 });

    /// <summary>Remotes leave and come back, entries are set, replaced and withdrawn; readers hold indices meanwhile.</summary>
    public static void ControlPlane(SimulatedWorld world)
    {
        ArgumentNullException.ThrowIfNull(world);
        Run(world, 4, new HostOptions { Workers = 2, SharesTables = world.Random.Hits(0.5) }, new WorkloadOptions { Updates = 160, IndexReads = 40 });
    }

    /// <summary>Floods of MAC addresses, hijacks and broken packets against small tables and full sockets.</summary>
    public static void Attack(SimulatedWorld world) =>
        Run(world, 3, new HostOptions { MaxForwardingEntries = 16, Congestion = 0.1, SocketLength = 16 }, new WorkloadOptions { Attacks = 60, Updates = 800 });

    /// <summary>Ends that let anybody in, as Linux does, and are attacked.</summary>
    public static void Open(SimulatedWorld world) =>
        Run(world, 3, new HostOptions { Remotes = RemotePolicy.Any, MaxForwardingEntries = 32 }, new WorkloadOptions { Attacks = 80, Moves = 1_000, IndexReads = 100 });

    /// <summary>IP in IP: routes that come, go and move.</summary>
    public static void IPInIP(SimulatedWorld world) =>
        Run(world, 3, new HostOptions { Kind = TunnelKind.IPInIP, Workers = 2 }, new WorkloadOptions { Updates = 250, Faults = 2_000 });

    /// <summary>Routes with several remotes, of which some leave and come back, under flows that last.</summary>
    public static void Groups(SimulatedWorld world) =>
        Run(world, 5, new HostOptions { Kind = TunnelKind.IPInIP, Workers = 2, SharesTables = true }, new WorkloadOptions { Traffic = 60, Updates = 300 });

    /// <summary>Small caps, in all and for each network, where the silent make way; stations that move until they are frozen; and little that may be flooded.</summary>
    public static void Limits(SimulatedWorld world)
    {
        ArgumentNullException.ThrowIfNull(world);
        SimulationRandom random = world.Random;
        HostOptions host = new()
        {
            Workers = random.Between(1, 2),
            SharesTables = random.Hits(0.5),
            MaxForwardingEntries = random.Pick([6, 12, 64]),
            MaxEntriesPerVni = random.Pick([4, 8, 64]),
            WhenFull = random.Hits(0.7) ? ForwardingOverflow.EvictOldest : ForwardingOverflow.Refuse,
            MoveLimit = random.Between(2, 3),
            MoveWindow = random.Between(4_000, 15_000),
            FreezeTime = random.Between(1_000, 6_000),
            FloodLimits = new FloodLimits
            {
                Broadcast = new FloodLimit(random.Between(2, 20), random.Between(1, 4)),
                UnknownUnicast = new FloodLimit(random.Between(1, 4), random.Between(1, 3)),
                Multicast = random.Hits(0.5) ? new FloodLimit(2, 2) : null,
            },
        };
        Run(world, 4, host, new WorkloadOptions { Traffic = 150, Moves = 100, Attacks = 150, Updates = 2_000 });
    }

    /// <summary>A bit of all, in a shape that the seed chooses.</summary>
    public static void Everything(SimulatedWorld world)
    {
        ArgumentNullException.ThrowIfNull(world);
        SimulationRandom random = world.Random;
        HostOptions host = new()
        {
            Kind = random.Pick([TunnelKind.Vxlan, TunnelKind.Vxlan, TunnelKind.Geneve, TunnelKind.VxlanGpe]),
            Workers = random.Between(1, 3),
            SharesTables = random.Hits(0.5),
            MaxForwardingEntries = random.Pick([8, 64, 1_024]),
            MaxAge = random.Between(1_500, 10_000),
            OuterChecksum = random.Hits(0.7),
            SocketLength = random.Between(4, 64),
            Congestion = random.Hits(0.5) ? 0.2 : 0,
        };
        WorkloadOptions load = new()
        {
            Traffic = random.Between(100, 600),
            Moves = 1_000,
            Updates = 400,
            Faults = 1_000,
            Attacks = 200,
            IndexReads = 100,
        };
        Run(world, random.Between(2, 5), host, load);
    }

    private static void Run(SimulatedWorld world, int hosts, HostOptions options, WorkloadOptions load)
    {
        Build(world, hosts, options);
        WorkloadSetup.Add(world, load);
        world.Run(Duration);
        world.Drain();
    }

    // Hosts in full mesh with two networks, over IPv4 or IPv6, and two stations of each network behind each.
    private static void Build(SimulatedWorld world, int hosts, HostOptions options)
    {
        bool isIPv4 = world.Random.Hits(0.7);
        bool isEthernet = options.Kind != TunnelKind.IPInIP;
        Vni[] networks = isEthernet ? [new(42), new(0x01_002A)] : [default];
        for (int i = 1; i <= hosts; i++)
        {
            SimulatedHost host = world.AddHost($"vtep{i}", isIPv4 ? $"192.0.2.{i}" : $"2001:db8::{i}", options);
            foreach (Vni vni in networks)
            {
                SimulatedTunnel tunnel = host.AddTunnel(vni);
                for (uint j = 1; j <= 2; j++)
                {
                    // The same MAC and IP addresses in both networks: what leaks is not seen by the address.
                    uint number = ((uint)i << 8) | j;
                    world.AddStation(
                        $"h{i}{j}.{tunnel.Vni}", tunnel, MacAddress.FromValue(0x0200_0000_0000UL | number), ValueIPAddress.FromIPv4(0x0A00_0000 | number));
                }
            }
        }

        if (isEthernet)
        {
            Array.ForEach(networks, world.Connect);
            return;
        }

        foreach (SimulatedTunnel tunnel in world.Tunnels)
        {
            foreach (SimulatedTunnel other in world.Tunnels.Where(other => other != tunnel))
            {
                tunnel.Tables.Apply(Overlay.Tables.OverlayUpdate.SetRoute(other.Stations[0].Address.Mask(24), 24, new Overlay.Tables.RouteEntry(other.Host.Address)));
            }
        }
    }
}
