using System.Globalization;

namespace Overlay.Fuzz;

/// <summary>The command line.</summary>
internal sealed record FuzzOptions
{
    /// <summary>How to call it.</summary>
    public const string Usage = """
        usage: overlay-fuzz [OPTION...]

          --seconds N         run for N seconds (60)
          --inputs N          at most N inputs for each target in each process (no limit)
          --seed S            the same inputs as a run that printed this seed
          --target NAME,...   these targets only
          --jobs N            so many processes (one for each processor)
          --timeout N         an input that takes N seconds of processor time is a finding (10)
          --out DIR           where findings go (artifacts/fuzz/findings below the working directory)
          --replay FILE       give a finding to its target again
          --list              the names of all targets
        """;

    /// <summary>How long to run.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>The most inputs of a target in a process.</summary>
    public long Inputs { get; init; } = long.MaxValue;

    /// <summary>What all inputs follow from; null for one that is made up.</summary>
    public ulong? Seed { get; init; }

    /// <summary>Places in the catalogue.</summary>
    public IReadOnlyList<int> Targets { get; init; } = Catalog.Default;

    /// <summary>Processes.</summary>
    public int Jobs { get; init; } = Environment.ProcessorCount;

    /// <summary>The processor time that no input needs.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Where findings go.</summary>
    public string Directory { get; init; } = Path.Combine("artifacts", "fuzz", "findings");

    /// <summary>A file to give to its target again.</summary>
    public string? Replay { get; init; }

    /// <summary>Whether only the names are wanted.</summary>
    public bool List { get; init; }

    /// <summary>The arena, in a process that a supervisor has started.</summary>
    public string? Arena { get; init; }

    /// <summary>Which of the processes of a run this is, counting those that followed one that died; it gives each inputs of its own.</summary>
    public ulong Stream { get; init; }

    /// <summary>Reads a command line.</summary>
    /// <param name="arguments">The arguments.</param>
    /// <param name="error">What is wrong with it.</param>
    /// <returns>null if something is.</returns>
    public static FuzzOptions? Parse(IReadOnlyList<string> arguments, out string error)
    {
        FuzzOptions options = new();
        error = "";
        for (int i = 0; i < arguments.Count; i++)
        {
            string name = arguments[i];
            if (name == "--list")
            {
                options = options with { List = true };
                continue;
            }

            if (i + 1 == arguments.Count)
            {
                error = $"{name}: no such option, or its value is missing";
                return null;
            }

            string value = arguments[++i];
            FuzzOptions? next = name switch
            {
                "--seconds" => Number(value, 1, 1_000_000) is { } n ? options with { Time = TimeSpan.FromSeconds(n) } : null,
                "--inputs" => Number(value, 1, long.MaxValue) is { } n ? options with { Inputs = n } : null,
                "--seed" => ulong.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out ulong n) ? options with { Seed = n } : null,
                "--target" => Catalog.Find(value) is { } targets ? options with { Targets = targets } : null,
                "--jobs" => Number(value, 1, 256) is { } n ? options with { Jobs = (int)n } : null,
                "--timeout" => Number(value, 1, 3600) is { } n ? options with { Timeout = TimeSpan.FromSeconds(n) } : null,
                "--out" => options with { Directory = Path.GetFullPath(value) },
                "--replay" => options with { Replay = value },
                "--stream" => Number(value, 0, long.MaxValue) is { } n ? options with { Stream = (ulong)n } : null,
                "--arena" => options with { Arena = value },
                _ => null,
            };
            if (next is null)
            {
                error = $"{name} {value}: no such option, or not a value that it takes";
                return null;
            }

            options = next;
        }

        return options;
    }

    private static long? Number(string text, long minimum, long maximum) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number >= minimum && number <= maximum ? number : null;
}
