using System.CommandLine;
using System.CommandLine.Invocation;
using System.Runtime.InteropServices;
using Overlay.Daemon.Configuration;

namespace Overlay.Daemon.Commands;

/// <summary>The command line; a public format.</summary>
/// <param name="output">Standard output.</param>
/// <param name="error">Standard error; written by several threads.</param>
/// <param name="createPlane">Makes the data plane of a configuration; it gets the log.</param>
internal sealed class CommandLine(TextWriter output, TextWriter error, Func<DaemonConfig, Action<string>, IDataPlane> createPlane)
{
    /// <summary>Parses and runs a command.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> RunAsync(string[] args)
    {
        // Without response files: a path may begin with @.
        ParseResult parsed = Build().Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Action is ParseErrorAction)
        {
            foreach (string message in parsed.Errors.Select(e => e.Message).Distinct())
            {
                await error.WriteLineAsync($"overlayd: {message}").ConfigureAwait(false);
            }

            await error.WriteLineAsync("overlayd: 'overlayd --help' shows the commands").ConfigureAwait(false);
            return ExitCode.Usage;
        }

        // Signals are ours, and an exception that nobody foresaw must be seen, not turned into the exit code of a bad configuration.
        var invocation = new InvocationConfiguration
        {
            Output = output,
            Error = error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
        };
        return await parsed.InvokeAsync(invocation).ConfigureAwait(false);
    }

    private RootCommand Build()
    {
        Option<string> config = new("--config") { Description = "The configuration file", HelpName = "FILE", Required = true };
        Option<bool> json = new("--json") { Description = "Print JSON instead of a table" };
        Option<string> socket = new("--socket")
        {
            Description = "The control socket of the daemon",
            HelpName = "PATH",
            DefaultValueFactory = _ => DaemonConfig.DefaultControlSocket,
        };

        Option<bool> latency = new("--latency") { Description = "Keep a CPU awake for each worker while packets come every few milliseconds" };
        Command run = new("run", "Run the tunnels of a configuration until SIGTERM or SIGINT") { config, latency };
        run.SetAction((parsed, _) => RunDaemonAsync(parsed.GetRequiredValue(config), parsed.GetValue(latency)));
        Command check = new("check", "Check a configuration and say what it would do") { config };
        check.SetAction(parsed => CheckCommand.Run(parsed.GetRequiredValue(config), output, error));
        Command status = new("status", "Ask a running overlayd for its counters") { json, socket };
        status.SetAction((parsed, cancellation) =>
            StatusCommand.RunAsync(parsed.GetRequiredValue(socket), parsed.GetValue(json), output, error, cancellation));
        RootCommand root = new("overlayd - VXLAN and IP-in-IP tunnels in user space")
        {
            run,
            check,
            status,
            ExplainCommand.Create(json, socket, output, error),
            TraceCommand.Create(socket, output, error),
            MtuCommand.Create(json, output, error),
            DoctorCommand.Create(),
        };
        foreach (Command command in new TableCommands(output, error, json, socket).Build())
        {
            root.Add(command);
        }

        return root;
    }

    private async Task<int> RunDaemonAsync(string file, bool latency)
    {
        if (CheckCommand.Load(file, error) is not DaemonConfig config)
        {
            return ExitCode.BadConfiguration;
        }

        if (latency)
        {
            config = config with { Workers = config.Workers.ForLatency() };
        }

        IDataPlane plane;
        try
        {
            plane = createPlane(config, Log);
        }
        catch (IOException e)
        {
            Log(e.Message);
            return ExitCode.CannotStart;
        }

        using ShutdownSignals signals = new(Environment.Exit, PosixSignal.SIGTERM, PosixSignal.SIGINT);
        return await new RunCommand(config, plane, output, Log).RunAsync(signals.First).ConfigureAwait(false);
    }

    private void Log(string line) => error.WriteLine($"overlayd: {line}");
}
