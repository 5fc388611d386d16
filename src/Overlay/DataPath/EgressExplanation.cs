using Overlay.Encapsulation;
using Overlay.Tables;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>Tells what a decided packet from the device went by: the same questions as the path asks, after it has answered them.</summary>
internal static class EgressExplanation
{
    /// <summary>Explains the first packet of a batch.</summary>
    /// <param name="tunnel">The tunnel.</param>
    /// <param name="books">Those of this one packet.</param>
    /// <param name="packet">The packet as it came.</param>
    /// <param name="batch">The batch as the path left it.</param>
    /// <param name="device">The device's output: where answers go.</param>
    public static Explanation Of(Tunnel tunnel, DirectionCounters books, ReadOnlySpan<byte> packet, PacketBatch batch, int device)
    {
        List<ExplainedOutput> outputs = [];
        DropReason reason = batch.Meta(0).Drop;
        bool anyPasses = false;
        for (int i = 0; i < batch.Count; i++)
        {
            ref readonly PacketMeta meta = ref batch.Meta(i);
            bool passes = meta.State == PacketState.Pending;
            anyPasses |= passes;
            reason = reason == DropReason.None ? meta.Drop : reason;
            // What came in and went nowhere is no output, but for a copy that was refused beside others.
            if (passes || batch.Count > 1 && meta.State == PacketState.Dropped)
            {
                outputs.Add(new ExplainedOutput(meta.Origin, meta.Drop, batch.Length(i))
                {
                    Outer = passes && meta.Output != device ? ExplainedOuterHeader.Of(tunnel.Options, meta, batch.Length(i)) : null,
                });
            }
        }

        // Copies for which the batch has no descriptor stand in the books alone.
        reason = reason == DropReason.None && books.Drops(DropReason.QueueFull) > 0 ? DropReason.QueueFull : reason;
        ExplanationBuilder steps = new(reason);
        bool isConsumed = batch.Meta(0).State == PacketState.Consumed;
        bool isFlooded = tunnel.Options.Layer == DeviceLayer.Ethernet
            ? AskFrame(steps, tunnel, packet, batch.Data(0), isConsumed, batch.Meta(0))
            : AskPacket(steps, tunnel, packet, batch.Meta(0));
        ExplanationVerdict verdict = isConsumed ? ExplanationVerdict.Answered
            : !anyPasses || batch.Meta(0).State == PacketState.Dropped && !isFlooded ? ExplanationVerdict.Dropped
            : isFlooded ? ExplanationVerdict.Flooded
            : ExplanationVerdict.Forwarded;
        return steps.Build(tunnel.Options.Name, verdict, outputs);
    }

    // Whether the flood list was asked.
    private static bool AskFrame(ExplanationBuilder steps, Tunnel tunnel, ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> left, bool isConsumed, in PacketMeta decided)
    {
        if (!EthernetFrame.TryParse(bytes, out EthernetFrame frame))
        {
            steps.Check(DropReason.Truncated, ExplanationSource.Packet, $"The frame of {bytes.Length} bytes ends before its Ethernet header does.");
            return false;
        }

        TunnelOptions options = tunnel.Options;
        steps.Pass(ExplanationSource.Packet, $"Ethernet from {frame.Source} to {frame.Destination}, {ExplanationText.Of(frame.EtherType)}{ExplanationText.Tags(frame)}.");
        if (frame.VlanCount > 0 && steps.Check(DropReason.InnerVlan, ExplanationText.InnerVlan(options.Policy), ExplanationText.InnerVlan(options.Policy).Text))
        {
            steps.Remedy = $"An untagged frame, or \"innerVlan\": \"keep\" (or \"strip\") in the policy of tunnel '{options.Name}'.";
            return false;
        }

        // The path looks at it without the tags that it takes off.
        if (frame.VlanCount == 0 || !EthernetFrame.TryParse(left, out EthernetFrame untagged))
        {
            untagged = frame;
        }

        AskNeighbors(steps, tunnel, untagged, decided.Checksum, isConsumed);
        if (isConsumed || steps.IsDecided)
        {
            return false;
        }

        if (!frame.Destination.IsMulticast && tunnel.Tables.Forwarding.TryLookup(options.Vni, frame.Destination, out FdbEntry entry))
        {
            AskEntry(steps, tunnel, frame, entry, decided);
            return false;
        }

        steps.Add(new ExplanationStep(ExplanationSource.Forwarding, frame.Destination.IsMulticast ? ExplanationOutcome.Passed : ExplanationOutcome.NotFound,
            frame.Destination.IsMulticast
                ? $"{frame.Destination} is a group address: the forwarding table is not asked."
                : $"The forwarding table has no entry for {frame.Destination}{ExplanationText.In(options)} among {tunnel.Tables.Forwarding.Count}.")
        {
            Mac = frame.Destination.IsMulticast ? null : frame.Destination,
        });
        AskFlood(steps, tunnel, frame, decided);
        return true;
    }

