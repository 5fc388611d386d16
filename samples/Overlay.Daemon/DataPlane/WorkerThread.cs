using Microsoft.Extensions.ObjectPool;
using Overlay.DataPath;
using Overlay.Linux;

namespace Overlay.Daemon.DataPlane;

/// <summary>A worker and the thread it runs on.</summary>
internal sealed class WorkerThread : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly PollWaiter _waiter;
    private readonly Thread _thread;
    private readonly int? _cpu;
    private readonly Action<string> _log;
    private readonly TaskCompletionSource _placed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Prepares the worker; ports are added before it starts.</summary>
    /// <param name="number">For the thread's name.</param>
    /// <param name="cpu">The CPU to run on; null leaves it to the scheduler.</param>
    /// <param name="spinMicroseconds">How long to poll before sleeping.</param>
    /// <param name="pool">Where batches come from.</param>
    /// <param name="portGone">Told on the worker's thread of each port that is gone for good.</param>
    /// <param name="log">Takes messages.</param>
    public WorkerThread(int number, int? cpu, int spinMicroseconds, ObjectPool<PacketBatch> pool, Action<IPacketPort> portGone, Action<string> log)
    {
        _cpu = cpu;
        _log = log;
        _waiter = new PollWaiter(spinMicroseconds);
        Worker = new TunnelWorker(_waiter, pool);
        Worker.PortGone += portGone;
        _thread = new Thread(Run) { Name = $"overlay-{number}", IsBackground = true };
    }

    public TunnelWorker Worker { get; }

    /// <summary>Whether the thread ended by an error that nobody foresaw.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Starts the thread and returns when it runs where it should.</summary>
    /// <exception cref="IOException">It cannot have its CPU.</exception>
    public void Start()
    {
        _thread.Start();
        _placed.Task.GetAwaiter().GetResult();
    }

    /// <summary>Has the worker look at its ports. Any thread, while it runs.</summary>
    public void Wake() => _waiter.Wake();

    /// <summary>Has the loop end after the batch in hand.</summary>
    public void Cancel() => _stop.Cancel();

    /// <summary>Waits until it has ended.</summary>
    public void Join()
    {
        if (_thread.IsAlive)
        {
            _thread.Join();
        }
    }

    public void Dispose()
    {
        _waiter.Dispose();
        _stop.Dispose();
    }

    private void Run()
    {
        if (!TryPlace())
        {
            return;
        }

        try
        {
            Worker.Run(_stop.Token);
        }
        catch (Exception e)
        {
            // The thread boundary: without this the process would die and leave the reason in a core file only.
            Failure = e;
            _log($"{Thread.CurrentThread.Name} ended by an error, and what the kernel hands to it is lost: {e}");
        }
    }

    private bool TryPlace()
    {
        try
        {
            if (_cpu is int cpu)
            {
                ThreadAffinity.PinCurrentThread(cpu);
            }

            _placed.SetResult();
            return true;
        }
        catch (Exception e)
        {
            // Whoever starts the thread gets it.
            _placed.SetException(e);
            return false;
        }
    }
}
