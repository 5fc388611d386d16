namespace Overlay.Daemon.Configuration;

/// <summary>The threads of the data path.</summary>
internal sealed record WorkersConfig
{
    /// <summary>How many, 1 to 256. One by default: a device and its sockets on one thread measured best.</summary>
    public int Count { get; init; } = 1;

    /// <summary>The CPU of each worker; empty leaves it to the scheduler.</summary>
    public IReadOnlyList<int> Cpus { get; init; } = [];

    /// <summary>How long a worker polls its ports before it sleeps, in microseconds; 0 sleeps at once.</summary>
    public int SpinMicroseconds { get; init; }

    /// <summary>Whether the code of the data path is brought to its final form before the daemon is ready.</summary>
    public bool WarmUp { get; init; } = true;
}
