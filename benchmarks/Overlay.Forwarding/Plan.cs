using Overlay.Forwarding.Cases;
using Overlay.Forwarding.Subjects;

namespace Overlay.Forwarding;

/// <summary>Who takes part in what, by the command line or by default.</summary>
/// <param name="options">The command line.</param>
/// <param name="contestants">All that there are.</param>
internal sealed class Plan(ForwardingOptions options, IReadOnlyList<Contestant> contestants)
{
    // A tunnel, and a second of each kind of traffic to warm it up.
    private const double BeginningSeconds = 4;

    /// <summary>The cases, in the order of a round.</summary>
    public IReadOnlyList<ForwardingCase> Cases { get; } =
        [.. ForwardingCase.All.Where(forwardingCase => options.Cases.Count > 0 ? ForwardingOptions.Chosen(options.Cases, forwardingCase.Name) : !forwardingCase.IsOnRequest)];

    /// <summary>All that take part in some case, in the order of the first round.</summary>
    public IEnumerable<Contestant> Contestants => contestants.Where(contestant => Cases.Any(forwardingCase => TakesPart(forwardingCase, contestant)));

    /// <summary>About how long everything takes, without compiling.</summary>
    public TimeSpan Estimate => TimeSpan.FromSeconds(
        (Contestants.Count() * BeginningSeconds)
        + (options.Rounds * Cases.Sum(forwardingCase => forwardingCase.Duration(options.Seconds) * contestants.Count(contestant => TakesPart(forwardingCase, contestant)))));

    /// <summary>Whether a contestant takes part in a case. A list of subjects on the command line stands in the place of the case's own.</summary>
    public bool TakesPart(ForwardingCase forwardingCase, Contestant contestant) => options.Subjects.Count == 0
        ? forwardingCase.Subjects.Contains(contestant.Name)
        : ForwardingOptions.Chosen(options.Subjects, contestant.Name) && forwardingCase.Includes(contestant);

    /// <summary>Whether its tunnel is up from the beginning to the end, because some case uses it so.</summary>
    public bool IsKept(Contestant contestant) => Cases.Any(forwardingCase => !forwardingCase.IsFresh && TakesPart(forwardingCase, contestant));

    /// <summary>The cases, each with its contestants, and how long it takes.</summary>
    public string Describe()
    {
        IEnumerable<string> lines = Cases.Select(forwardingCase =>
            $"  {forwardingCase.Name}: {string.Join(' ', contestants.Where(contestant => TakesPart(forwardingCase, contestant)).Select(contestant => contestant.Name))}");
        return string.Join('\n', [
            "cases and their subjects:", .. lines,
            $"cases on request: {string.Join(' ', ForwardingCase.All.Where(c => c.IsOnRequest).Select(c => c.Name))}",
            $"all subjects: {string.Join(' ', contestants.Select(contestant => contestant.Name))}",
            $"estimate: {Math.Ceiling(Estimate.TotalMinutes)} minutes for {options.Rounds} rounds of {options.Seconds} s; the first run also compiles, about 2 minutes"]);
    }
}
