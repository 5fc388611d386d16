namespace Overlay.Daemon.Configuration;

/// <summary>The threads of the data path.</summary>
internal sealed record WorkersConfig
{
    /// <summary>How many, 1 to 256. One by default: a device and its sockets on one thread measured best.</summary>
    public int Count { get; init; } = 1;

    /// <summary>The CPU of each worker; empty leaves it to the scheduler.</summary>
    public IReadOnlyList<int> Cpus { get; init; } = [];

    /// <summary>How long, at most, a worker polls its ports before it sleeps, in microseconds; 0 sleeps at once.</summary>
    public int SpinMicroseconds { get; init; } = DefaultSpinMicroseconds;

    /// <summary>Whether the code of the data path is brought to its final form before the daemon is ready.</summary>
    public bool WarmUp { get; init; } = true;

    // Longer than the gaps within a stream, and too short to be seen in the load of an idle machine.
    public const int DefaultSpinMicroseconds = 50;

    // Longer than the gaps between the questions and answers of a chatty protocol, a few milliseconds: only that keeps a CPU awake for them.
    private const int LatencySpinMicroseconds = 5_000;

    /// <summary>The same in latency mode: nobody sleeps while something comes every few milliseconds, at the price of a CPU.</summary>
    public WorkersConfig ForLatency() => this with { SpinMicroseconds = Math.Max(SpinMicroseconds, LatencySpinMicroseconds) };
}
