using Overlay.DataPath;

namespace Overlay.Testing.Simulation;

/// <summary>
/// An <see cref="IPortWaiter"/> over a <see cref="VirtualClock"/> that ends the worker's run where it would sleep or yield: one run is one turn, and what
/// comes next is the scheduler's to say. A wait for a full port passes one millisecond in which others may run.
/// </summary>
/// <param name="clock">The clock.</param>
/// <param name="interleave">Lets others run while the worker waits for a port that takes no more.</param>
public sealed class VirtualWaiter(VirtualClock clock, Action interleave) : IPortWaiter
{
    private CancellationTokenSource _turn = new();

    /// <inheritdoc/>
    public long Now => clock.Now;

    /// <summary>Begins a turn.</summary>
    /// <returns>What ends the worker's run.</returns>
    public CancellationToken BeginTurn()
    {
        _turn.Dispose();
        _turn = new CancellationTokenSource();
        return _turn.Token;
    }

    /// <inheritdoc/>
    public bool Wait(ReadOnlySpan<IPacketPort> readable, IPacketPort? writable, int timeoutMilliseconds)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(timeoutMilliseconds, -1);
        if (writable is null)
        {
            _turn.Cancel();
            return false;
        }

        clock.Advance(1);
        interleave();
        return true;
    }

    /// <inheritdoc/>
    public void Yield() => _turn.Cancel();

    /// <inheritdoc/>
    public void Wake()
    {
        // No wait lasts: there is nothing to be ended.
    }

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();
}
