using Overlay.Daemon.Control;

namespace Overlay.Daemon.DataPlane;

/// <summary>Changes that wait for the writer of the tables: a bounded queue, first come, first served.</summary>
/// <param name="patience">How long a change may wait, and how long it may take.</param>
internal sealed class TableRequests(TimeSpan patience)
{
    /// <summary>How many may wait.</summary>
    public const int Capacity = 64;

    private readonly Queue<Request> _waiting = new();
    private bool _closed;

    /// <summary>Held while somebody waits for a request or puts one in; pulsed when one is there.</summary>
    public object Gate { get; } = new();

    /// <summary>Whether a request waits. Ask it under <see cref="Gate"/>.</summary>
    public bool Any => _waiting.Count > 0;

    /// <summary>Puts a change in and waits until it is made. Any thread.</summary>
    /// <exception cref="ControlRefusedException">The queue is full or closed, or the change was not made in time.</exception>
    public async Task<T> RunAsync<T>(Func<T> change)
    {
        Request<T> request = new(change);
        lock (Gate)
        {
            if (_closed)
            {
                throw Busy("overlayd is stopping; nothing was changed");
            }

            if (_waiting.Count == Capacity)
            {
                throw Busy($"{Capacity} changes wait for the writer of the tables already, and nothing was changed; try again");
            }

            _waiting.Enqueue(request);
            Monitor.Pulse(Gate);
        }

        if (!await IsDoneAsync(request.Task).ConfigureAwait(false) && !request.TryWithdraw())
        {
            // It has begun; what has begun is not left half done.
            await IsDoneAsync(request.Task).ConfigureAwait(false);
        }

        return request.Task.IsCompleted ? await request.Task.ConfigureAwait(false)
            : throw Busy(request.HasBegun
                ? $"the writer of the tables has begun the change, but is not done after {2 * patience.TotalSeconds} s; it will be made, and 'show' tells when"
                : $"the writer of the tables did not come to the change within {patience.TotalSeconds} s; nothing was changed, try again");
    }

    /// <summary>Makes the changes that wait now, on the thread of the writer.</summary>
    public void Serve()
    {
        // Not those that come meanwhile: ageing and learning have their turn between.
        for (int left = Capacity; left > 0 && TryTake(out Request? request); left--)
        {
            request.Run();
        }
    }

    /// <summary>Takes no more and gives up those that wait.</summary>
    public void Close()
    {
        lock (Gate)
        {
            _closed = true;
            Monitor.Pulse(Gate);
        }

        while (TryTake(out Request? request))
        {
            request.Fail(Busy("overlayd is stopping; nothing was changed"));
        }
    }

    private async Task<bool> IsDoneAsync(Task task)
    {
        await task.WaitAsync(patience).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return task.IsCompleted;
    }

    private bool TryTake([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Request? request)
    {
        lock (Gate)
        {
            return _waiting.TryDequeue(out request);
        }
    }

    private static ControlRefusedException Busy(string message) => new(message, ControlFault.Busy);

    private abstract class Request
    {
        private int _state;

        private enum State
        {
            Waiting,
            Begun,
            Withdrawn,
        }

        public bool HasBegun => Volatile.Read(ref _state) == (int)State.Begun;

        public bool TryWithdraw() => Interlocked.CompareExchange(ref _state, (int)State.Withdrawn, (int)State.Waiting) == (int)State.Waiting;

        public void Run()
        {
            if (Interlocked.CompareExchange(ref _state, (int)State.Begun, (int)State.Waiting) == (int)State.Waiting)
            {
                Make();
            }
        }

        public abstract void Fail(Exception exception);

        protected abstract void Make();
    }

    private sealed class Request<T>(Func<T> change) : Request
    {
        private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<T> Task => _done.Task;

        public override void Fail(Exception exception) => _done.TrySetException(exception);

        protected override void Make()
        {
            try
            {
                _done.SetResult(change());
            }
#pragma warning disable CA1031 // Whatever a change throws is its client's answer, not the end of the writer.
            catch (Exception e)
#pragma warning restore CA1031
            {
                _done.SetException(e);
            }
        }
    }
}
