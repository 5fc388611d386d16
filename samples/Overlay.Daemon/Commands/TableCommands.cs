using System.CommandLine;
using System.Globalization;
using Overlay.Daemon.Configuration;
using Overlay.Daemon.Control.Changes;
using Overlay.Daemon.Control.Show;

namespace Overlay.Daemon.Commands;

/// <summary>The commands about tables of a running daemon: <c>show</c>, <c>fdb</c>, <c>neighbor</c>, <c>route</c> and <c>flood</c>.</summary>
/// <param name="output">Standard output.</param>
/// <param name="error">Standard error.</param>
/// <param name="json">The option <c>--json</c>.</param>
/// <param name="socket">The option <c>--socket</c>.</param>
internal sealed class TableCommands(TextWriter output, TextWriter error, Option<bool> json, Option<string> socket)
{
    private readonly Option<string> _tunnel = new("--tunnel") { Description = "The tunnel, by its name in the configuration", HelpName = "NAME", Required = true };
    private readonly Option<string> _mac = new("--mac") { Description = "The MAC address of a station", HelpName = "MAC", Required = true };
    private readonly Option<string> _remote = new("--remote") { Description = "The underlay address of a remote", HelpName = "ADDRESS", Required = true };

    /// <summary>All of them.</summary>
    public IEnumerable<Command> Build() => [Show(), Fdb(), Neighbor(), Route(), Flood()];

    private Command Show()
    {
        Command show = new("show", "Show the tables of a running overlayd");
        foreach (ShowTable table in ShowTable.All)
        {
            Option<string?> tunnel = new("--tunnel") { Description = "Only this tunnel", HelpName = "NAME" };
            Option<long?> vni = Number("--vni", "Only this VNI");
            Option<string?> mac = new("--mac") { Description = "Only this MAC address", HelpName = "MAC" };
            Option<string?> remote = new("--remote") { Description = "Only this remote", HelpName = "ADDRESS" };
            Option<long?> limit = Number("--limit", "At most so many rows");
            Command command = new(table.Name, table.Description) { tunnel, vni, limit, json, socket };
            if (table != ShowTable.Vnis && table != ShowTable.Flood)
            {
                command.Add(mac);
            }

            if (table != ShowTable.Vnis && table != ShowTable.Neighbors)
            {
                command.Add(remote);
            }

            command.SetAction((parsed, cancellation) => ShowCommand.RunAsync(
                parsed.GetRequiredValue(socket),
                table,
                new ShowArguments
                {
                    Tunnel = parsed.GetValue(tunnel),
                    Vni = parsed.GetValue(vni),
                    Mac = command.Options.Contains(mac) ? parsed.GetValue(mac) : null,
                    Remote = command.Options.Contains(remote) ? parsed.GetValue(remote) : null,
                    Limit = parsed.GetValue(limit),
                },
                parsed.GetValue(json), output, error, cancellation));
            show.Add(command);
        }

        return show;
    }

    private Command Fdb()
    {
        Option<long?> port = Number("--port", "The UDP port of the remote, if it is not that of the tunnel");
        Option<long?> remoteVni = Number("--remote-vni", "The VNI that frames go out with, if it is not that of the tunnel");
        Option<string?> from = new("--remote") { Description = "Only entries of this remote", HelpName = "ADDRESS" };
        Option<bool> all = new("--all") { Description = "Also what was added at run time; what is configured stays" };
        Option<string> file = new("--file") { Description = "A list like \"fdb\" of the configuration", HelpName = "FILE", Required = true };
        Command replace = new("replace", "Replace all entries that were added at run time by those of a file, as a whole") { _tunnel, file, socket };
        replace.SetAction((parsed, cancellation) => ChangeCommand.ReplaceAsync(
            parsed.GetRequiredValue(socket), parsed.GetRequiredValue(_tunnel), parsed.GetRequiredValue(file), output, error, cancellation));
        return new Command("fdb", "Change the forwarding table of a running overlayd")
        {
            Change("add", "Have frames to a station go to a remote", "fdb-add", _mac, _remote, port, remoteVni),
            Change("del", "Remove a learned entry, or one that was added", "fdb-del", _mac),
            replace,
            Change("flush", "Remove what was learned", "fdb-flush", from, all),
        };
    }

    private Command Neighbor()
    {
        Option<string> ip = new("--ip") { Description = "The inner address of a station", HelpName = "ADDRESS", Required = true };
        return new Command("neighbor", "Change the neighbor table of a running overlayd")
        {
            Change("add", "Have ARP and neighbor discovery for an address answered", "neighbor-add", ip, _mac),
            Change("del", "Have it answered no more", "neighbor-del", ip),
        };
    }

    private Command Route()
    {
        Option<string> prefix = new("--prefix") { Description = "An inner prefix", HelpName = "PREFIX", Required = true };
        Option<string?> mac = new("--mac") { Description = "The inner destination MAC address, where the tunnel carries Ethernet", HelpName = "MAC" };
        return new Command("route", "Change the routes of a running overlayd")
        {
            Change("add", "Have packets to a prefix go to a remote, or flows to one of several, also by the kernel's routes", "route-add", prefix, RouteRemoteOption.Create(), mac),
            Change("del", "Remove a route that was added", "route-del", prefix),
        };
    }

    private Command Flood() => new("flood", "Change the flood lists of a running overlayd")
    {
        Change("add", "Have a remote get copies of what is flooded", "flood-add", _remote),
        Change("del", "Have it get no more", "flood-del", _remote),
    };

    // Which numbers are right the daemon knows; that it is one is the business of the command line.
    private static Option<long?> Number(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "N",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number))
            {
                return number;
            }

            result.AddError($"{name} is {ConfigNode.Quote(text)}; a whole number is right");
            return null;
        },
    };

    // An option of one name means the same wherever a command has it.
    private ChangeArguments Arguments(ParseResult parsed)
    {
        RouteRemote[]? remotes = Get<RouteRemote[]>("--remote");
        RouteRemote? only = remotes is [{ Mac: null, Weight: null } one] ? one : null;
        return new ChangeArguments
        {
            Tunnel = parsed.GetRequiredValue(_tunnel),
            Mac = Get<string>("--mac"),
            Remote = only?.Remote ?? Get<string>("--remote"),
            Remotes = only is null ? remotes : null,
            Port = Get<long?>("--port"),
            RemoteVni = Get<long?>("--remote-vni"),
            Ip = Get<string>("--ip"),
            Prefix = Get<string>("--prefix"),
            All = Get<bool>("--all"),
        };

        T? Get<T>(string name) => parsed.CommandResult.Command.Options.OfType<Option<T>>().FirstOrDefault(option => option.Name == name) is { } found
            ? parsed.GetValue(found)
            : default;
    }

    private Command Change(string name, string description, string request, params Option[] options)
    {
        Command command = new(name, description) { _tunnel };
        foreach (Option option in options)
        {
            command.Add(option);
        }

        command.Add(socket);
        command.SetAction((parsed, cancellation) => ChangeCommand.RunAsync(parsed.GetRequiredValue(socket), request, Arguments(parsed), output, error, cancellation));
        return command;
    }
}
