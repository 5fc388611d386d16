using System.CommandLine;
using System.Globalization;
using Overlay.Daemon.Doctor.Underlay;
using Overlay.Wire;

namespace Overlay.Daemon.Commands;

/// <summary><c>overlayd doctor underlay</c>: which property of a tunnel's packets is filtered on the way.</summary>
internal static class DoctorUnderlayCommand
{
    // The range that traceroute has made known; no tunnel's.
    private const ushort DefaultOtherPort = 33_533;

    /// <summary>Makes the command.</summary>
    public static Command Create(Option<bool> json, TextWriter output, TextWriter error)
    {
        Option<ValueIPAddress> to = DoctorCommand.ToOption("The other end of the tunnel, in the underlay; best with 'overlayd doctor respond' running there");
        Option<ValueIPAddress?> from = new("--from")
        {
            Description = "The source address; else that of the route",
            HelpName = "ADDRESS",
            CustomParser = result =>
            {
                if (!ValueIPAddress.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out ValueIPAddress address))
                {
                    result.AddError($"--from is '{result.Tokens[0].Value}'; an IP address such as 192.0.2.1 or 2001:db8::1 is right");
                }

                return address;
            },
        };
        Option<ushort> port = PortOption("--port", "The UDP port of the tunnel", VxlanPacket.DefaultPort);
        Option<ushort> otherPort = PortOption("--other-port", "A UDP port of no tunnel, to compare with", DefaultOtherPort);
        Option<uint> vni = new("--vni") { Description = "The VNI of the tunnel", HelpName = "VNI", DefaultValueFactory = _ => 1 };
        vni.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<uint>() > Vni.MaxValue)
            {
                result.AddError($"--vni is above {Vni.MaxValue}, the largest VNI");
            }
        });
        Command command = new("underlay", "Send packets of many forms and say which of them are filtered: by port, header, checksum, size or protocol")
        {
            to, from, port, otherPort, vni, json,
        };
        command.Validators.Add(result =>
        {
            // Defaults are no results yet.
            ushort tunnelPort = result.GetResult(port)?.GetValueOrDefault<ushort>() ?? VxlanPacket.DefaultPort;
            if ((result.GetResult(otherPort)?.GetValueOrDefault<ushort>() ?? DefaultOtherPort) == tunnelPort)
            {
                result.AddError($"--other-port is {tunnelPort}, the tunnel's port; another is right, to compare with");
            }

            if (result.GetResult(from)?.GetValueOrDefault<ValueIPAddress?>() is { } source && result.GetResult(to)?.GetValueOrDefault<ValueIPAddress>() is { } target &&
                !result.GetResult(to)!.Errors.Any() && source.IsIPv4 != target.IsIPv4)
            {
                result.AddError($"--from is {source} and --to is {target}; both have to be of one version of IP");
            }
        });
        command.SetAction((parsed, _) => DoctorCommand.RunAsync(
            () => Task.Run(() => UnderlayDoctor.Examine(UnderlayTarget.Find(
                parsed.GetValue(to), parsed.GetValue(from), parsed.GetValue(port), parsed.GetValue(otherPort), new Vni(parsed.GetValue(vni))))),
            parsed.GetValue(json), output, error));
        return command;
    }

    private static Option<ushort> PortOption(string name, string description, ushort value)
    {
        Option<ushort> option = new(name) { Description = description, HelpName = "PORT", DefaultValueFactory = _ => value };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<ushort>() == 0)
            {
                result.AddError($"{name} is 0; 1 to {ushort.MaxValue} is right");
            }
        });
        return option;
    }
}
