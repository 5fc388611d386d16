using System.Globalization;
using Overlay.Forwarding.Cases;
using Overlay.Forwarding.Measurement;
using Overlay.Forwarding.Report;
using Overlay.Forwarding.Subjects;

namespace Overlay.Forwarding;

/// <summary>
/// The rounds. All tunnels are up all the time, at rest but for the one that is measured, so that what is compared lies seconds apart and nobody is
/// measured cold.
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
    private readonly List<TestBed> _beds = [];
    private readonly List<Absence> _absent = [];

    /// <summary>Measures everything.</summary>
    /// <exception cref="OperationCanceledException">It was ended; all is taken down.</exception>
    public ForwardingReport Run()
    {
        var facts = MachineFacts.Gather(Repository.Root, _cpus);
        ForwardingCase[] cases = [.. ForwardingCase.All.Where(c => ForwardingOptions.Chosen(options.Cases, c.Name))];
        try
        {
            foreach (Contestant contestant in catalog.Contestants.Where(c => ForwardingOptions.Chosen(options.Subjects, c.Name) && cases.Any(a => a.Includes(c))))
            {
                SetUp(contestant);
            }

            _beds.ForEach(WarmUp);
            Dictionary<(ForwardingCase, TestBed), Series> series = [];
            for (int round = 0; round < options.Rounds; round++)
            {
                foreach (ForwardingCase forwardingCase in cases)
                {
                    RunCase(forwardingCase, round, series);
                }
            }

            return ForwardingReport.Make(
                facts with { LoadAfter = MachineFacts.Load() }, options, catalog.Baselines, [.. _beds.Select(bed => bed.Contestant)], _absent, cases, [.. series.Values]);
        }
        finally
        {
            _beds.ForEach(bed => bed.Dispose());
        }
    }

    private void SetUp(Contestant contestant)
    {
        cancellation.ThrowIfCancellationRequested();
        try
        {
            _beds.Add(TestBed.Create(contestant));
        }
        catch (UnavailableException exception)
        {
            log.WriteLine($"without {contestant.Name}: {exception.Message}");
            _absent.Add(new Absence(contestant.Name, exception.Message));
        }
    }

    private void WarmUp(TestBed bed)
    {
        cancellation.ThrowIfCancellationRequested();
        log.WriteLine($"warming up {bed.Contestant.Name}");
        foreach (ForwardingCase warm in (ForwardingCase[])[new("warm-up", "", Workload.Tcp), new("warm-up", "", Workload.UdpFlood)])
        {
            if (TryRun(warm, bed, WarmUpSeconds, out string why) is null)
            {
                log.WriteLine($"  {why}");
            }
        }
    }

    private void RunCase(ForwardingCase forwardingCase, int round, Dictionary<(ForwardingCase, TestBed), Series> series)
    {
        Metric metric = forwardingCase.Workload.Metrics[0];
        List<string> words = [];
        TestBed[] beds = [.. _beds.Where(bed => forwardingCase.Includes(bed.Contestant))];
        foreach (TestBed bed in Rotation.Of(beds, round))
        {
            cancellation.ThrowIfCancellationRequested();
            if (!series.TryGetValue((forwardingCase, bed), out Series? own))
            {
                series[(forwardingCase, bed)] = own = new Series(forwardingCase, bed.Contestant);
            }

            double[]? values = TryRun(forwardingCase, bed, options.Seconds, out string why);
            if (values is null)
            {
                own.AddFailure(why);
                words.Add($"{bed.Contestant.Name} FAILED ({why})");
            }
            else
            {
                own.Add(values);
                words.Add($"{bed.Contestant.Name} {values[0].ToString(metric.Format, CultureInfo.InvariantCulture)}");
            }
        }

        log.WriteLine($"round {round + 1}/{options.Rounds} {forwardingCase.Name} ({metric.Title}): {string.Join(", ", words)}");
    }

    private double[]? TryRun(ForwardingCase forwardingCase, TestBed bed, int seconds, out string why)
    {
        try
        {
            why = "";
            return forwardingCase.Run(bed, _cpus, seconds);
        }
        catch (Exception exception) when (exception is InvalidDataException or InvalidOperationException or TimeoutException or IOException)
        {
            // A signal to the whole group ends the programs too; then this is no failure of theirs.
            cancellation.ThrowIfCancellationRequested();
            why = exception.Message.ReplaceLineEndings(" ").Trim();
            return null;
        }
    }
}
