using System.Diagnostics;
using Overlay.DataPath;
using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>
/// Waits on the file descriptors of ports by ppoll(2), and on an eventfd(2) for <see cref="Wake"/>. No allocation per wait. Ports in memory
/// (<see cref="IPacketPort.PollHandle"/> −1) have nothing to wait on: whoever fills them calls <see cref="Wake"/>.
/// </summary>
public sealed class PollWaiter : IPortWaiter
{
    private const long NanosecondsPerMillisecond = 1_000_000;

    private readonly FileDescriptor _wake;
    private readonly long _longestSpin;
    private long _spin;
    private PollDescriptor[] _descriptors = new PollDescriptor[16];

    /// <summary>Makes a waiter.</summary>
    /// <param name="spinMicroseconds">
    /// How long, at most, a wait looks again and again before it sleeps, giving the CPU to others in between; 0 sleeps at once. Waking a sleeping
    /// thread costs tens of microseconds, which a spin longer than the gap between packets saves. Spins that find nothing are halved, so that
    /// an idle worker sleeps; one gap shorter than this brings the whole spin back.
    /// </param>
    /// <exception cref="LinuxException">EMFILE: there is no file descriptor left for the wake-up.</exception>
    public PollWaiter(int spinMicroseconds = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(spinMicroseconds);
        _longestSpin = spinMicroseconds * (Stopwatch.Frequency / 1_000_000);
        _spin = _longestSpin;
        int handle = Libc.eventfd(0, Libc.EFD_CLOEXEC | Libc.EFD_NONBLOCK);
        if (handle < 0)
        {
            throw LinuxException.Last("eventfd", "wake-up of a worker");
        }

        _wake = new FileDescriptor(handle);
    }

    /// <summary>Monotonic milliseconds, the same for all waiters: for threads that write what workers read.</summary>
    public static long Clock => Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1000);

    /// <inheritdoc/>
    public long Now => Clock;

    /// <summary>How long the next wait spins at most.</summary>
    internal TimeSpan Spin => Stopwatch.GetElapsedTime(0, _spin);

    /// <inheritdoc/>
    /// <exception cref="LinuxException">The kernel answered what it is not known to answer here.</exception>
    public bool Wait(ReadOnlySpan<IPacketPort> readable, IPacketPort? writable, int timeoutMilliseconds)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(timeoutMilliseconds, -1);
        ObjectDisposedException.ThrowIf(_wake.IsClosed, this);
        int count = readable.Length + 2;
        if (_descriptors.Length < count)
        {
            _descriptors = new PollDescriptor[count];
        }

        _descriptors[0] = new PollDescriptor { Handle = _wake.Value, Events = Libc.POLLIN };
        _descriptors[1] = new PollDescriptor { Handle = writable?.PollHandle ?? -1, Events = Libc.POLLOUT };
        for (int i = 0; i < readable.Length; i++)
        {
            _descriptors[i + 2] = new PollDescriptor { Handle = readable[i].PollHandle, Events = Libc.POLLIN };
        }

        return timeoutMilliseconds == 0 || _longestSpin == 0 ? Poll(count, timeoutMilliseconds) : SpinThenSleep(count, timeoutMilliseconds);
    }

    /// <inheritdoc/>
    public void Yield() => _ = Thread.Yield();

    /// <inheritdoc/>
    /// <exception cref="ObjectDisposedException">The waiter is disposed: nobody waits any more.</exception>
    public unsafe void Wake()
    {
        bool held = false;
        try
        {
            // From another thread, so that the descriptor must be kept from being closed, and its number from being used again, meanwhile.
            _wake.DangerousAddRef(ref held);
            ulong one = 1;
            if (Libc.write(_wake.Value, &one, sizeof(ulong)) < 0)
            {
                Errno error = Libc.LastError;
                // EAGAIN: the counter is at its maximum, so the waiter will wake anyhow.
                if (error != Errno.EAGAIN)
                {
                    throw new LinuxException(error, "write", "wake-up of a worker");
                }
            }
        }
        finally
        {
            if (held)
            {
                _wake.DangerousRelease();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _wake.Dispose();

    private bool SpinThenSleep(int count, int timeoutMilliseconds)
    {
        long start = Stopwatch.GetTimestamp();
        long spun = 0;
        while (spun < _spin)
        {
            if (Poll(count, 0))
            {
                _spin = _longestSpin;
                return true;
            }

            Yield();
            spun = Stopwatch.GetTimestamp() - start;
        }

        bool ready = Poll(count, timeoutMilliseconds);
        // Had the spin been as long as it may be, it would have seen this; else the time was wasted.
        _spin = ready && Stopwatch.GetTimestamp() - start < _longestSpin ? _longestSpin : _spin / 2;
        return ready;
    }

    private unsafe bool Poll(int count, int timeoutMilliseconds)
    {
        (long seconds, long milliseconds) = Math.DivRem(timeoutMilliseconds, 1000L);
        TimeSpec timeout = new() { Seconds = seconds, Nanoseconds = milliseconds * NanosecondsPerMillisecond };
        int ready;
        fixed (PollDescriptor* descriptors = _descriptors)
        {
            // The kernel sets the error bits of each descriptor unasked, and counts it as ready then.
            ready = Libc.ppoll(descriptors, (nuint)count, timeoutMilliseconds < 0 ? null : &timeout, null);
        }

        if (ready < 0)
        {
            Errno error = Libc.LastError;
            // A signal: whoever waits looks, finds nothing and waits again.
            return error == Errno.EINTR ? true : throw new LinuxException(error, "ppoll", $"{count - 2} ports");
        }

        if (_descriptors[0].ReturnedEvents != 0)
        {
            Drain();
        }

        return ready != 0;
    }

    private unsafe void Drain()
    {
        ulong counter;
        if (Libc.read(_wake.Value, &counter, sizeof(ulong)) < 0)
        {
            Errno error = Libc.LastError;
            if (error is not (Errno.EAGAIN or Errno.EINTR))
            {
                throw new LinuxException(error, "read", "wake-up of a worker");
            }
        }
    }
}
