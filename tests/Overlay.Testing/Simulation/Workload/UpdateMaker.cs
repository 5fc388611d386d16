using Overlay.Tables;

namespace Overlay.Testing.Simulation.Workload;

/// <summary>A control plane that changes its mind: sets, replaces, withdraws, lets remotes leave and come back, and tries what must be refused.</summary>
public sealed class UpdateMaker(SimulatedWorld world, WorkloadOptions options) : WorkloadActor("control-plane", world, options?.Updates ?? 0)
{
    // Who talks to a control plane gets several changes at once.
    private const int LargestBurst = 6;

    private uint _ghosts;

    /// <inheritdoc/>
    protected override void Act()
    {
        for (int i = Random.Between(1, LargestBurst); i > 0; i--)
        {
            Change();
        }
    }

    private void Change()
    {
        SimulatedTunnel tunnel = Random.Pick([.. World.Tunnels]);
        SimulatedTunnel[] others = [.. World.Tunnels.Where(other => other.Host != tunnel.Host && other.Vni == tunnel.Vni)];
        if (others.Length == 0)
        {
            return;
        }

        SimulatedTunnel other = Random.Pick(others);
        if (Random.Hits(0.15))
        {
            tunnel.Tables.EnqueueLeave(other.Host.Address);
        }
        else if (Random.Hits(0.02))
        {
            tunnel.Host.TryTakenVni(tunnel);
        }
        else
        {
            tunnel.Tables.Enqueue(tunnel.IsEthernet ? FrameUpdate(tunnel, other) : PacketUpdate(tunnel, other));
        }
    }

    private OverlayUpdate FrameUpdate(SimulatedTunnel tunnel, SimulatedTunnel other)
    {
        Vni vni = tunnel.Vni;
        SimulatedStation[] stations = [.. World.Stations.Where(station => station.Tunnel.Vni == vni && station.Tunnel != tunnel)];
        SimulatedStation? station = stations.Length > 0 ? Random.Pick(stations) : null;
        (Vni, MacAddress Mac)[] set = [.. tunnel.Tables.Twin.Forwarding.Keys.Where(key => key.Vni == vni)];
        return Random.Next(10) switch
        {
            0 or 1 or 2 => OverlayUpdate.AddFlood(vni, other.Host.Address),
            3 => OverlayUpdate.RemoveFlood(vni, other.Host.Address),
            4 or 5 when station is not null => OverlayUpdate.SetForwarding(vni, station.Mac, new FdbEntry(station.Tunnel.Host.Address)),
            6 when station is not null => OverlayUpdate.SetForwarding(vni, station.Mac, new FdbEntry(Ghost(tunnel), 0, FdbOrigin.External)),
            7 when set.Length > 0 => OverlayUpdate.RemoveForwarding(vni, Random.Pick(set).Mac),
            8 when station is not null => OverlayUpdate.SetNeighbor(vni, station.Address, station.Mac),
            9 when station is not null => OverlayUpdate.RemoveNeighbor(vni, station.Address),
            _ => OverlayUpdate.AddFlood(vni, other.Host.Address),
        };
    }

    private OverlayUpdate PacketUpdate(SimulatedTunnel tunnel, SimulatedTunnel other)
    {
        SimulatedStation[] stations = [.. other.Stations];
        if (stations.Length == 0)
        {
            return OverlayUpdate.SetRoute(ValueIPAddress.Parse("10.99.0.0"), 16, new RouteEntry(other.Host.Address));
        }

        ValueIPAddress address = Random.Pick(stations).Address;
        int length = Random.Pick([16, 24, 32]);
        return Random.Next(6) switch
        {
            0 => OverlayUpdate.SetRoute(address.Mask(length), length, new RouteEntry(Ghost(tunnel))),
            1 => OverlayUpdate.RemoveRoute(address.Mask(length), length),
            _ => OverlayUpdate.SetRoute(address.Mask(length), length, new RouteEntry(other.Host.Address)),
        };
    }

    // The address of a remote that is not there, another each time: what a cluster looks like whose nodes come and go.
    private ValueIPAddress Ghost(SimulatedTunnel tunnel) => tunnel.Host.Address.IsIPv4
        ? ValueIPAddress.FromIPv4(0xC612_0000 | (++_ghosts & 0xFFFF))
        : UnderlayAddress.IPv6(0x2001_0DB8_FFFF_0000, ++_ghosts);
}
