namespace Overlay.Benchmarks;

/// <summary>The command line: our own options, and what is left for BenchmarkDotNet.</summary>
/// <param name="Record">The document whose marked section is to be rewritten; null for none.</param>
/// <param name="Rest">All else.</param>
internal sealed record BenchmarkOptions(string? Record, string[] Rest)
{
    private const string RecordOption = "--record";

    /// <summary>Whether the run asks for a job of its own.</summary>
    public bool NamesJob => Rest.Contains("--job") || Rest.Contains("-j");

    /// <exception cref="ArgumentException">The file is missing.</exception>
    public static BenchmarkOptions Parse(string[] args)
    {
        int index = Array.IndexOf(args, RecordOption);
        if (index < 0)
        {
            return new BenchmarkOptions(null, args);
        }

        return index + 1 < args.Length && !args[index + 1].StartsWith('-')
            ? new BenchmarkOptions(args[index + 1], [.. args[..index], .. args[(index + 2)..]])
            : throw new ArgumentException($"{RecordOption} takes the file whose section between {Comparison.MarkedSection.Begin(Comparison.MarkedSection.Results)} and {Comparison.MarkedSection.End(Comparison.MarkedSection.Results)} it is to write.");
    }
}
