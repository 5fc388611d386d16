namespace Overlay.Testing.Simulation.Workload;

/// <summary>Puts a workload into a world.</summary>
public static class WorkloadSetup
{
    /// <summary>Adds actors for what the options ask for; after all hosts, tunnels and stations were added.</summary>
    public static void Add(SimulatedWorld world, WorkloadOptions options)
    {
        ArgumentNullException.ThrowIfNull(world);
        ArgumentNullException.ThrowIfNull(options);
        List<WorkloadActor> actors = [];
        if (options.Traffic > 0)
        {
            actors.AddRange(world.Stations.Select(station => new TrafficActor(world, station, options)));
        }

        if (options.Moves > 0)
        {
            actors.Add(new MoveActor(world, options));
        }

        if (options.Updates > 0)
        {
            actors.Add(new UpdateMaker(world, options));
        }

        if (options.Faults > 0 && world.Hosts.Count > 1)
        {
            actors.Add(new FaultActor(world, options));
        }

        if (options.Attacks > 0 && world.Tunnels.Any(tunnel => tunnel.IsEthernet))
        {
            actors.Add(new AttackActor(world, options));
        }

        if (options.IndexReads > 0)
        {
            actors.Add(new IndexReader(world, options));
        }

        foreach (WorkloadActor actor in actors)
        {
            world.Scheduler.Add(actor);
        }
    }
}
