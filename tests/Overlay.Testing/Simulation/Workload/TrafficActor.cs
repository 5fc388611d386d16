namespace Overlay.Testing.Simulation.Workload;

/// <summary>Lets a station send: to another station, to everybody, now and then something odd.</summary>
public sealed class TrafficActor(SimulatedWorld world, SimulatedStation station, WorkloadOptions options)
    : WorkloadActor($"{station?.Name}/traffic", world, options?.Traffic ?? 0)
{
    private const int LongestPayload = 200;

    /// <inheritdoc/>
    protected override void Act()
    {
        if (station.IsOff)
        {
            return;
        }

        SimulatedStation[] others = [.. World.Stations.Where(other => other != station && other.Tunnel != station.Tunnel && other.Tunnel.Vni == station.Tunnel.Vni)];
        if (others.Length == 0)
        {
            return;
        }

        SimulatedStation peer = Random.Pick(others);
        if (Random.Hits(options.Oddities))
        {
            SendOddity();
        }
        else if (station.Tunnel.IsEthernet && Random.Hits(options.Broadcasts))
        {
            _ = Random.Hits(0.3) ? station.Announce() : station.Ask(peer.Address);
        }
        else
        {
            _ = station.SendTo(peer, Random.Next(LongestPayload), (ushort)(1_000 + Random.Next(8)));
        }
    }

    private void SendOddity()
    {
        byte[] bytes = Random.Next(3) switch
        {
            0 => Random.Bytes(Random.Next(14)),
            1 => Random.Bytes(Random.Between(14, 80)),
            _ => PacketBuilder.Ethernet(
                MacAddress.FromValue(0x0200_0000_0000UL | (uint)Random.Next(1 << 20)), station.Mac, EtherType.IPv4,
                StationFrames.Udp(station.Address, station.Address, 20, 9)),
        };
        _ = station.Tunnel.Send("odd", bytes);
    }
}
