using Overlay.Encapsulation;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>Tells what a probe of the path MTU (RFC 8899), or the answer to one, went by.</summary>
internal static class ProbeExplanation
{
    /// <summary>Explains the first packet of a batch.</summary>
    /// <param name="owner">Whose it is.</param>
    /// <param name="network">Which network it names, in words.</param>
    /// <param name="header">What it says.</param>
    /// <param name="length">Bytes of it behind the outer headers.</param>
    /// <param name="meta">Its meta as it came.</param>
    /// <param name="batch">The batch as the path left it, with the answer behind.</param>
    public static Explanation Of(in IngressOwner owner, string network, in PathProbeHeader header, int length, in PacketMeta meta, PacketBatch batch)
    {
        ExplanationBuilder steps = new(batch.Meta(0).Drop);
        List<ExplainedOutput> outputs = [];
        if (!IngressExplanation.CheckNetwork(steps, owner, owner.Facts.IsGre ? DropReason.UnknownKey : DropReason.UnknownVni, network) &&
            owner.Tunnel is { } tunnel && !AskRemote(steps, owner, tunnel, meta.Remote))
        {
            AskProbe(steps, tunnel, header, length, meta.Remote);
            for (int i = 1; i < batch.Count; i++)
            {
                // Its length is that of the message with its envelope, which no inner packet has.
                outputs.Add(new ExplainedOutput(PacketOrigin.Originated, DropReason.None, batch.Length(i))
                {
                    Outer = ExplainedOuterHeader.Of(tunnel.Options, batch.Meta(i), batch.Length(i)) with { PacketLength = OuterLength(tunnel, batch.Length(i)) },
                });
            }
        }

        return steps.Build(
            owner.Tunnel?.Options.Name,
            steps.Reason != DropReason.None ? ExplanationVerdict.Dropped
                : header.Type == PathProbeType.Probe ? ExplanationVerdict.Answered
                : ExplanationVerdict.Consumed,
            outputs);
    }

    private static bool AskRemote(ExplanationBuilder steps, in IngressOwner owner, Tunnel tunnel, ValueIPAddress remote)
    {
        if (steps.Reason != DropReason.UnknownRemote || tunnel.Options.Policy.Remotes != RemotePolicy.Any)
        {
            return IngressExplanation.AskRemote(steps, owner, remote);
        }

        steps.Remedy = $"{remote} in the flood list, an fdb entry or a route of tunnel '{tunnel.Options.Name}'.";
        return steps.Check(DropReason.UnknownRemote, new ExplanationStep(ExplanationSource.Remotes, ExplanationOutcome.Decided,
            $"It comes from {remote}, which no table names: where anybody is let in, probes of those are answered to whom packets are sent.")
        {
            Address = remote,
            Policy = "remotes",
            Value = "any",
        });
    }

    private static void AskProbe(ExplanationBuilder steps, Tunnel tunnel, in PathProbeHeader header, int length, ValueIPAddress remote)
    {
        int actual = OuterLength(tunnel, length);
        string text = (header.Type, steps.Reason) switch
        {
            (PathProbeType.Answer, _) => $"It answers a probe of {header.Size} bytes: so much passes to {remote}, if the probe was this end's.",
            (_, DropReason.BadLength) => $"A probe of the path MTU that says it has {header.Size} bytes, and as it came has {actual}.",
            (_, DropReason.ProbeLimit) => "A probe of the path MTU, and a hundred were answered within this tenth of a second.",
            _ => $"A probe of the path MTU, {actual} bytes long: it is answered, and goes to no device.",
        };
        steps.Add(new ExplanationStep(ExplanationSource.PathMtu, ExplanationOutcome.Decided, text) { Address = remote });
    }

    private static int OuterLength(Tunnel tunnel, int length) => length + PathProbeEnvelope.OuterLength(tunnel.Options.Kind, tunnel.Options.Local.IsIPv4);
}
