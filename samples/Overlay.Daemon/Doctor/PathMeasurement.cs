using Overlay.Linux;

namespace Overlay.Daemon.Doctor;

/// <summary>How a path answered.</summary>
internal enum PathAnswer
{
    /// <summary>What was wanted fits.</summary>
    Fits,

    /// <summary>Somebody on the path said what fits, and it does.</summary>
    Reported,

    /// <summary>What is longer vanishes without a word.</summary>
    Silent,

    /// <summary>Nothing is answered, however short.</summary>
    Unanswered,
}

/// <summary>What was measured of a path.</summary>
/// <param name="Answer">How it answered.</param>
/// <param name="Mtu">The longest packet that arrived; 0 if none did.</param>
/// <param name="Reporter">Who said so; null if nobody did, or this host itself.</param>
internal readonly record struct PathMeasurement(PathAnswer Answer, int Mtu, ValueIPAddress? Reporter)
{
    // More hops than this do not each narrow a path.
    private const int MaxReports = 8;
    private const int SmallExtra = 36;
    private const int FirstAttempts = 2;
    private const int Attempts = 3;
    private static readonly TimeSpan FirstTimeout = TimeSpan.FromMilliseconds(800);
    private static readonly TimeSpan LeastTimeout = TimeSpan.FromMilliseconds(120);

    /// <summary>Measures whether packets of a length arrive and, if not, which do.</summary>
    /// <param name="minimum">The shortest that can be sent.</param>
    /// <param name="wanted">The length that should fit.</param>
    /// <param name="probe">Sends one, and waits no longer than it is told.</param>
    public static PathMeasurement Of(int minimum, int wanted, Func<int, TimeSpan, EchoResult> probe)
    {
        int small = Math.Min(minimum + SmallExtra, wanted);
        EchoResult first = Try(small, FirstAttempts, FirstTimeout, probe);
        if (first.Outcome != EchoOutcome.Answered)
        {
            return new PathMeasurement(PathAnswer.Unanswered, 0, first.Reporter);
        }

        // What is lost is asked for several times, so that one lost packet is no verdict.
        TimeSpan timeout = TimeSpan.FromTicks(Math.Clamp(first.RoundTrip.Ticks * 4, LeastTimeout.Ticks, FirstTimeout.Ticks));
        ValueIPAddress? reporter = null;
        bool isReported = false;
        int length = wanted;
        for (int i = 0; i < MaxReports; i++)
        {
            EchoResult result = Try(length, Attempts, timeout, probe);
            if (result.Outcome == EchoOutcome.Answered)
            {
                return new PathMeasurement(isReported ? PathAnswer.Reported : PathAnswer.Fits, length, reporter);
            }

            if (result.Outcome is not (EchoOutcome.TooBig or EchoOutcome.TooBigHere) || result.Mtu >= length || result.Mtu <= small)
            {
                break;
            }

            isReported = true;
            reporter = result.Reporter;
            length = result.Mtu;
        }

        int fits = small;
        for (int lost = length; lost - fits > 1;)
        {
            int middle = (fits + lost) / 2;
            if (Try(middle, FirstAttempts, timeout, probe).Outcome == EchoOutcome.Answered)
            {
                fits = middle;
            }
            else
            {
                lost = middle;
            }
        }

        return new PathMeasurement(PathAnswer.Silent, fits, null);
    }

    private static EchoResult Try(int length, int attempts, TimeSpan timeout, Func<int, TimeSpan, EchoResult> probe)
    {
        EchoResult result = default;
        for (int i = 0; i < attempts; i++)
        {
            result = probe(length, timeout);
            if (result.Outcome is EchoOutcome.Answered or EchoOutcome.TooBig or EchoOutcome.TooBigHere)
            {
                break;
            }
        }

        return result;
    }
}
