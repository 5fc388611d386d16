using System.CommandLine;
using System.Runtime.InteropServices;
using Overlay.Daemon.Doctor.Checksums;

namespace Overlay.Daemon.Commands;

/// <summary><c>overlayd doctor checksum</c>: whether a peer's packets have the checksums that they should have.</summary>
internal static class DoctorChecksumCommand
{
    private const double DefaultSeconds = 10;
    private const long DefaultCount = 10_000;

    /// <summary>Makes the command.</summary>
    public static Command Create(Option<bool> json, TextWriter output, TextWriter error)
    {
        Option<ValueIPAddress> to = DoctorCommand.ToOption("The other end of the tunnel, in the underlay: the packets that come from there are looked at");
        Option<string?> link = new("--link") { Description = "The interface of the underlay; else all", HelpName = "IFACE" };
        Option<ushort[]> port = new("--port") { Description = "A UDP port of VXLAN, beside 4789 and 8472; may be given several times", HelpName = "PORT", DefaultValueFactory = _ => [] };
        Option<double> seconds = new("--seconds") { Description = "How long to look", HelpName = "S", DefaultValueFactory = _ => DefaultSeconds };
        Option<long> count = new("--count") { Description = "End after so many packets", HelpName = "N", DefaultValueFactory = _ => DefaultCount };
        seconds.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double>() is not (> 0 and <= 86_400))
            {
                result.AddError("--seconds has to be above 0 and at most 86400");
            }
        });
        count.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<long>() < 1)
            {
                result.AddError("--count has to be 1 or more");
            }
        });
        Command command = new("checksum", "Look at the packets of a peer's tunnel while it is used, and say whether their checksums are right") { to, link, port, seconds, count, json };
        command.SetAction((parsed, _) => RunAsync(
            new ChecksumTarget(
                parsed.GetValue(to), parsed.GetValue(link), parsed.GetValue(port) ?? [], TimeSpan.FromSeconds(parsed.GetValue(seconds)), parsed.GetValue(count)),
            parsed.GetValue(json), output, error));
        return command;
    }

    private static async Task<int> RunAsync(ChecksumTarget target, bool json, TextWriter output, TextWriter error)
    {
        // The first signal ends the look, and what was seen is judged.
        using ShutdownSignals signals = new(Environment.Exit, PosixSignal.SIGINT, PosixSignal.SIGTERM);
        using CancellationTokenSource interrupted = new();
        _ = signals.First.ContinueWith(_ => interrupted.Cancel(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        return await DoctorCommand.RunAsync(() => Task.Run(() => ChecksumDoctor.Examine(target, interrupted.Token)), json, output, error).ConfigureAwait(false);
    }
}
