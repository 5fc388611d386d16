using System.Diagnostics;
using Xunit;

namespace Overlay.Tests.Packaging;

/// <summary>Runs a program to its end and keeps what it said, both streams in one.</summary>
internal static class CommandLine
{
    public static async Task<(int ExitCode, string Output)> RunAsync(
        string directory, string program, string[] arguments, CancellationToken cancellationToken, params (string Name, string? Value)[] environment)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            WorkingDirectory = directory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string? value) in environment)
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(cancellationToken);
        Task<string> error = process.StandardError.ReadToEndAsync(cancellationToken);
        try
        {
            await process.WaitForExitAsync(cancellationToken);
            return (process.ExitCode, await output + await error);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    /// <summary>As <see cref="RunAsync"/>; fails the test, with all that was said, unless the program ends with zero.</summary>
    public static async Task<string> SucceedAsync(
        string directory, string program, string[] arguments, CancellationToken cancellationToken, params (string Name, string? Value)[] environment)
    {
        (int exitCode, string output) = await RunAsync(directory, program, arguments, cancellationToken, environment);
        Assert.True(exitCode == 0, $"{program} {string.Join(' ', arguments)} ended with {exitCode}:\n{output}");
        return output;
    }
}
