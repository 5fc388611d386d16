using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Overlay.Daemon.Configuration;
using Overlay.Daemon.Control.Changes;

namespace Overlay.Daemon.Commands;

/// <summary>The option <c>--remote</c> of a route: <c>192.0.2.2</c>, or, once for each of several, <c>192.0.2.2,weight=2,mac=02:00:00:00:00:02</c>.</summary>
internal static class RouteRemoteOption
{
    private const string Right = "ADDRESS[,weight=N][,mac=MAC]";

    /// <summary>Makes it.</summary>
    public static Option<RouteRemote[]> Create() => new("--remote")
    {
        Description = "The underlay address of a remote; once for each of several that share the flows",
        HelpName = Right,
        Required = true,
        Arity = ArgumentArity.OneOrMore,
        CustomParser = Read,
    };

    private static RouteRemote[] Read(ArgumentResult result)
    {
        List<RouteRemote> remotes = [];
        foreach (Token token in result.Tokens)
        {
            if (Read(token.Value) is RouteRemote remote)
            {
                remotes.Add(remote);
            }
            else
            {
                result.AddError($"--remote is {ConfigNode.Quote(token.Value)}; {Right} is right");
            }
        }

        return [.. remotes];
    }

    // What addresses and weights are right the daemon knows.
    private static RouteRemote? Read(string text)
    {
        string[] parts = text.Split(',');
        RouteRemote remote = new() { Remote = parts[0] };
        foreach (string part in parts[1..])
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            string value = part[(equals + 1)..];
            switch (part[..Math.Max(equals, 0)])
            {
                case "mac" when remote.Mac is null:
                    remote = remote with { Mac = value };
                    break;
                case "weight" when remote.Weight is null && long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long weight):
                    remote = remote with { Weight = weight };
                    break;
                default:
                    return null;
            }
        }

        return remote;
    }
}
