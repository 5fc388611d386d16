using System.Diagnostics;
using System.Globalization;
using System.Text;
using Overlay.Testing;

namespace Overlay.Forwarding.Subjects;

/// <summary>A program that forwards, started by this one and ended on dispose, with what it says.</summary>
internal sealed class ForwarderProcess : IDisposable
{
    private static readonly TimeSpan StopBound = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(10);

    private readonly string _name;
    private readonly Process _process;
    private readonly StringBuilder _log = new();

    private ForwarderProcess(string name, Process process)
    {
        _name = name;
        _process = process;
        process.ErrorDataReceived += Append;
        process.OutputDataReceived += Append;
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
    }

    /// <summary>The process id.</summary>
    public int Id => _process.Id;

    /// <summary>What it has written so far, to both outputs.</summary>
    public string Log
    {
        get
        {
            lock (_log)
            {
                return _log.ToString().Trim();
            }
        }
    }

    /// <summary>Starts it in a namespace.</summary>
    /// <param name="name">How messages call it.</param>
    /// <param name="netns">Where.</param>
    /// <param name="command">The command line; what stands first must become the program and not start it as a child.</param>
    public static ForwarderProcess Start(string name, Netns netns, params string[] command) => new(name, netns.Start(command[0], command[1..]));

    /// <summary>Waits until it has done something.</summary>
    /// <param name="what">What, for the message.</param>
    /// <param name="isDone">Asks whether it has.</param>
    /// <param name="bound">How long it may take.</param>
    /// <exception cref="InvalidOperationException">It has not, or it ended; the message has what it said.</exception>
    public void WaitFor(string what, Func<bool> isDone, TimeSpan bound)
    {
        long start = Stopwatch.GetTimestamp();
        while (!isDone())
        {
            if (_process.HasExited || Stopwatch.GetElapsedTime(start) > bound)
            {
                throw new InvalidOperationException($"{_name} has no {what}{(_process.HasExited ? $", it ended with {_process.ExitCode}" : "")}: {Log}");
            }

            Thread.Sleep(PollInterval);
        }
    }

    /// <summary>Waits until a network device is there.</summary>
    /// <inheritdoc cref="WaitFor"/>
    public void WaitForDevice(Netns netns, string device, TimeSpan bound) => WaitFor(
        $"device {device}", () => Command.TryRun(Command.DefaultTimeout, "ip", "-n", netns.Name, "link", "show", device).ExitCode == 0, bound);

    /// <summary>Ends it: by SIGTERM, and if that does not help by SIGKILL.</summary>
    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Command.TryRun(Command.DefaultTimeout, "kill", Id.ToString(CultureInfo.InvariantCulture));
            if (!_process.WaitForExit(StopBound))
            {
                _process.Kill();
                _process.WaitForExit();
            }
        }

        _process.Dispose();
    }

    private void Append(object sender, DataReceivedEventArgs line)
    {
        lock (_log)
        {
            _log.AppendLine(line.Data);
        }
    }
}
