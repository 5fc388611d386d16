using System.Numerics;

namespace Overlay.DataPath;

/// <summary>
/// How many ICMP errors may leave (RFC 1812 §4.3.2.8, RFC 4443 §2.4 f): so many in a second to all hosts together, and fewer to one, so that a host which
/// does not listen takes nothing from the others. Hosts share slots; which ones do, nobody outside can choose.
/// </summary>
/// <param name="seed">A secret of this end.</param>
internal sealed class MessageRate(uint seed)
{
    private const int Slots = 256;

    // Milliseconds between two, and how many may come at once: a window of segments that are all too big needs one answer, which may be lost.
    private const long HostInterval = 100;
    private const long HostBurst = 10;
    private const long TotalInterval = 1;
    private const long TotalBurst = 100;

    // When the next one were due if all came at their interval (virtual scheduling, ITU-T I.371): it runs ahead of the clock by no more than the burst.
    private readonly long[] _hosts = new long[Slots];
    private long _total;
    private bool _isStarted;

    /// <summary>Takes one.</summary>
    /// <param name="host">Whom it is to.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <returns>false if it must not leave.</returns>
    public bool TryTake(ValueIPAddress host, long now)
    {
        if (!_isStarted)
        {
            // Time may begin anywhere, below zero too.
            _isStarted = true;
            _hosts.AsSpan().Fill(now);
            _total = now;
        }

        ulong mixed = ((host.High * 0x9E37_79B9_7F4A_7C15) ^ BitOperations.RotateLeft(host.Low, 29) ^ seed) * 0xD6E8_FEB8_6659_FD93;
        ref long due = ref _hosts[(int)(mixed >> 56)];
        if (Math.Max(due, now) - now > (HostBurst - 1) * HostInterval || Math.Max(_total, now) - now > (TotalBurst - 1) * TotalInterval)
        {
            return false;
        }

        due = Math.Max(due, now) + HostInterval;
        _total = Math.Max(_total, now) + TotalInterval;
        return true;
    }
}
