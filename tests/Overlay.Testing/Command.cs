using System.ComponentModel;
using System.Diagnostics;

namespace Overlay.Testing;

/// <summary>Runs programs for tests: with a time limit, both outputs captured, and nothing killed but what it started.</summary>
public static class Command
{
    /// <summary>How long a program may run unless said otherwise.</summary>
    public static TimeSpan DefaultTimeout { get; } = TimeSpan.FromSeconds(20);

    /// <summary>Runs a program that must succeed.</summary>
    /// <exception cref="InvalidOperationException">It ended with another exit code than 0; the message has its outputs.</exception>
    /// <exception cref="TimeoutException">It ran too long and was killed.</exception>
    public static CommandResult Run(string program, params IEnumerable<string> arguments)
    {
        string[] list = [.. arguments];
        CommandResult result = TryRun(DefaultTimeout, program, list);
        return result.ExitCode == 0 ? result : throw new InvalidOperationException(
            $"'{program} {string.Join(' ', list)}' ended with {result.ExitCode}.\n{result.Output}{result.Error}");
    }

    /// <summary>Runs a program whatever its exit code.</summary>
    /// <exception cref="TimeoutException">It ran too long and was killed.</exception>
    public static CommandResult TryRun(TimeSpan timeout, string program, params IEnumerable<string> arguments)
    {
        using Process process = Start(program, arguments);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        process.StandardInput.Close();
        if (!process.WaitForExit(timeout))
        {
            process.Kill();
            throw new TimeoutException($"'{program}' did not end within {timeout.TotalSeconds:0} s.");
        }

        // Not beyond the limit either: a grandchild may hold the pipe open.
        return Task.WaitAll([output, error], timeout)
            ? new CommandResult(process.ExitCode, output.Result, error.Result)
            : throw new TimeoutException($"'{program}' ended, but something it started holds its outputs open.");
    }

    /// <summary>Starts a program with all three streams redirected; the caller ends and disposes it.</summary>
    public static Process Start(string program, params IEnumerable<string> arguments)
    {
        ProcessStartInfo start = new(Requires.Tool(program), arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            return Process.Start(start) ?? throw new InvalidOperationException($"'{program}' was not started.");
        }
        catch (Win32Exception exception)
        {
            throw new InvalidOperationException($"'{program}' cannot be started: {exception.Message}", exception);
        }
    }
}
