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

    // Measured: after every turn it costs a TCP stream on one CPU 8 %, after every fourth 3 %, and small UDP loses nothing by that.
    private const int TurnsPerYield = 4;

    private readonly FileDescriptor _wake;
    private readonly long _longestSpin;
    private long _spin;

    // Since when the worker's turns have found nothing; 0 while they carry something.
    private long _idleSince;
    private uint _turns;
    private PollDescriptor[] _descriptors = new PollDescriptor[16];

    /// <summary>Makes a waiter.</summary>
    /// <param name="spinMicroseconds">
    /// How long, at most, waits return at once, for the worker to look again, before one sleeps; each gives the CPU to others first; 0 sleeps at once. Waking a sleeping
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
    internal TimeSpan SpinTime => Stopwatch.GetElapsedTime(0, _spin);

    /// <inheritdoc/>
    /// <exception cref="LinuxException">The kernel answered what it is not known to answer here.</exception>
    public bool Wait(ReadOnlySpan<IPacketPort> readable, IPacketPort? writable, int timeoutMilliseconds)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(timeoutMilliseconds, -1);
        ObjectDisposedException.ThrowIf(_wake.IsClosed, this);
        bool spins = _longestSpin != 0 && writable is null && timeoutMilliseconds != 0;
        if (spins && Spin())
        {
            return true;
        }

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

        bool ready = Poll(count, timeoutMilliseconds);
        if (spins)
        {
            // Had the spin been as long as it may be, it would have seen this; else the time was wasted.
            _spin = ready && Stopwatch.GetTimestamp() - _idleSince < _longestSpin ? _longestSpin : _spin / 2;
            _idleSince = 0;
        }

        return ready;
    }

    /// <inheritdoc/>
    public void Yield()
    {
        if (_idleSince != 0)
        {
            // The turn before this found what the spin waited for.
            _spin = _longestSpin;
            _idleSince = 0;
        }

        if (++_turns % TurnsPerYield == 0)
        {
            _ = Thread.Yield();
        }
    }

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

    // One look of a spin: the worker's own, for asking the ports costs less than asking the kernel which of them to ask.
    private bool Spin()
    {
        long now = Stopwatch.GetTimestamp();
        _idleSince = _idleSince == 0 ? now : _idleSince;
        if (now - _idleSince >= _spin)
        {
            return false;
        }

        _ = Thread.Yield();
        return true;
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
