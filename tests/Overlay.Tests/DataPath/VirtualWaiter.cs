using Overlay.DataPath;

namespace Overlay.Tests.DataPath;

/// <summary>Time that passes only by waiting; ends the run when nothing has happened for a few waits.</summary>
internal sealed class VirtualWaiter(CancellationTokenSource stop) : IPortWaiter
{
    private int _idle;

    public long Now { get; private set; } = 1_000;

    public int Waits { get; private set; }

    public int Yields { get; private set; }

    public bool Wait(ReadOnlySpan<IPacketPort> readable, IPacketPort? writable, int timeoutMilliseconds)
    {
        Waits++;
        if (writable is not null)
        {
            // As a real port: ready again after a moment.
            Now++;
            return true;
        }

        Now += Math.Max(1, timeoutMilliseconds);
        if (++_idle >= 2)
        {
            stop.Cancel();
        }

        return false;
    }

    public void Yield() => Yields++;

    public void Wake()
    {
        // The run ends by its token.
    }

    public void Dispose()
    {
        // Nothing is held.
    }
}
