namespace Overlay.DataPath;

/// <summary>
/// Where a worker sleeps and what time it is: the only thing of the data path that knows a clock. Belongs to one thread, but for <see cref="Wake"/>.
/// </summary>
public interface IPortWaiter : IDisposable
{
    /// <summary>Monotonic milliseconds from an arbitrary start: never goes back, not even when the wall clock is set.</summary>
    long Now { get; }

    /// <summary>
    /// Waits until one of <paramref name="readable"/> has something to receive, <paramref name="writable"/> can take more, <see cref="Wake"/> is called
    /// or the time is over. A port whose device failed or is gone counts as ready: its <see cref="IPacketPort.Receive"/> or
    /// <see cref="IPacketPort.Send"/> says so then.
    /// </summary>
    /// <param name="readable">The ports to be received from; may be empty.</param>
    /// <param name="writable">A port that answered <see cref="PortResult.WouldBlock"/>; null if there is none. It may also be among <paramref name="readable"/>.</param>
    /// <param name="timeoutMilliseconds">The longest wait; 0 only looks, −1 waits without end.</param>
    /// <returns>false if the time is over and nothing happened. true may come without cause: a receive can still find nothing.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timeoutMilliseconds"/> is below −1.</exception>
    bool Wait(ReadOnlySpan<IPacketPort> readable, IPacketPort? writable, int timeoutMilliseconds);

    /// <summary>
    /// Lets another thread that wants this CPU have it, if there is one. The worker calls it after each turn that carried something: whoever got
    /// packets shall take them out of its socket buffer before the next burst overflows it.
    /// </summary>
    void Yield();

    /// <summary>Ends a wait: the one that is going on or, if there is none, the next. From any thread.</summary>
    void Wake();
}
