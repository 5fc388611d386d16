using System.CommandLine;
using Overlay.Daemon.Doctor;

namespace Overlay.Daemon.Commands;

/// <summary><c>overlayd doctor mtu</c>: walks the way to an address and says where the MTUs do not fit.</summary>
internal static class DoctorMtuCommand
{
    /// <summary>Makes the command.</summary>
    public static Command Create(Option<bool> json, Option<string> socket, TextWriter output, TextWriter error)
    {
        Option<ValueIPAddress> to = DoctorCommand.ToOption("Who is to be reached, through a tunnel or not");
        Option<string> from = new("--from") { Description = "Where the way begins: a network namespace by name or path, or an interface", HelpName = "NETNS|IFACE" };
        Command command = new("mtu", "Walk the way to an address and say where the MTUs do not fit") { to, from, json, socket };
        command.SetAction((parsed, cancellation) => DoctorCommand.RunAsync(
            () => MtuDoctor.ExamineAsync(parsed.GetValue(to), parsed.GetValue(from), parsed.GetRequiredValue(socket), cancellation), parsed.GetValue(json), output, error));
        return command;
    }
}
