using System.Diagnostics;

namespace Overlay.Fuzz.Driver;

/// <summary>A worker process as its supervisor sees it.</summary>
internal sealed class Job : IDisposable
{
    private readonly Process _process;
    private readonly Task<string> _errors;
    private long _sequence = -1;
    private long _since;
    private TimeSpan _used;

    /// <summary>Makes the arena and starts the process.</summary>
    public Job(int number, int generation, string path, Func<string, IReadOnlyList<string>> arguments)
    {
        Number = number;
        Generation = generation;
        Arena = Arena.Create(path);
        _process = Launch(arguments(path), out _errors);
    }

    /// <summary>Which of the processes that run at the same time.</summary>
    public int Number { get; }

    /// <summary>How many went before it.</summary>
    public int Generation { get; }

    /// <summary>Its memory, readable also when it is gone.</summary>
    public Arena Arena { get; }

    /// <summary>Whether it is gone.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>Of a process that is gone.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>What it wrote to its standard error.</summary>
    public string Errors => _errors.GetAwaiter().GetResult();

    /// <summary>Starts this program again.</summary>
    public static Process Launch(IReadOnlyList<string> arguments, out Task<string> errors)
    {
        ProcessStartInfo start = new("dotnet") { RedirectStandardError = true, RedirectStandardOutput = true, RedirectStandardInput = true };
        start.ArgumentList.Add("exec");
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Overlay.Fuzz.dll"));
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        Process process = Process.Start(start) ?? throw new InvalidOperationException("dotnet cannot be started.");
        process.StandardInput.Close();
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        errors = process.StandardError.ReadToEndAsync();
        return process;
    }

    /// <summary>Whether the process has been at one input for too long.</summary>
    /// <param name="processor">Processor time that no input needs: a busy machine does not make it longer.</param>
    /// <param name="wall">Time that no input needs.</param>
    public bool Hangs(TimeSpan processor, TimeSpan wall)
    {
        long sequence = Arena.Sequence;
        if (!Arena.IsRunning || sequence != _sequence)
        {
            _sequence = sequence;
            _since = Stopwatch.GetTimestamp();
            _used = _process.TotalProcessorTime;
            return false;
        }

        _process.Refresh();
        return _process.TotalProcessorTime - _used > processor || Stopwatch.GetElapsedTime(_since) > wall;
    }

    /// <summary>Ends it.</summary>
    public void Stop()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.WaitForExit();
    }

    public void Dispose()
    {
        Stop();
        _process.Dispose();
        Arena.Dispose();
    }
}
