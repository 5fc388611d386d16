using System.Globalization;

namespace Overlay.Testing.Simulation;

/// <summary>A simulation failed: an invariant was broken, or something threw. The message has the seed, the step, the last events and how to replay.</summary>
public sealed class SimulationFailedException : Exception
{
    public SimulationFailedException(SimulatedWorld world, int lastEvents, Exception failure)
        : base(Describe(world, lastEvents, failure), failure) => Seed = world.Seed;

    /// <summary>The seed.</summary>
    public ulong Seed { get; }

    private static string Describe(SimulatedWorld world, int lastEvents, Exception failure)
    {
        string what = failure is InvariantBrokenException ? failure.Message : $"{failure.GetType().Name}: {failure.Message}";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"Scenario {world.Scenario}, seed {world.Seed}, step {world.Scheduler.Steps}, {world.Clock.Now} ms, in the step of {world.FailedActor}:\n{what}\n") +
            $"The last events (step, time, actor, what):\n{world.Log.Last(lastEvents)}" +
            string.Create(
                CultureInfo.InvariantCulture,
                $"Replay: {SimulationRunner.SeedVariable}={world.Seed} with the same test, or SimulationRunner.Run(\"{world.Scenario}\", {world.Seed}, scenario).");
    }
}
