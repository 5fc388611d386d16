using System.Diagnostics;
using Xunit;

namespace Overlay.Tests.Daemon;

/// <summary>A process that has ended, and what it said.</summary>
internal sealed record ProcessResult(int ExitCode, string Output, string Error)
{
    /// <summary>The daemon beside the tests.</summary>
    public static Task<ProcessResult> OverlaydAsync(params string[] arguments) => RunAsync(Path.Combine(AppContext.BaseDirectory, "overlayd"), arguments);

    public static async Task<ProcessResult> RunAsync(string file, params string[] arguments)
    {
        using var process = new Process
        {
            StartInfo = new ProcessStartInfo(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true },
        };
        process.Start();
        try
        {
            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
            timeout.CancelAfter(TimeSpan.FromSeconds(60));
            Task<string> output = process.StandardOutput.ReadToEndAsync(timeout.Token);
            Task<string> error = process.StandardError.ReadToEndAsync(timeout.Token);
            await process.WaitForExitAsync(timeout.Token);
            return new ProcessResult(process.ExitCode, await output, await error);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }
    }
}