    private static void AskEntry(ExplanationBuilder steps, Tunnel tunnel, in EthernetFrame frame, FdbEntry entry, in PacketMeta decided)
    {
        string text = $"The {ExplanationText.Of(entry.Origin)} entry of {frame.Destination}{ExplanationText.In(tunnel.Options)} names the remote {entry.Remote}" +
            $"{(entry.Port == 0 ? "" : $", port {entry.Port}")}{(entry.Vni is Vni other ? $", VNI {other}" : "")}.";
        ExplanationStep found = new(ExplanationSource.Forwarding, ExplanationOutcome.Passed, text) { Mac = frame.Destination, Forwarding = entry };
        if (steps.Reason == DropReason.None)
        {
            steps.Add(found with { Outcome = ExplanationOutcome.Decided });
            if (decided.Remote != entry.Remote || decided.Vni != (entry.Vni ?? tunnel.Options.Vni))
            {
                steps.Disagree();
            }

            return;
        }

        steps.Add(found);
        CheckLoop(steps, tunnel, entry.Remote);
        CheckPathMtu(steps, tunnel, decided);
        if (steps.Reason == DropReason.NoRemote)
        {
            steps.Disagree();
        }
    }

    private static void AskFlood(ExplanationBuilder steps, Tunnel tunnel, in EthernetFrame frame, in PacketMeta decided)
    {
        TunnelOptions options = tunnel.Options;
        ValueIPAddress[] remotes = [.. tunnel.Tables.Flood[options.Vni]];
        ExplanationStep list = new(ExplanationSource.Flood, ExplanationOutcome.Passed, remotes.Length == 0
            ? $"Nobody is in the flood list{ExplanationText.In(options)}."
            : $"The flood list{ExplanationText.In(options)} names {ExplanationText.List(remotes)}.") { Flood = remotes };
        if (steps.Check(DropReason.NoRemote, list))
        {
            if (remotes.Length > 0)
            {
                steps.Disagree();
            }

            steps.Remedy = frame.Destination.IsMulticast
                ? $"A remote in the flood list of tunnel '{options.Name}': only those get broadcast and multicast."
                : $"A forwarding entry for {frame.Destination} in tunnel '{options.Name}', or a remote in its flood list.";
            return;
        }

        if (steps.Reason == DropReason.None || steps.Reason == DropReason.QueueFull)
        {
            steps.Add(list with { Outcome = ExplanationOutcome.Decided });
            if (!remotes.Contains(decided.Remote))
            {
                steps.Disagree();
            }

            return;
        }

        steps.Add(list);
        CheckPathMtu(steps, tunnel, decided);
        AskFloodLimits(steps, options.Policy.FloodLimits);
        if (InnerIP.TryRead(frame.Payload, out InnerIP inner, out _))
        {
            CheckLoop(steps, tunnel, inner.Destination);
        }
    }

    private static void AskFloodLimits(ExplanationBuilder steps, FloodLimits limits)
    {
        (string name, FloodLimit? limit) = steps.Reason switch
        {
            DropReason.BroadcastLimit => ("broadcast", limits.Broadcast),
            DropReason.UnknownUnicastLimit => ("unknownUnicast", limits.UnknownUnicast),
            DropReason.MulticastLimit => ("multicast", limits.Multicast),
            _ => ("", null),
        };
        if (limit is FloodLimit bucket)
        {
            steps.Check(steps.Reason, new ExplanationStep(ExplanationSource.History, ExplanationOutcome.Decided,
                $"More was flooded just now than the limit lets through: {bucket.PacketsPerSecond} in a second, {bucket.Burst} at once.")
            {
                Policy = $"floodLimit.{name}",
                Value = $"{bucket.PacketsPerSecond}, burst {bucket.Burst}",
            });
        }
    }

