using System.Globalization;
using Overlay.Forwarding.Cases;
using Overlay.Forwarding.Measurement;
using Overlay.Forwarding.Report;
using Overlay.Forwarding.Subjects;

namespace Overlay.Forwarding;

/// <summary>
/// The rounds. All tunnels are up all the time, at rest but for the one that is measured, so that what is compared lies seconds apart and nobody is
/// measured cold; only the cases about new daemons make their own.
/// </summary>
/// <param name="options">What is wanted.</param>
/// <param name="catalog">What there is.</param>
/// <param name="log">Takes progress.</param>
/// <param name="cancellation">Ends it between two measurements.</param>
internal sealed class ForwardingRun(ForwardingOptions options, Catalog catalog, TextWriter log, CancellationToken cancellation)
{
    // What makes the runtime compile the hot path for good before anything counts.
    private const int WarmUpSeconds = 1;

    private readonly CpuSet _cpus = CpuSet.OfThisProcess();
    private readonly Plan _plan = new(options, catalog.Contestants);
    private readonly List<Contestant> _present = [];
    private readonly Dictionary<Contestant, TestBed> _beds = [];
    private readonly List<Absence> _absent = [];

    /// <summary>Measures everything.</summary>
    /// <exception cref="OperationCanceledException">It was ended; all is taken down.</exception>
    public ForwardingReport Run()
    {
        var facts = MachineFacts.Gather(Repository.Root, _cpus);
        try
        {
            foreach (Contestant contestant in _plan.Contestants)
            {
                SetUp(contestant);
            }

            _present.Where(_beds.ContainsKey).ToList().ForEach(WarmUp);
            Dictionary<(ForwardingCase, Contestant), Series> series = [];
            for (int round = 0; round < options.Rounds; round++)
            {
                foreach (ForwardingCase forwardingCase in _plan.Cases)
                {
                    RunCase(forwardingCase, round, series);
                }
            }

            return ForwardingReport.Make(facts with { LoadAfter = MachineFacts.Load() }, options, _present, _absent, _plan.Cases, [.. series.Values]);
        }
        finally
        {
            _beds.Values.ToList().ForEach(bed => bed.Dispose());
        }
    }

    private void SetUp(Contestant contestant)
    {
        cancellation.ThrowIfCancellationRequested();
        log.WriteLine($"setting up {contestant.Name}");
        try
        {
            var bed = TestBed.Create(contestant);
            if (_plan.IsKept(contestant))
            {
                _beds.Add(contestant, bed);
            }
            else
            {
                bed.Dispose();
            }

            _present.Add(contestant);
        }
        catch (UnavailableException exception)
        {
            Miss(contestant, exception, isFailure: false);
        }
        catch (Exception exception) when (IsOfTheSubject(exception))
        {
            // One that is broken must not take the others' figures with it.
            cancellation.ThrowIfCancellationRequested();
            Miss(contestant, exception, isFailure: true);
        }
    }

    private void Miss(Contestant contestant, Exception exception, bool isFailure)
    {
        string why = OneLine(exception);
        log.WriteLine($"  without it: {why}");
        _absent.Add(new Absence(contestant.Name, why, isFailure));
    }

    private void WarmUp(Contestant contestant)
    {
        cancellation.ThrowIfCancellationRequested();
        log.WriteLine($"warming up {contestant.Name}");
        foreach (ForwardingCase warm in (ForwardingCase[])[new("warm-up", "", Workload.Tcp(1), []), new("warm-up", "", Workload.UdpFlood, [])])
        {
            if (TryRun(warm, contestant, WarmUpSeconds, out string why) is null)
            {
                log.WriteLine($"  {why}");
            }
        }
    }

    private void RunCase(ForwardingCase forwardingCase, int round, Dictionary<(ForwardingCase, Contestant), Series> series)
    {
        Metric metric = forwardingCase.Workload.Metrics[0];
        List<string> words = [];
        Contestant[] contestants = [.. _present.Where(contestant => _plan.TakesPart(forwardingCase, contestant))];
        foreach (Contestant contestant in Rotation.Of(contestants, round))
        {
            cancellation.ThrowIfCancellationRequested();
            if (!series.TryGetValue((forwardingCase, contestant), out Series? own))
            {
                series[(forwardingCase, contestant)] = own = new Series(forwardingCase, contestant);
            }

            double[]? values = TryRun(forwardingCase, contestant, options.Seconds, out string why);
            if (values is null)
            {
                own.AddFailure(why);
                words.Add($"{contestant.Name} FAILED ({why})");
            }
            else
            {
                own.Add(values);
                words.Add($"{contestant.Name} {values[0].ToString(metric.Format, CultureInfo.InvariantCulture)}");
            }
        }

        log.WriteLine($"round {round + 1}/{options.Rounds} {forwardingCase.Name} ({metric.Title}): {string.Join(", ", words)}");
    }

    private double[]? TryRun(ForwardingCase forwardingCase, Contestant contestant, int seconds, out string why)
    {
        try
        {
            why = "";
            if (!forwardingCase.IsFresh)
            {
                return forwardingCase.Run(_beds[contestant], _cpus, seconds);
            }

            using var fresh = TestBed.Create(contestant);
            return forwardingCase.Run(fresh, _cpus, seconds);
        }
        catch (Exception exception) when (exception is UnavailableException || IsOfTheSubject(exception))
        {
            // A signal to the whole group ends the programs too; then this is no failure of theirs.
            cancellation.ThrowIfCancellationRequested();
            why = OneLine(exception);
            return null;
        }
    }

    private static bool IsOfTheSubject(Exception exception) => exception is InvalidDataException or InvalidOperationException or TimeoutException or IOException;

    private static string OneLine(Exception exception) => exception.Message.Trim().ReplaceLineEndings(" ");
}
