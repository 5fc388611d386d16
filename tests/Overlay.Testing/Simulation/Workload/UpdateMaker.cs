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
        else if (tunnel.IsEthernet && Random.Hits(0.06))
        {
            tunnel.Tables.EnqueueReplace(FdbOrigin.External, Set(tunnel));
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
        return Random.Next(10) switch
        {
            0 => OverlayUpdate.SetRoute(address.Mask(length), length, new RouteEntry(Ghost(tunnel))),
            1 => OverlayUpdate.RemoveRoute(address.Mask(length), length),
            2 or 3 or 4 => OverlayUpdate.SetRoute(address.Mask(length), length, Members(tunnel)),
            _ => OverlayUpdate.SetRoute(address.Mask(length), length, new RouteEntry(other.Host.Address)),
        };
    }

    // Some of the stations, most of them where they are: what a control plane knows at that moment.
    private Dictionary<ForwardingKey, FdbRemote> Set(SimulatedTunnel tunnel)
    {
        Dictionary<ForwardingKey, FdbRemote> set = [];
        foreach (SimulatedStation station in World.Stations)
        {
            if (station.Tunnel.Vni == tunnel.Vni && station.Tunnel.Host != tunnel.Host && Random.Hits(0.5))
            {
                set[new ForwardingKey(tunnel.Vni, station.Mac)] = new FdbRemote(Random.Hits(0.9) ? station.Tunnel.Host.Address : Ghost(tunnel));
            }
        }

        return set;
    }

    // The other hosts, or some of them and one that is not there, each with its share.
    private RouteMember[] Members(SimulatedTunnel tunnel)
    {
        List<RouteMember> members = [];
        foreach (SimulatedHost host in World.Hosts)
        {
            if (host != tunnel.Host && Random.Hits(0.8))
            {
                members.Add(new RouteMember(new RouteEntry(host.Address), Random.Hits(0.5) ? 1 : Random.Between(1, 4)));
            }
        }

        if (members.Count == 0 || Random.Hits(0.2))
        {
            members.Add(new RouteMember(new RouteEntry(Ghost(tunnel))));
        }

        return [.. members];
    }

    // The address of a remote that is not there, another each time: what a cluster looks like whose nodes come and go.
    private ValueIPAddress Ghost(SimulatedTunnel tunnel) => tunnel.Host.Address.IsIPv4
        ? ValueIPAddress.FromIPv4(0xC612_0000 | (++_ghosts & 0xFFFF))
        : UnderlayAddress.IPv6(0x2001_0DB8_FFFF_0000, ++_ghosts);
}