    private static void AskNeighbors(ExplanationBuilder steps, Tunnel tunnel, in EthernetFrame frame, ChecksumState checksum, bool isConsumed)
    {
        if (!tunnel.Options.NeighborSuppression || !NeighborMessage.TryRead(frame, checksum, out NeighborMessage message))
        {
            return;
        }

        if (message.Kind == NeighborMessageKind.Statement)
        {
            if (frame.Destination.IsMulticast)
            {
                AskAnnouncement(steps, tunnel.Options, message);
            }

            return;
        }

        ValueIPAddress asked = message.Address;
        if (!tunnel.Tables.Neighbors.TryGet(tunnel.Options.Vni, asked, out NeighborEntry entry))
        {
            steps.Add(new ExplanationStep(ExplanationSource.Neighbors, ExplanationOutcome.NotFound, $"Asked for {asked}; the neighbour table does not know it.") { Address = asked });
            if (isConsumed)
            {
                steps.Disagree();
            }

            return;
        }

        MacAddress mac = entry.Mac;
        NeighborRow row = new(tunnel.Options.Vni, asked, entry);
        bool isForwarded = tunnel.Tables.Forwarding.TryLookup(tunnel.Options.Vni, mac, out int _);
        steps.Add(isConsumed
            ? new ExplanationStep(ExplanationSource.Neighbors, ExplanationOutcome.Decided, $"Asked for {asked}; the neighbour table knows {mac}, and the answer is made here.") { Address = asked, Neighbor = row }
            : new ExplanationStep(
                ExplanationSource.Neighbors,
                ExplanationOutcome.Passed,
                isForwarded
                    ? $"Asked for {asked}; the neighbour table knows {mac}, but this question only its owner may answer."
                    : $"Asked for {asked}; the neighbour table knows {mac}, but the forwarding table does not know where that is, so it is not answered here.")
            {
                Address = asked,
                Neighbor = row,
            });
    }

    private static void AskAnnouncement(ExplanationBuilder steps, TunnelOptions options, in NeighborMessage message)
    {
        if (options.AnnouncementHold == 0)
        {
            return;
        }

        steps.Check(
            DropReason.RepeatedAnnouncement,
            new ExplanationStep(ExplanationSource.History, ExplanationOutcome.Decided,
                $"That {message.Address} is at {message.Mac} was announced, and flooded, less than {options.AnnouncementHold / 1_000.0:0.###} s ago.")
            {
                Address = message.Address,
                Mac = message.Mac,
                Policy = "announcementHoldSeconds",
                Value = $"{options.AnnouncementHold / 1_000.0:0.###}",
            },
            passed: $"That {message.Address} is at {message.Mac} was not announced within the last {options.AnnouncementHold / 1_000.0:0.###} s.");
    }

