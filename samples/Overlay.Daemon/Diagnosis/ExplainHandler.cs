using System.Text.Json;
using Overlay.Capture;
using Overlay.Daemon.Control;
using Overlay.Daemon.DataPlane;
using Overlay.DataPath;
using Overlay.Linux;
using Overlay.Wire;

namespace Overlay.Daemon.Diagnosis;

/// <summary><c>explain</c>: what a tunnel does with packets, and why.</summary>
/// <param name="tunnels">The tunnels.</param>
internal sealed class ExplainHandler(IReadOnlyList<TunnelRuntime> tunnels) : IControlHandler
{
    /// <inheritdoc/>
    public string Command => ExplainArguments.Command;

    /// <inheritdoc/>
    public async Task AnswerAsync(ControlCall call, CancellationToken cancellation)
    {
        ExplainArguments arguments = call.Arguments(DiagnosisJson.Default.ExplainArguments);
        ExplainResult result = Explain(arguments);
        await call.SendAsync(ControlResponse.Success(JsonSerializer.SerializeToElement(result, DiagnosisJson.Default.ExplainResult))).ConfigureAwait(false);
    }

    /// <summary>Explains the packets of a request.</summary>
    /// <exception cref="ControlRefusedException">The request asks for something that is not there.</exception>
    public ExplainResult Explain(ExplainArguments arguments)
    {
        TunnelRuntime tunnel = DiagnosisTarget.Find(tunnels, arguments.Tunnel);
        ValueIPAddress? from = null;
        if (arguments.From is { } text)
        {
            from = ValueIPAddress.TryParse(text, null, out ValueIPAddress address)
                ? address
                : throw new ControlRefusedException($"\"{text}\" is not an address to come from; 192.0.2.2 is one");
        }

        Func<ExplainPacket, ExplainedPacket> explain = arguments.Direction switch
        {
            DiagnosisTarget.Egress when from is not null => throw new ControlRefusedException("egress has no outer source yet; --from is for ingress"),
            DiagnosisTarget.Egress => packet => ExplainEgress(tunnel, packet),
            DiagnosisTarget.Ingress => packet => ExplainIngress(tunnel, packet, from),
            _ => throw new ControlRefusedException($"\"{arguments.Direction}\" is no direction; egress and ingress are"),
        };
        return new ExplainResult { Tunnel = arguments.Tunnel, Direction = arguments.Direction, Packets = [.. arguments.Packets.Select(explain)] };
    }

    private static ExplainedPacket ExplainEgress(TunnelRuntime tunnel, ExplainPacket packet)
    {
        ReadOnlySpan<byte> bytes = packet.Bytes;
        bool isTap = tunnel.Options.Layer == DeviceLayer.Ethernet;
        string took = isTap ? $"an Ethernet frame from the device {tunnel.Config.Device.Name}" : $"an IP packet from the device {tunnel.Config.Device.Name}";
        LinkType? type = (LinkType?)packet.LinkType;
        if (isTap && type is not (null or LinkType.Ethernet))
        {
            return new ExplainedPacket { Took = took, Error = $"the device is a TAP and hands over Ethernet frames, not packets of link type {packet.LinkType}" };
        }

        if (!isTap && type is not null)
        {
            if (!OuterPacket.TryFindIP(bytes, type, out bytes, out string found))
            {
                return new ExplainedPacket { Took = found, Error = "there is no IP packet in it, and the device is a TUN" };
            }

            took = type == LinkType.Ethernet ? $"the IP packet in {found}" : found;
        }

        if (bytes.Length > PacketBatch.MaxPacketLength)
        {
            return new ExplainedPacket { Took = took, Error = $"it has {bytes.Length} bytes; {PacketBatch.MaxPacketLength} are possible" };
        }

        TunnelPaths paths = tunnel.Paths[0];
        Explanation explanation = paths.Egress.Explain(bytes, PollWaiter.Clock);
        return ExplanationMessage.Of(CheckLink(explanation, paths.Endpoint), tunnel, took, paths.Endpoint);
    }

    // The path has nothing to say about the link; the port drops what exceeds it.
    private static Explanation CheckLink(Explanation explanation, EndpointPort endpoint)
    {
        int mtu = endpoint.Port.Mtu;
        if (explanation.Verdict is not (ExplanationVerdict.Forwarded or ExplanationVerdict.Flooded) ||
            explanation.Outputs.All(output => output.Outer is null || output.Outer.PacketLength <= mtu))
        {
            return explanation;
        }

        int length = explanation.Outputs.Max(output => output.Outer?.PacketLength ?? 0);
        ExplanationStep step = new(ExplanationSource.Port, ExplanationOutcome.Decided,
            $"The outer packet has {length} bytes, and the link under {endpoint.Port.Name} carries {mtu}; outer packets are not fragmented. A superpacket (TSO) would be cut instead.");
        return explanation with
        {
            Verdict = ExplanationVerdict.Dropped,
            Reason = DropReason.TooBig,
            Steps = [.. explanation.Steps.Select(passed => passed with { Outcome = passed.Outcome == ExplanationOutcome.Decided ? ExplanationOutcome.Passed : passed.Outcome }), step],
            Outputs = [],
            Remedy = $"A packet that is {length - mtu} bytes shorter, or an MTU of {length} on that link; \"mtu\": \"auto\" makes the device's MTU the right one.",
        };
    }

    private static ExplainedPacket ExplainIngress(TunnelRuntime tunnel, ExplainPacket packet, ValueIPAddress? from)
    {
        TunnelPaths paths = tunnel.Paths[0];
        byte[] datagram = packet.Bytes;
        LinkType? type = (LinkType?)packet.LinkType;
        PacketMeta meta = default;
        string took;
        if (from is ValueIPAddress remote && type is null or LinkType.User0)
        {
            if (from is null)
            {
                return new ExplainedPacket { Took = "a packet without outer headers", Error = "--from ADDRESS says where it comes from" };
            }

            meta.Remote = from.Value;
            meta.Local = tunnel.Config.Local;
            meta.Protocol = tunnel.Config.Facts.IsOverUdp ? IPProtocol.Udp
                : tunnel.Config.Facts.IsGre ? IPProtocol.Gre
                : datagram.Length > 0 && datagram[0] >> 4 == 6 ? IPProtocol.IPv6 : IPProtocol.IPv4;
            took = $"what stands behind the outer headers, from {from}";
        }
        else
        {
            if (!OuterPacket.TryFindIP(datagram, type, out ReadOnlySpan<byte> ip, out took))
            {
                return new ExplainedPacket { Took = took, Error = "there is no outer IP packet in it; with --from ADDRESS the bytes are taken for what stands behind the outer headers" };
            }

            took = $"{took}, with its outer headers";
            if (OuterPacket.Read(ip, tunnel.Config.Endpoint, out Explanation? refusal) is not { } outer)
            {
                return ExplanationMessage.Of(refusal!, tunnel, took, paths.Endpoint);
            }

            datagram = outer.Payload;
            meta = outer.Meta;
        }

        return datagram.Length > PacketBatch.MaxPacketLength
            ? new ExplainedPacket { Took = took, Error = $"it has {datagram.Length} bytes; {PacketBatch.MaxPacketLength} are possible" }
            : ExplanationMessage.Of(paths.Ingress.Explain(datagram, meta, PollWaiter.Clock), tunnel, took, paths.Endpoint);
    }
}
