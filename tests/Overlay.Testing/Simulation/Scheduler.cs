namespace Overlay.Testing.Simulation;

/// <summary>
/// Decides, by its seed, who of those that are ready runs next, for how many steps, and how much time passes. Where an actor calls
/// <see cref="Interleave"/> in the middle of a step, it may be put aside while others take some.
/// </summary>
public sealed class Scheduler
{
    private const int MaxQuantum = 3;
    private const int MaxDepth = 3;

    private readonly SimulationRandom _random;
    private readonly VirtualClock _clock;
    private readonly double _interleaving;
    private readonly List<SimulationActor> _actors = [];
    private readonly List<SimulationActor> _ready = [];
    private readonly Stack<SimulationActor> _running = new();
    private bool _drains;

    /// <summary>Makes a scheduler.</summary>
    /// <param name="random">What decides.</param>
    /// <param name="clock">The clock, which only the scheduler and waits move.</param>
    /// <param name="interleaving">In which share of the places where it is possible an actor is put aside.</param>
    public Scheduler(SimulationRandom random, VirtualClock clock, double interleaving)
    {
        _random = random;
        _clock = clock;
        _interleaving = interleaving;
    }

    /// <summary>Everybody.</summary>
    public IReadOnlyList<SimulationActor> Actors => _actors;

    /// <summary>Steps taken so far.</summary>
    public long Steps { get; private set; }

    /// <summary>How often an actor was put aside in the middle of a step.</summary>
    public long Interleavings { get; private set; }

    /// <summary>Who is in the middle of a step, the one put aside first at the end; for the log.</summary>
    public string Current => _running.TryPeek(out SimulationActor? actor) ? actor.Name : "-";

    /// <summary>Adds an actor. The order of adding is part of what a seed means.</summary>
    public void Add(SimulationActor actor) => _actors.Add(actor);

    /// <summary>Runs until a moment, jumping over time in which nobody has anything to do.</summary>
    public void RunUntil(long moment)
    {
        while (_clock.Now < moment && RunOne(moment))
        {
            // Each turn of the loop is one choice.
        }

        _clock.AdvanceTo(moment);
    }

    /// <summary>Stops those that make work and runs until only endless actors have something to do.</summary>
    /// <param name="maxSteps">After how many steps there is no hope for rest.</param>
    /// <returns>Whether it came to rest.</returns>
    public bool Drain(int maxSteps)
    {
        _drains = true;
        try
        {
            long last = Steps + maxSteps;
            while (_actors.Exists(actor => !actor.IsEndless && !actor.IsWorkload && actor.NextDue != SimulationActor.Never))
            {
                if (Steps >= last || !RunOne(long.MaxValue))
                {
                    return false;
                }
            }

            return true;
        }
        finally
        {
            _drains = false;
        }
    }

    /// <summary>A place in the middle of a step where a thread could be put aside: others may run now.</summary>
    public void Interleave()
    {
        if (_running.Count is 0 or >= MaxDepth || !_random.Hits(_interleaving))
        {
            return;
        }

        Interleavings++;
        for (int i = _random.Between(1, MaxQuantum); i > 0; i--)
        {
            if (!TryChoose(_clock.Now, out SimulationActor? actor))
            {
                return;
            }

            Run(actor);
        }
    }

    private bool RunOne(long until)
    {
        if (!TryChoose(_clock.Now, out SimulationActor? actor))
        {
            long next = SimulationActor.Never;
            foreach (SimulationActor other in _actors)
            {
                next = Takes(other) ? Math.Min(next, other.NextDue) : next;
            }

            if (next == SimulationActor.Never || next >= until)
            {
                return false;
            }

            _clock.AdvanceTo(next);
            return true;
        }

        for (int i = _random.Between(1, MaxQuantum); i > 0 && actor.NextDue <= _clock.Now; i--)
        {
            Run(actor);
        }

        if (_random.Hits(0.25))
        {
            _clock.Advance(_random.Next(3));
        }

        return true;
    }

    private void Run(SimulationActor actor)
    {
        Steps++;
        _running.Push(actor);
        try
        {
            actor.Run();
        }
        finally
        {
            _ = _running.Pop();
        }
    }

    private bool Takes(SimulationActor actor) => !actor.IsRunning && !(_drains && actor.IsWorkload);

    private bool TryChoose(long now, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out SimulationActor? chosen)
    {
        _ready.Clear();
        int weights = 0;
        foreach (SimulationActor actor in _actors)
        {
            if (Takes(actor) && actor.NextDue <= now)
            {
                _ready.Add(actor);
                weights += actor.Weight;
            }
        }

        chosen = null;
        if (weights == 0)
        {
            return false;
        }

        int ticket = _random.Next(weights);
        foreach (SimulationActor actor in _ready)
        {
            ticket -= actor.Weight;
            if (ticket < 0)
            {
                chosen = actor;
                break;
            }
        }

        return chosen is not null;
    }
}
