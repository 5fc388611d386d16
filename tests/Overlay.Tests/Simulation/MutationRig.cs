using Overlay.Encapsulation;
using Overlay.Tables;
using Overlay.Testing;
using Overlay.Testing.Simulation;
using Xunit;

namespace Overlay.Tests.Simulation;

/// <summary>Three hosts in full mesh, of which the first may have a broken part, and one invariant that is to see it.</summary>
internal sealed class MutationRig
{
    public static readonly Vni Net = new(42);
    public static readonly Vni OtherNet = new(43);

    public MutationRig(SimulationInvariant invariant, HostComponents? components = null, HostOptions? options = null)
    {
        World = new SimulatedWorld(1, new WorldOptions { Scenario = "mutation" });
        World.Invariants.Clear();
        World.Invariants.Add(invariant);
        options ??= new HostOptions();
        A = World.AddHost("a", "192.0.2.1", options with { Components = components ?? options.Components });
        B = World.AddHost("b", "192.0.2.2", options);
        C = World.AddHost("c", "192.0.2.3", options);
        foreach (SimulatedHost host in World.Hosts)
        {
            SimulatedTunnel tunnel = host.AddTunnel(Net);
            _ = host.AddTunnel(OtherNet);
            uint number = (uint)World.Stations.Count + 1;
            World.AddStation($"s{number}", tunnel, MacOf(number), ValueIPAddress.FromIPv4(0x0A00_0000 | number));
        }

        World.Connect(Net);
        World.Connect(OtherNet);
    }

    public SimulatedWorld World { get; }

    public SimulatedHost A { get; }

    public SimulatedHost B { get; }

    public SimulatedHost C { get; }

    public SimulatedStation OnA => World.Stations[0];

    public SimulatedStation OnB => World.Stations[1];

    public SimulatedTables TablesOfA => A.Tunnels[0].Tables;

    public static MacAddress MacOf(uint number) => MacAddress.FromValue(0x0200_0000_0000UL | number);

    /// <summary>Station 2, behind b, is set there in the tables of a.</summary>
    public void SetB() => TablesOfA.Apply(OverlayUpdate.SetForwarding(Net, OnB.Mac, new FdbEntry(B.Address)));

    /// <summary>Sends a frame that carries a forged source address out of a's device or, in somebody's name, to a.</summary>
    public void Forge(ValueIPAddress outerSource, MacAddress source)
    {
        byte[] inner = PacketBuilder.Ethernet(OnA.Mac, source, EtherType.IPv4, PacketBuilder.Udp(OnB.Address, OnA.Address, 1, 2, "x"u8));
        SimulatedFrame frame = new(9_999, Net, null, isEthernet: true, "forged", inner);
        UdpEncapsulator udp = new(outerSource, A.Address, TunnelHeader.Vxlan);
        byte[] packet = new byte[udp.Overhead + inner.Length];
        udp.Encapsulate(inner, Net, packet, out _);
        World.Network.Transmit(null, packet, frame);
    }

    /// <summary>Lets everything happen that was begun.</summary>
    public void Settle(int milliseconds = 100)
    {
        World.Run(milliseconds);
        World.Drain();
    }

    /// <summary>The script passes with the real part, and the invariant catches the broken one.</summary>
    public static void Proves<T>(HostComponents broken, Action<MutationRig> script, HostOptions? options = null)
        where T : SimulationInvariant, new()
    {
        script(new MutationRig(new T(), null, options));
        SimulationFailedException failure = Assert.Throws<SimulationFailedException>(() => script(new MutationRig(new T(), broken, options)));
        InvariantBrokenException cause = Assert.IsType<InvariantBrokenException>(failure.InnerException);
        Assert.IsType<T>(cause.Invariant);
    }
}
