using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Overlay.Daemon.Control;
using Overlay.Daemon.Doctor;
using Overlay.Linux;

namespace Overlay.Daemon.Commands;

/// <summary><c>overlayd doctor</c>: looks for what is wrong around a tunnel. Each doctor is a command of its own below it.</summary>
internal static class DoctorCommand
{
    /// <summary>Makes the command.</summary>
    public static Command Create() =>
        new("doctor", "Find what is wrong around a tunnel; exit code 0: clean, 1: a finding, 2: undecided");

    /// <summary>The option <c>--to</c>, an IP address.</summary>
    /// <param name="description">What the address is of.</param>
    public static Option<ValueIPAddress> ToOption(string description) => new("--to")
    {
        Description = description,
        HelpName = "ADDRESS",
        Required = true,
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (!ValueIPAddress.TryParse(text, CultureInfo.InvariantCulture, out ValueIPAddress address))
            {
                result.AddError($"--to is '{text}'; an IP address such as 192.0.2.1 or 2001:db8::1 is right");
            }

            return address;
        },
    };

    /// <summary>Runs a doctor and prints its report.</summary>
    /// <param name="examine">The doctor.</param>
    /// <param name="json">Whether as JSON.</param>
    /// <param name="output">Takes the report.</param>
    /// <param name="error">Takes why there is none.</param>
    /// <returns>A <see cref="DoctorExitCode"/>.</returns>
    public static async Task<int> RunAsync(Func<Task<DoctorReport>> examine, bool json, TextWriter output, TextWriter error)
    {
        DoctorReport report;
        try
        {
            report = await examine().ConfigureAwait(false);
        }
        catch (Exception e) when (e is LinuxException or ControlException)
        {
            // A right, a device or a daemon is missing, and nothing could be looked at.
            await error.WriteLineAsync($"overlayd: {e.Message}").ConfigureAwait(false);
            return DoctorExitCode.Undecided;
        }

        await output.WriteAsync(json ? JsonSerializer.Serialize(report, DoctorJson.Relaxed.DoctorReport) + "\n" : DoctorText.Format(report)).ConfigureAwait(false);
        return report.ExitCode;
    }
}
