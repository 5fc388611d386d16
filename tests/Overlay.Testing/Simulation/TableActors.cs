using Overlay.DataPath;
using Overlay.Tables;

namespace Overlay.Testing.Simulation;

/// <summary>The writer as it applies what a control plane sends: one update a step.</summary>
internal sealed class UpdateActor(SimulatedTables tables) : SimulationActor($"{tables.Name}/control")
{
    public override long NextDue => tables.Waiting > 0 ? 0 : Never;

    public override int Weight => 2;

    protected override void Step() => tables.ApplyNext();
}

/// <summary>The writer as it drains the workers' queues: one address a step.</summary>
internal sealed class LearnActor(SimulatedTables tables, VirtualClock clock, SimulationRandom random) : SimulationActor($"{tables.Name}/learn")
{
    // When it looks again after it found a queue empty: workers do not wake the writer.
    private const int LongestPause = 40;

    private long _due;

    public override long NextDue => _due;

    public override bool IsEndless => true;

    protected override void Step()
    {
        if (random.Pick(tables.Queues).TryDequeue(out LearnedAddress learned))
        {
            tables.Learn(learned);
        }
        else
        {
            _due = clock.Now + random.Between(1, LongestPause);
        }
    }
}

/// <summary>The writer as it ages the tables, about every second.</summary>
internal sealed class AgeActor(SimulatedTables tables, VirtualClock clock, SimulationRandom random) : SimulationActor($"{tables.Name}/age")
{
    private long _due = clock.Now + random.Between(1, tables.Options.AgeingInterval);

    public override long NextDue => _due;

    public override bool IsEndless => true;

    protected override void Step()
    {
        tables.Age();
        _due = clock.Now + random.Between(tables.Options.AgeingInterval / 2, tables.Options.AgeingInterval);
    }
}
