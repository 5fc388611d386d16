using System.Runtime.InteropServices;

namespace Overlay.Daemon;

/// <summary>The first signal asks for an orderly end, the second one does not wait for it.</summary>
internal sealed class ShutdownSignals : IDisposable
{
    // What a shell reports for a process that a signal ended is 128 and the number of the signal.
    private const int SignalExitCode = 128;

    private readonly TaskCompletionSource<PosixSignal> _first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Action<int> _exit;
    private readonly PosixSignalRegistration[] _registrations;
    private int _count;

    /// <summary>Takes the signals over from the runtime.</summary>
    /// <param name="exit">Ends the process at once with an exit code.</param>
    /// <param name="signals">The signals.</param>
    public ShutdownSignals(Action<int> exit, params ReadOnlySpan<PosixSignal> signals)
    {
        _exit = exit;
        _registrations = new PosixSignalRegistration[signals.Length];
        for (int i = 0; i < signals.Length; i++)
        {
            _registrations[i] = PosixSignalRegistration.Create(signals[i], OnSignal);
        }
    }

    /// <summary>Completes with the first signal.</summary>
    public Task<PosixSignal> First => _first.Task;

    /// <summary>The exit code that a signal stands for.</summary>
    public static int ExitCode(PosixSignal signal) => SignalExitCode + signal switch
    {
        PosixSignal.SIGINT => 2,
        PosixSignal.SIGTERM => 15,
        _ => Math.Max(0, (int)signal),
    };

    /// <summary>Gives the signals back.</summary>
    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
        {
            registration.Dispose();
        }
    }

    private void OnSignal(PosixSignalContext context)
    {
        // The runtime would end the process behind this handler.
        context.Cancel = true;
        if (Interlocked.Increment(ref _count) == 1)
        {
            _first.SetResult(context.Signal);
        }
        else
        {
            _exit(ExitCode(context.Signal));
        }
    }
}
