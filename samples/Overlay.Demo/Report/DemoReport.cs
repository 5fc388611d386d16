using System.Text.Json;
using Overlay.Demo.Picture;

namespace Overlay.Demo.Report;

/// <summary>
/// What the demo showed, and the shape of its <c>--json</c>: <c>{ passed, kernel, obstacle?, cases: [ CaseResult ], packet?: CapturedFrame }</c>, names in
/// camelCase, absent instead of null.
/// </summary>
/// <param name="Kernel">The kernel of this machine.</param>
/// <param name="Cases">The cases, in order.</param>
/// <param name="Packet">One captured frame, field by field.</param>
internal sealed record DemoReport(string Kernel, IReadOnlyList<CaseResult> Cases, CapturedFrame? Packet)
{
    /// <summary>Why nothing could be run at all.</summary>
    public string? Obstacle { get; init; }

    /// <summary>Whether every case passed that could be run, in CI every case, and the frame is as it should be.</summary>
    public bool Passed => ExitCode == Demo.ExitCode.Passed;

    /// <summary>The exit code that this report stands for.</summary>
    internal int ExitCode => Obstacle is not null || Cases.All(result => !result.Available) ? Demo.ExitCode.CannotRun
        : Cases.All(IsFine) && Packet is null or { Intact: true } ? Demo.ExitCode.Passed
        : Demo.ExitCode.Failed;

    /// <summary>The JSON, and a line feed.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, ReportJson.Default.DemoReport) + "\n";

    private static bool IsFine(CaseResult result) => result.Passed || (!result.Available && !Machine.IsContinuousIntegration);
}
