using Overlay.DataPath;

namespace Overlay.Tests.DataPath;

/// <summary>A prober, one path of a size that a test chooses, and time that runs only here. Answers come after a round trip.</summary>
internal sealed class PathProberRig : IPathMtuSink
{
    public const int Remote = 3;

    private const long Step = 5;

    private readonly List<(long At, ulong Nonce)> _answers = [];
    private readonly Dictionary<int, int> _lostInRow = [];

    public PathProberRig(int maximum, int truth, PathProberOptions? options = null, bool isIPv4 = true, long start = 1_000_000)
    {
        Now = start;
        Truth = truth;
        Prober = new PathProber(this, new byte[32], options);
        Prober.Set(Remote, isIPv4, maximum, Now);
        Prober.Find(Remote)!.Entered = (state, cause) => Entered.Add((state, cause));
    }

    public PathProber Prober { get; }

    public long Now { get; private set; }

    /// <summary>The largest packet that passes; 0 for none.</summary>
    public int Truth { get; set; }

    public long RoundTrip { get; set; } = 1;

    /// <summary>Whether packets flow.</summary>
    public bool Traffic { get; set; } = true;

    /// <summary>Whether a probe, or its answer, is lost that is not too big.</summary>
    public Func<int, bool> IsLost { get; set; } = _ => false;

    /// <summary>The size that a router says for what is too big; 0 if none says anything.</summary>
    public int Router { get; set; }

    public List<(PathProbeState State, PathProbeCause Cause)> Entered { get; } = [];

    public List<(long At, PathProbe Probe)> Probes { get; } = [];

    /// <summary>What was told, with the time: a size that was found, a smaller one that passes (negative), 0 for forgotten.</summary>
    public List<(long At, int Size)> Told { get; } = [];

    /// <summary>The most losses in a row, without a size being too big, of one size.</summary>
    public int WorstLuck { get; private set; }

    public PathProbeStatus Status => Prober.Read(Remote, out PathProbeStatus status) ? status : throw new InvalidOperationException("There is no path.");

    public int Size => Status.Size;

    public PathProbeState State => Status.State;

    public void Found(int remote, int pathMtu, long now) => Told.Add((now, pathMtu));

    public void BlackHole(int remote, int pathMtu, long now) => Told.Add((now, -pathMtu));

    public void Forgotten(int remote, long now) => Told.Add((now, 0));

    public void Run(long milliseconds)
    {
        long end = Now + milliseconds;
        while (Now < end)
        {
            Turn();
        }
    }

    /// <summary>Runs until something is so.</summary>
    /// <returns>How long that took.</returns>
    public long RunUntil(Func<bool> isSo, long most)
    {
        long start = Now;
        while (!isSo())
        {
            if (Now - start > most)
            {
                throw new Xunit.Sdk.XunitException($"After {most} ms it is not so: {Status}; {string.Join(' ', Probes.TakeLast(20).Select(p => $"{p.At - start}:{p.Probe.Size}"))}");
            }

            Turn();
        }

        return Now - start;
    }

    public PathProbe Only()
    {
        Xunit.Assert.True(Prober.TryNext(Now, out PathProbe probe));
        return probe;
    }

    private void Turn()
    {
        Now += Step;
        if (Traffic)
        {
            Prober.Use(Remote, Now);
        }

        for (int i = 0; i < _answers.Count; i++)
        {
            if (_answers[i].At <= Now)
            {
                _ = Prober.Answer(Remote, _answers[i].Nonce, Now);
                _answers.RemoveAt(i--);
            }
        }

        while (Prober.TryNext(Now, out PathProbe probe))
        {
            Probes.Add((Now, probe));
            if (probe.Size > Truth)
            {
                if (Router != 0)
                {
                    _ = Prober.PacketTooBig(Remote, Router, Now);
                }
            }
            else if (IsLost(probe.Size))
            {
                int inRow = _lostInRow.GetValueOrDefault(probe.Size) + 1;
                _lostInRow[probe.Size] = inRow;
                WorstLuck = Math.Max(WorstLuck, inRow);
            }
            else
            {
                _lostInRow[probe.Size] = 0;
                _answers.Add((Now + RoundTrip, probe.Nonce));
            }
        }
    }
}
