using System.Text;

namespace Overlay.Testing.Simulation;

/// <summary>What happened, in order. The same seed gives the same text, byte by byte.</summary>
public sealed class EventLog
{
    private readonly List<SimulationEvent> _events = [];

    /// <summary>All events but the silent ones.</summary>
    public IReadOnlyList<SimulationEvent> Events => _events;

    /// <summary>Events of one kind.</summary>
    public IEnumerable<T> Of<T>()
        where T : SimulationEvent => _events.OfType<T>();

    /// <summary>The last events, one a line.</summary>
    public string Last(int count) => Text(Math.Max(0, _events.Count - count));

    /// <summary>All events, one a line.</summary>
    public override string ToString() => Text(0);

    internal void Add(SimulationEvent simulationEvent)
    {
        if (!simulationEvent.IsSilent)
        {
            _events.Add(simulationEvent);
        }
    }

    private string Text(int first)
    {
        StringBuilder text = new();
        for (int i = first; i < _events.Count; i++)
        {
            text.Append(_events[i]).Append('\n');
        }

        return text.ToString();
    }
}
