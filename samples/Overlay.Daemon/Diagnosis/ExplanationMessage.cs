using Overlay.Daemon.DataPlane;
using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Wire;

namespace Overlay.Daemon.Diagnosis;

/// <summary>Writes an explanation down as a message.</summary>
internal static class ExplanationMessage
{
    /// <summary>Writes it.</summary>
    /// <param name="explanation">The explanation.</param>
    /// <param name="tunnel">The tunnel that was asked.</param>
    /// <param name="took">What the packet was taken for.</param>
    /// <param name="endpoint">The endpoint's port.</param>
    public static ExplainedPacket Of(Explanation explanation, TunnelRuntime tunnel, string took, EndpointPort endpoint) => new()
    {
        Took = took,
        Verdict = explanation.Verdict.ToString().ToLowerInvariant(),
        Reason = explanation.Reason == DropReason.None ? null : DropReasons.Label(explanation.Reason),
        Description = explanation.Reason == DropReason.None ? null : DropReasons.Describe(explanation.Reason),
        DecidedBy = Word(explanation.Decision.Source),
        Owner = explanation.Tunnel is null ? "none" : explanation.Tunnel == tunnel.Config.Name ? null : explanation.Tunnel,
        Steps = [.. explanation.Steps.Select(Step)],
        Outputs = [.. explanation.Outputs.Select(output => Copy(output, tunnel, endpoint))],
        Remedy = explanation.Remedy,
        Command = CommandFor(explanation, tunnel),
        Unsettled = !explanation.IsSettled,
    };

    private static ExplainedStep Step(ExplanationStep step) => new()
    {
        Source = Word(step.Source),
        Outcome = step.Outcome == ExplanationOutcome.NotFound ? "not-found" : step.Outcome.ToString().ToLowerInvariant(),
        Text = step.Text,
        Forwarding = step.Forwarding is FdbEntry entry ? new ExplainedEntry(entry.Remote.ToString(), entry.Port, entry.Origin.ToString().ToLowerInvariant()) : null,
        Route = step.Route is RouteRow<RouteEntry> route
            ? new ExplainedRoute($"{route.Prefix}/{route.Length}", route.Value.Remote.ToString(), route.Value.Mac.IsZero ? null : route.Value.Mac.ToString())
            : null,
        Neighbor = step.Neighbor is NeighborRow neighbor ? new ExplainedNeighbor(neighbor.Address.ToString(), neighbor.Mac.ToString()) : null,
        Flood = step.Flood is null ? null : [.. step.Flood.Select(remote => remote.ToString())],
        Policy = step.Policy,
        Value = step.Value,
    };

    private static ExplainedCopy Copy(ExplainedOutput output, TunnelRuntime tunnel, EndpointPort endpoint) => new()
    {
        Origin = output.Origin.ToString().ToLowerInvariant(),
        Length = output.Length,
        Drop = output.Reason == DropReason.None ? null : DropReasons.Label(output.Reason),
        Outer = output.Outer is { } outer ? Outer(outer, tunnel, endpoint) : null,
    };

    private static ExplainedOuter Outer(ExplainedOuterHeader outer, TunnelRuntime tunnel, EndpointPort endpoint) => new()
    {
        Local = outer.Local.ToString(),
        Remote = outer.Remote.ToString(),
        Vni = outer.Vni?.Value,
        // The sockets are fewer than the port numbers of the range.
        SourcePort = outer.SourcePort is ushort port ? endpoint.Udp?.SourcePortOf(outer.FlowHash) ?? port : null,
        DestinationPort = outer.DestinationPort is 0 ? tunnel.Config.Endpoint.Port : outer.DestinationPort,
        Ttl = outer.Ttl,
        Dscp = outer.Dscp,
        Ecn = outer.Ecn switch
        {
            Ecn.NotEct => "not-ect",
            Ecn.Ect0 => "ect0",
            Ecn.Ect1 => "ect1",
            _ => "ce",
        },
        DontFragment = outer.DontFragment,
        FlowLabel = outer.FlowLabel,
        GreKey = outer.GreKey,
        EncapsulationLimit = outer.EncapsulationLimit,
        Length = outer.PacketLength,
    };

    // Only what the tables of a running daemon can be told.
    private static string? CommandFor(Explanation explanation, TunnelRuntime tunnel)
    {
        string name = $"--tunnel {tunnel.Config.Name}";
        ExplanationStep? missed = explanation.Steps.FirstOrDefault(step => step.Outcome == ExplanationOutcome.NotFound && step.Mac is not null);
        return explanation.Reason switch
        {
            DropReason.NoRemote when missed?.Mac is MacAddress mac => $"overlayd fdb add {name} --mac {mac} --remote ADDRESS",
            DropReason.NoRemote => $"overlayd flood add {name} --remote ADDRESS",
            DropReason.NoRoute when explanation.Decision.Address is ValueIPAddress inner =>
                $"overlayd route add {name} --prefix {inner}/{inner.BitLength} --remote ADDRESS{(tunnel.Config.HasInnerEthernet ? " --mac MAC" : "")}",
            DropReason.UnknownRemote when explanation.Decision is { Source: ExplanationSource.Remotes, Address: ValueIPAddress remote } && tunnel.Options.Layer == DeviceLayer.Ethernet =>
                $"overlayd flood add {name} --remote {remote}",
            _ => null,
        };
    }

    private static string Word(ExplanationSource source) =>
        source == ExplanationSource.PathMtu ? "path-mtu" : source.ToString().ToLowerInvariant();
}
