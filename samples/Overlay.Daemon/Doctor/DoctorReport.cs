using System.Text.Json;
using System.Text.Json.Serialization;

namespace Overlay.Daemon.Doctor;

/// <summary>What a doctor says in the end. The names are a public format.</summary>
internal sealed record DoctorReport
{
    /// <summary>The verdict where something is wrong.</summary>
    public const string Finding = "finding";

    /// <summary>The verdict where nothing is known to be wrong, but something could not be looked at.</summary>
    public const string UndecidedVerdict = "undecided";

    /// <summary>The verdict where all was looked at and is right.</summary>
    public const string Clean = "clean";

    /// <summary>What was looked at: the word behind <c>doctor</c>.</summary>
    public required string Doctor { get; init; }

    /// <summary>The target, as it was given.</summary>
    public required string To { get; init; }

    /// <summary><see cref="Clean"/>, <see cref="Finding"/> or <see cref="UndecidedVerdict"/>.</summary>
    public string Verdict => Findings.Count > 0 ? Finding : Undecided.Count > 0 ? UndecidedVerdict : Clean;

    /// <summary>What is wrong, the first place on the way first.</summary>
    public IReadOnlyList<DoctorFinding> Findings { get; init; } = [];

    /// <summary>What could not be looked at or told apart, each as a sentence with the reason.</summary>
    public IReadOnlyList<string> Undecided { get; init; } = [];

    /// <summary>What was seen, in the shape of this doctor; absent if it has nothing to show.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public JsonElement? Details { get; init; }

    /// <summary>The same as <see cref="Details"/> for people, ends with a line feed; empty if it has nothing to show.</summary>
    [JsonIgnore]
    public string Text { get; init; } = "";

    /// <summary>The exit code.</summary>
    [JsonIgnore]
    public int ExitCode => Verdict switch
    {
        Finding => DoctorExitCode.Finding,
        UndecidedVerdict => DoctorExitCode.Undecided,
        _ => DoctorExitCode.Clean,
    };
}
