using System.Diagnostics;
using System.Globalization;

namespace Overlay.Benchmarks.Scale;

/// <summary>The yardstick benchmarks/yardsticks/tables.c: a process that holds DPDK's tables and measures when it is told to.</summary>
internal sealed class DpdkTables : IDisposable
{
    private readonly Process _process;

    private DpdkTables(Process process) => _process = process;

    /// <summary>Starts it.</summary>
    /// <exception cref="InvalidOperationException">It does not start, or not as it should.</exception>
    public static DpdkTables Start(string program)
    {
        ProcessStartInfo start = new(program, ["--no-huge", "--no-pci", "-m", "3072", "--no-shconf", "--no-telemetry", "-l", "0"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        Process process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginErrorReadLine();
        DpdkTables tables = new(process);
        for (string? line = process.StandardOutput.ReadLine(); line != "ready"; line = process.StandardOutput.ReadLine())
        {
            // What DPDK says of itself goes before.
            if (line is null)
            {
                tables.Dispose();
                throw new InvalidOperationException($"{program} ended before it was ready.");
            }
        }

        return tables;
    }

    /// <summary>Has a command done.</summary>
    /// <returns>Nanoseconds for one entry or look-up, and how many were found.</returns>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public (double Nanoseconds, long Found) Ask(string command)
    {
        _process.StandardInput.WriteLine(command);
        _process.StandardInput.Flush();
        string? line = _process.StandardOutput.ReadLine();
        return line?.Split(' ') is ["ok", var nanoseconds, .. var rest]
            ? (double.Parse(nanoseconds, CultureInfo.InvariantCulture), rest is [var found] ? long.Parse(found, CultureInfo.InvariantCulture) : 0)
            : throw new InvalidOperationException($"DPDK's tables answered '{line}' to '{command}'.");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.StandardInput.Close();
            if (!_process.WaitForExit(5_000))
            {
                _process.Kill();
            }
        }

        _process.Dispose();
    }
}
