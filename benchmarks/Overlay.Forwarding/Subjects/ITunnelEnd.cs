namespace Overlay.Forwarding.Subjects;

/// <summary>One end of a tunnel that is up; dispose takes it down.</summary>
internal interface ITunnelEnd : IDisposable
{
    /// <summary>The processes that forward; empty where the kernel does.</summary>
    IReadOnlyList<int> Processes { get; }

    /// <summary>How long it took from start until it said that it was ready; null where nobody says so.</summary>
    TimeSpan? StartTime { get; }
}
