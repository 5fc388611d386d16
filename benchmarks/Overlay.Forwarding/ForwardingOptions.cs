using System.Globalization;
using System.IO.Enumeration;

namespace Overlay.Forwarding;

/// <summary>The command line.</summary>
internal sealed record ForwardingOptions
{
    /// <summary>How to call the program.</summary>
    public const string Usage =
        "usage: bench forward [--rounds N] [--seconds S] [--only CASE[,CASE...]] [--subject NAME[,NAME...]] [--json FILE] [--quick] [--list]";

    private const int MaximumRounds = 1000;
    private const int MaximumSeconds = 60;

    /// <summary>How often everything is measured.</summary>
    public int Rounds { get; init; } = 7;

    /// <summary>How long one measurement takes.</summary>
    public int Seconds { get; init; } = 2;

    /// <summary>Patterns with * and ? of the cases to run; empty for all.</summary>
    public IReadOnlyList<string> Cases { get; init; } = [];

    /// <summary>Patterns of the contestants; empty for all.</summary>
    public IReadOnlyList<string> Subjects { get; init; } = [];

    /// <summary>Where the JSON goes instead of artifacts/forward.</summary>
    public string? JsonFile { get; init; }

    /// <summary>Whether only the names are wanted.</summary>
    public bool List { get; init; }

    /// <summary>Whether a name is chosen by patterns.</summary>
    public static bool Chosen(IReadOnlyList<string> patterns, string name) =>
        patterns.Count == 0 || patterns.Any(pattern => FileSystemName.MatchesSimpleExpression(pattern, name));

    /// <summary>Reads the arguments.</summary>
    /// <returns>false, with what is wrong, if they are not understood.</returns>
    public static bool TryParse(ReadOnlySpan<string> arguments, out ForwardingOptions options, out string mistake)
    {
        options = new ForwardingOptions();
        mistake = "";
        for (int i = 0; i < arguments.Length && mistake.Length == 0; i++)
        {
            string argument = arguments[i];
            if (argument == "--quick")
            {
                options = options with { Rounds = 1, Seconds = 1 };
            }
            else if (argument == "--list")
            {
                options = options with { List = true };
            }
            else if (argument is not ("--rounds" or "--seconds" or "--only" or "--subject" or "--json"))
            {
                mistake = $"unknown argument {argument}";
            }
            else if (++i == arguments.Length)
            {
                mistake = $"{argument} takes a value";
            }
            else
            {
                options = options.With(argument, arguments[i], ref mistake);
            }
        }

        return mistake.Length == 0;
    }

    /// <summary>Looks for a pattern that chooses nothing.</summary>
    /// <param name="cases">The names of all cases.</param>
    /// <param name="subjects">The names of all subjects.</param>
    /// <returns>What is wrong; null if nothing is.</returns>
    public string? FindMistake(IReadOnlyList<string> cases, IReadOnlyList<string> subjects) => FindMistake("case", Cases, cases) ?? FindMistake("subject", Subjects, subjects);

    private static string? FindMistake(string what, IReadOnlyList<string> patterns, IReadOnlyList<string> names) =>
        patterns.FirstOrDefault(pattern => !names.Any(name => Chosen([pattern], name))) is string wrong
            ? $"there is no {what} {wrong}; there are {string.Join(' ', names)}"
            : null;

    private static int Number(string argument, string value, int maximum, ref string mistake)
    {
        if (!int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) || number < 1 || number > maximum)
        {
            mistake = $"{argument} is {value}; a whole number from 1 to {maximum} is right";
        }

        return number;
    }

    private static string[] Names(string value) => value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private ForwardingOptions With(string argument, string value, ref string mistake) => argument switch
    {
        "--rounds" => this with { Rounds = Number(argument, value, MaximumRounds, ref mistake) },
        "--seconds" => this with { Seconds = Number(argument, value, MaximumSeconds, ref mistake) },
        "--only" => this with { Cases = [.. Cases, .. Names(value)] },
        "--subject" => this with { Subjects = [.. Subjects, .. Names(value)] },
        _ => this with { JsonFile = Path.GetFullPath(value) },
    };
}
