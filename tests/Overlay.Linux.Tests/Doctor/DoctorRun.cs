using System.Text.Json;
using Overlay.Testing;

namespace Overlay.Linux.Tests.Doctor;

/// <summary>What <c>overlayd doctor … --json</c> said.</summary>
/// <param name="ExitCode">Its exit code.</param>
/// <param name="Report">The report.</param>
/// <param name="Text">All it printed, for messages.</param>
internal sealed record DoctorRun(int ExitCode, JsonElement Report, string Text)
{
    /// <summary>The ids of the findings, in order.</summary>
    public string[] Ids => [.. Findings.Select(finding => finding.GetProperty("id").GetString()!)];

    public JsonElement[] Findings => [.. Report.GetProperty("findings").EnumerateArray()];

    public string Verdict => Report.GetProperty("verdict").GetString()!;

    public string[] Undecided => [.. Report.GetProperty("undecided").EnumerateArray().Select(text => text.GetString()!)];

    public JsonElement Details => Report.GetProperty("details");

    /// <summary>Runs a doctor in a namespace.</summary>
    public static DoctorRun Of(Netns netns, params string[] arguments) =>
        Read(netns.TryExec(TimeSpan.FromSeconds(60), OverlayDaemon.Program, ["doctor", .. arguments, "--json"]));

    public static DoctorRun Read(CommandResult result)
    {
        string text = $"exit {result.ExitCode}\n{result.Output}{result.Error}";
        if (result.Output.Length == 0)
        {
            throw new InvalidOperationException($"The doctor printed nothing: {text}");
        }

        using var document = JsonDocument.Parse(result.Output);
        return new DoctorRun(result.ExitCode, document.RootElement.Clone(), text);
    }
}
