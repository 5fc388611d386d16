using System.Globalization;
using Microsoft.Extensions.ObjectPool;
using Overlay.DataPath;

namespace Overlay.Testing.Simulation;

/// <summary>Runs scenarios by seeds, and one seed again.</summary>
public static class SimulationRunner
{
    /// <summary>The environment variable that names the one seed to be run, in place of all.</summary>
    public const string SeedVariable = "OVERLAY_SIM_SEED";

    /// <summary>The environment variable that names a directory: the log, and the packets of each link as pcapng, of the one seed go there, below the scenario's name.</summary>
    public const string OutputVariable = "OVERLAY_SIM_OUTPUT";

    private const int LongFactor = 10;

    /// <summary>The seed that the environment names; null if it names none.</summary>
    /// <exception cref="FormatException">It names something that is no number.</exception>
    public static ulong? SeedOfEnvironment =>
        Environment.GetEnvironmentVariable(SeedVariable) is { Length: > 0 } text ? ulong.Parse(text, CultureInfo.InvariantCulture) : null;

    /// <summary>Runs a scenario with seeds 1, 2, 3…; ten times as many with <c>./build.sh test --long</c>, and only one if the environment names it.</summary>
    /// <param name="name">The scenario's name, for messages.</param>
    /// <param name="seeds">How many.</param>
    /// <param name="scenario">Builds and runs a world.</param>
    /// <returns>How many runs there were, and how many events.</returns>
    /// <exception cref="SimulationFailedException">An invariant was broken, or something threw.</exception>
    public static async Task<(int Runs, long Events)> RunAllAsync(string name, int seeds, Action<SimulatedWorld> scenario)
    {
        if (SeedOfEnvironment is { } one)
        {
            string? output = Environment.GetEnvironmentVariable(OutputVariable) is { Length: > 0 } directory ? Path.Combine(directory, name) : null;
            SimulatedWorld world = await ReplayAsync(name, one, scenario, output);
            return (1, world.Log.Events.Count);
        }

        ObjectPool<PacketBatch> batches = WorldOptions.CreatePool();
        int count = Fuzzing.IsLong ? seeds * LongFactor : seeds;
        long events = 0;
        for (int i = 1; i <= count; i++)
        {
            events += Run(name, (ulong)i, scenario, batches).Log.Events.Count;
        }

        return (count, events);
    }

    /// <summary>Runs a scenario with one seed.</summary>
    /// <returns>The world, with its log.</returns>
    /// <exception cref="SimulationFailedException">An invariant was broken, or something threw.</exception>
    public static SimulatedWorld Run(string name, ulong seed, Action<SimulatedWorld> scenario, ObjectPool<PacketBatch>? batches = null)
    {
        ArgumentNullException.ThrowIfNull(scenario);
        SimulatedWorld world = new(seed, new WorldOptions { Scenario = name, Batches = batches });
        scenario(world);
        return world;
    }

    /// <summary>Runs a scenario with one seed again and, failed or not, keeps what is to be seen of it.</summary>
    /// <param name="name">The scenario's name.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="scenario">Builds and runs a world.</param>
    /// <param name="directory">Where <c>events.log</c> and a pcapng file for each link go; null keeps nothing.</param>
    public static async Task<SimulatedWorld> ReplayAsync(string name, ulong seed, Action<SimulatedWorld> scenario, string? directory)
    {
        ArgumentNullException.ThrowIfNull(scenario);
        SimulatedWorld world = new(seed, new WorldOptions { Scenario = name, Captures = directory is not null });
        try
        {
            scenario(world);
        }
        finally
        {
            if (directory is not null)
            {
                Directory.CreateDirectory(directory);
                await File.WriteAllTextAsync(Path.Combine(directory, "events.log"), world.Log.ToString());
                await world.Network.WriteCapturesAsync(directory);
            }
        }

        return world;
    }
}