    private static bool AskPacket(ExplanationBuilder steps, Tunnel tunnel, ReadOnlySpan<byte> bytes, in PacketMeta decided)
    {
        TunnelOptions options = tunnel.Options;
        if (!InnerIP.TryRead(bytes, out InnerIP inner, out WireError error))
        {
            steps.Decide(ExplanationSource.Packet, ExplanationText.NoPacket(bytes, error));
            return false;
        }

        steps.Pass(ExplanationSource.Packet, $"{ExplanationText.Of(inner)}.");
        if (steps.Check(DropReason.MappedAddress, ExplanationSource.Packet, "One of the IPv6 addresses is IPv4-mapped; tables could not tell it from IPv4.") ||
            steps.Check(DropReason.TtlExpired, ExplanationSource.Packet, $"Its {(inner.IsIPv4 ? "TTL" : "hop limit")} is 0."))
        {
            return false;
        }

        if (!RouteSearch.TryFind(tunnel.Tables, inner.Destination, FlowHash.ComputeIP(bytes, options.FlowHashSeed), out RouteRow<RouteEntry> row))
        {
            ExplanationStep none = new(ExplanationSource.Routes, ExplanationOutcome.NotFound, $"No route of the tunnel holds {inner.Destination}.") { Address = inner.Destination };
            if (steps.Check(DropReason.NoRoute, none))
            {
                steps.Remedy = $"A route of tunnel '{options.Name}' that holds {inner.Destination}, such as {inner.Destination}/{inner.Destination.BitLength}.";
                return false;
            }

            steps.Add(none);
            steps.Check(DropReason.Loop, ExplanationSource.Remotes, $"It is an outer packet of this end, {options.Local}, to the remote {inner.Destination}: the kernel's route to the remote leads into the tunnel.");
            if (steps.Reason == DropReason.None)
            {
                steps.Disagree();
            }

            return false;
        }

        ExplanationStep found = new(ExplanationSource.Routes, ExplanationOutcome.Passed,
            $"The route {row.Prefix}/{row.Length} holds {inner.Destination} and names the remote {row.Value.Remote}{(options.HasInnerEthernet ? $", MAC {row.Value.Mac}" : "")}.") { Address = inner.Destination, Route = row };
        if (steps.Reason == DropReason.None)
        {
            steps.Add(found with { Outcome = ExplanationOutcome.Decided });
            if (decided.Remote != row.Value.Remote)
            {
                steps.Disagree();
            }

            return false;
        }

        steps.Add(found);
        if (steps.Reason == DropReason.Loop && options.Kind == TunnelKind.IPInIP && inner.Source == row.Value.Remote)
        {
            steps.Decide(ExplanationSource.Packet, $"It comes from {inner.Source}, the tunnel's other end, and would go back to it (RFC 2003 §3.2).");
            return false;
        }

        CheckLoop(steps, tunnel, row.Value.Remote);
        CheckPathMtu(steps, tunnel, decided);
        steps.Check(DropReason.EncapsulationLimit, new ExplanationStep(ExplanationSource.Packet, ExplanationOutcome.Decided,
            "Its tunnel encapsulation limit is 0: it may enter no further tunnel (RFC 2473 §4.1.1).") { Policy = "encapsulationLimit", Value = options.Policy.EncapsulationLimit?.ToString() ?? "none" });
        if (steps.Reason == DropReason.NoRoute)
        {
            steps.Disagree();
        }

        return false;
    }

    private static void CheckPathMtu(ExplanationBuilder steps, Tunnel tunnel, in PacketMeta decided)
    {
        if (steps.Reason != DropReason.TooBig)
        {
            return;
        }

        int headers = tunnel.Options.OuterLength + (decided.EncapsulationLimit is null ? 0 : IPInIPEncapsulator.EncapsulationLimitLength);
        PathMtu path = tunnel.PathMtus.TryGetRow(decided.Remote, out PathMtuRow row) ? row.Path : new PathMtu(tunnel.PathMtus.Default, PathMtuSource.Default, 0);
        string source = path.Source switch
        {
            PathMtuSource.Configuration => "the configuration says",
            PathMtuSource.Route => "the route says",
            PathMtuSource.Icmp => "a router on the way said by ICMP",
            PathMtuSource.Probe => "probing found",
            _ => "the link towards the remotes has",
        };
        steps.Check(DropReason.TooBig, new ExplanationStep(ExplanationSource.PathMtu, ExplanationOutcome.Decided,
            $"The path to {decided.Remote} takes {path.Mtu} bytes, as {source}; {headers} of them are outer headers, and the packet is longer than the rest.") { Address = decided.Remote });
        if (tunnel.Options.Layer == DeviceLayer.Ethernet && tunnel.Options.Fragment == FragmentPolicy.Drop)
        {
            steps.Remedy = $"Smaller packets: a sender of IPv4 with DF or of IPv6 is told by ICMP; for IPv4 without DF, \"fragment\": \"inner\" in the policy of tunnel '{tunnel.Options.Name}'.";
        }
    }

    private static void CheckLoop(ExplanationBuilder steps, Tunnel tunnel, ValueIPAddress remote)
    {
        if (steps.Check(DropReason.Loop, ExplanationSource.Packet,
            $"It is an outer packet of this end itself, from {tunnel.Options.Local} to {remote}: a route leads the endpoint into its own tunnel."))
        {
            steps.Remedy = $"A route of the kernel's to {remote} that does not lead into the device of tunnel '{tunnel.Options.Name}'; 'ip route get {remote}' shows it.";
        }
    }
}
