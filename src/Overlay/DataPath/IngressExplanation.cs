using Overlay.Encapsulation;
using Overlay.Tables;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>Tells what a decided packet from the underlay went by: the same questions as the path asks, after it has answered them.</summary>
internal static class IngressExplanation
{
    /// <summary>Explains the one packet of a batch.</summary>
    /// <param name="owner">Whose it is.</param>
    /// <param name="datagram">The packet as it came.</param>
    /// <param name="meta">Its meta as it came.</param>
    /// <param name="batch">The batch as the path left it.</param>
    public static Explanation Of(in IngressOwner owner, ReadOnlySpan<byte> datagram, in PacketMeta meta, PacketBatch batch)
    {
        ref readonly PacketMeta decided = ref batch.Meta(0);
        ExplanationBuilder steps = new(decided.Drop);
        if (!AskHeader(steps, owner, datagram, meta, out int length, out EtherType inner, out bool mayLearn) && owner.Tunnel is { } tunnel)
        {
            AskInner(steps, owner, datagram[length..], inner, meta);
            AskLearning(steps, tunnel, datagram[length..], inner, meta, mayLearn);
            if (steps.Reason == DropReason.None)
            {
                steps.Decide(ExplanationSource.Port, $"Its inner {(tunnel.Options.Layer == DeviceLayer.Ethernet ? "frame" : "packet")} of {batch.Length(0)} bytes goes to the device of tunnel '{tunnel.Options.Name}'.");
            }
        }

        bool passes = decided.State == PacketState.Pending;
        return steps.Build(
            owner.Tunnel?.Options.Name,
            passes ? ExplanationVerdict.Delivered : ExplanationVerdict.Dropped,
            passes ? [new ExplainedOutput(PacketOrigin.Received, DropReason.None, batch.Length(0))] : []);
    }

    // Everything up to the tunnel header. Whether it decided.
    private static bool AskHeader(
        ExplanationBuilder steps, in IngressOwner owner, ReadOnlySpan<byte> datagram, in PacketMeta meta, out int length, out EtherType inner, out bool mayLearn)
    {
        length = 0;
        inner = default;
        mayLearn = false;
        bool decided = owner.Facts.IsOverUdp
            ? AskUdpHeader(steps, owner, datagram, out length, out inner, out mayLearn)
            : owner.Facts.IsGre ? AskGreHeader(steps, owner, datagram, meta, out length, out inner, out mayLearn)
            : AskIPInIP(steps, owner, meta, out inner);
        return decided || owner.Tunnel is not { } tunnel || AskRemote(steps, owner, meta.Remote) ||
            owner.Facts.IsGre && AskSequence(steps, tunnel, datagram, meta.Remote);
    }

    private static bool AskUdpHeader(
        ExplanationBuilder steps, in IngressOwner owner, ReadOnlySpan<byte> datagram, out int length, out EtherType inner, out bool mayLearn)
    {
        DropReason reason = ReceivedHeader.Read(owner.Facts.Kind, datagram, out ReceivedHeader header);
        length = header.Length;
        inner = header.Inner;
        mayLearn = false;
        if (reason != DropReason.None)
        {
            steps.Check(reason, ExplanationSource.Packet, BadHeader(owner.Facts, datagram, reason));
            return true;
        }

        steps.Pass(ExplanationSource.Packet, owner.Facts.HasVni
            ? $"A {owner.Facts} header with VNI {header.Vni}, {header.Length} bytes."
            : header.Length > 0 ? $"A {owner.Facts} header of {header.Length} bytes." : "No tunnel header: this encapsulation has none.");
        if (CheckNetwork(steps, owner, DropReason.UnknownVni, owner.Facts.HasVni ? $"VNI {header.Vni}" : "it"))
        {
            return true;
        }

        // Known by now, or the verdict would be that it is not.
        if (owner.Tunnel is not { } tunnel)
        {
            steps.Disagree();
            return true;
        }

        mayLearn = tunnel.MayLearn(header.Word);
        return AskReservedBits(steps, tunnel, header.Word) ||
            steps.Check(DropReason.ControlPacket, ExplanationSource.Packet, "The header says that it is a control message, which is never passed on.") ||
            steps.Check(DropReason.UnknownOption, new ExplanationStep(ExplanationSource.Policy, ExplanationOutcome.Decided,
                "A critical Geneve option is not among those that the tunnel has itself.") { Policy = "options", Value = Convert.ToHexString(tunnel.Options.GeneveOptions.Span) }) ||
            steps.Check(DropReason.UnknownProtocol, ExplanationSource.Packet, "The header announces neither Ethernet nor IP.");
    }

    /// <summary>Asks whether a tunnel has the network. Whether that decided.</summary>
    public static bool CheckNetwork(ExplanationBuilder steps, in IngressOwner owner, DropReason unknown, string network)
    {
        string known = owner.Networks.Count == 0 ? "none" : ExplanationText.List(owner.Networks);
        string passed = owner.Tunnel is { } tunnel ? $"It belongs to tunnel '{tunnel.Options.Name}'." : "";
        if (!steps.Check(unknown, ExplanationSource.Networks, $"No tunnel of this endpoint has {network}; there are: {known}.", passed))
        {
            return false;
        }

        steps.Remedy = $"A tunnel with {network} on this endpoint, or one of these from the other end: {known}.";
        return true;
    }

    private static bool AskReservedBits(ExplanationBuilder steps, Tunnel tunnel, ulong word)
    {
        if (!tunnel.Options.Facts.JudgesReservedBits)
        {
            return false;
        }

        ulong bits = (tunnel.Options.GroupPolicyId is null ? word : ReceivedHeader.WithoutGroupPolicy(word)) & ReservedBitsPolicy.ReservedMask;
        if (bits == 0)
        {
            return false;
        }

        ulong tolerated = tunnel.Options.Policy.ReservedBits.Tolerated;
        string value = tolerated == 0 ? "reject" : tolerated == ReservedBitsPolicy.ReservedMask ? "ignore" : $"mask {tolerated:x16}";
        ExplanationStep step = new(ExplanationSource.Policy, ExplanationOutcome.Decided, $"The reserved bits {bits:x16} are set, and the policy rejects them.")
        {
            Policy = "reservedBits",
            Value = value,
        };
        if (!steps.Check(DropReason.ReservedBits, step, $"The reserved bits {bits:x16} are set; the policy tolerates them."))
        {
            return false;
        }

        steps.Remedy = $"\"reservedBits\": {{ \"mask\": \"{bits | tolerated:x16}\" }} in the policy of tunnel '{tunnel.Options.Name}', or the other end without these bits" +
            $"{(ReceivedHeader.HasGroupPolicy(word) ? ": it marks packets with a group, which \"groupPolicyId\" would accept" : "")}.";
        return true;
    }

    private static bool AskGreHeader(
        ExplanationBuilder steps, in IngressOwner owner, ReadOnlySpan<byte> datagram, in PacketMeta meta, out int length, out EtherType inner, out bool mayLearn)
    {
        length = 0;
        inner = default;
        mayLearn = owner.Tunnel?.Options.Learning ?? false;
        if (!GrePacket.TryParse(datagram, out GrePacket packet, out WireError error))
        {
            steps.Check(GreDecapsulation.ToDropReason(error), ExplanationSource.Packet, $"No GRE header that is known here: {ExplanationText.Of(error)}.");
            return true;
        }

        length = packet.HeaderLength;
        inner = owner.Facts.CarriesEthernet ? EtherType.TransparentEthernetBridging : packet.ProtocolType;
        steps.Pass(ExplanationSource.Packet, $"A GRE header of {length} bytes, {(packet.HasKey ? $"key {packet.Key}" : "no key")}, with {ExplanationText.Of(packet.ProtocolType)}.");
        bool mustHaveChecksum = owner.Tunnel?.Options.Gre.Checksum ?? false;
        return steps.Check(DropReason.UnknownProtocol, ExplanationSource.Packet, $"GRE carries {ExplanationText.Of(packet.ProtocolType)}: neither Ethernet nor IP.") ||
            steps.Check(DropReason.NotTunnel, ExplanationSource.Packet, $"GRE carries {ExplanationText.Of(packet.ProtocolType)}, this endpoint is {owner.Facts}.") ||
            (!packet.HasChecksum || meta.Checksum == ChecksumState.Partial || packet.IsChecksumValid) is false &&
                steps.Check(DropReason.BadChecksum, ExplanationSource.Packet, $"The GRE checksum 0x{packet.Checksum:x4} is wrong.") ||
            CheckNetwork(steps, owner, DropReason.UnknownKey, packet.HasKey ? $"key {packet.Key}" : "no key") ||
            mustHaveChecksum && steps.Check(DropReason.BadChecksum, new ExplanationStep(ExplanationSource.Policy, ExplanationOutcome.Decided,
                "It has no GRE checksum, and the tunnel asks for one.") { Policy = "gre.checksum", Value = "true" });
    }

    private static bool AskIPInIP(ExplanationBuilder steps, in IngressOwner owner, in PacketMeta meta, out EtherType inner)
    {
        inner = meta.Protocol == IPProtocol.IPv6 ? EtherType.IPv6 : EtherType.IPv4;
        steps.Pass(ExplanationSource.Packet, $"IP protocol {(int)meta.Protocol}: {ExplanationText.Of(inner)} within IP.");
        return CheckNetwork(steps, owner, DropReason.UnknownVni, "it");
    }

    /// <summary>Asks whether anybody may send packets from there. Whether that decided.</summary>
    public static bool AskRemote(ExplanationBuilder steps, in IngressOwner owner, ValueIPAddress remote)
    {
        Tunnel tunnel = owner.Tunnel!;
        TunnelPolicy policy = tunnel.Options.Policy;
        bool isPermitted = tunnel.Sources.Permits(remote);
        if (steps.Check(DropReason.MartianRemote, Checked("martianRemotes", policy.MartianRemotes, $"It comes from {remote}, where nobody can be, and no table names it as a remote.", remote)))
        {
            return true;
        }

        Tolerates(steps, owner, DropReason.MartianRemote, "martianRemotes", $"It comes from {remote}, where nobody can be; that is only counted.");
        bool knownOnly = policy.Remotes.KnownOnly;
        string value = knownOnly ? "known" : policy.Remotes == RemotePolicy.Any ? "any" : "prefixes";
        ExplanationStep step = new(knownOnly ? ExplanationSource.Remotes : ExplanationSource.Policy, ExplanationOutcome.Decided, knownOnly
            ? $"It comes from {remote}, which no flood remote, fdb entry or route of tunnel '{tunnel.Options.Name}' names ({tunnel.Tables.KnownRemoteCount} remotes are known)."
            : $"It comes from {remote}, which is in none of the permitted prefixes of tunnel '{tunnel.Options.Name}'.")
        {
            Address = remote,
            Policy = "remotes",
            Value = value,
        };
        string passed = isPermitted ? $"It comes from {remote}, a permitted remote (policy {value})."
            : $"It comes from {remote}, which the policy does not permit, but does not refuse either (remoteCheck {Of(policy.RemoteCheck)}).";
        bool isRefused = steps.Check(DropReason.UnknownRemote, step, passed);
        if (isRefused == isPermitted && (isRefused || policy.RemoteCheck == SourceCheck.Enforce))
        {
            steps.Disagree();
        }

        if (isRefused)
        {
            steps.Remedy = knownOnly
                ? $"{remote} in the flood list, an fdb entry or a route of tunnel '{tunnel.Options.Name}', or \"remotes\": [ \"{remote}/{remote.BitLength}\" ] in its policy."
                : $"A prefix that holds {remote} among the \"remotes\" in the policy of tunnel '{tunnel.Options.Name}'.";
        }

        return isRefused;
    }

    // Sources of inner packets. Whether one of them decided.
    private static bool AskSource(ExplanationBuilder steps, in IngressOwner owner, string source, in PacketMeta meta)
    {
        TunnelPolicy policy = owner.Tunnel!.Options.Policy;
        bool isEthernet = owner.Tunnel.Options.Layer == DeviceLayer.Ethernet;
        SourceCheck martians = policy.MartianSources ?? (isEthernet ? SourceCheck.Off : SourceCheck.Count);
        if (steps.Check(DropReason.MartianSource, Checked("martianSources", martians, $"Its inner source {source} is an address where nobody can be.")) ||
            steps.Check(DropReason.ForeignSource, Checked(
                "innerSourceCheck", policy.InnerSourceCheck, $"The tables say that its inner source {source} lives behind another remote than {meta.Remote}.", meta.Remote)))
        {
            return true;
        }

        Tolerates(steps, owner, DropReason.MartianSource, "martianSources", $"Its inner source {source} is an address where nobody can be; that is only counted.");
        Tolerates(steps, owner, DropReason.ForeignSource, "innerSourceCheck", $"The tables say that its inner source {source} lives behind another remote than {meta.Remote}; that is only counted.");
        return false;
    }

    private static ExplanationStep Checked(string policy, SourceCheck check, string text, ValueIPAddress? address = null) =>
        new(ExplanationSource.Policy, ExplanationOutcome.Decided, text) { Address = address, Policy = policy, Value = Of(check) };

    // What the policy would have dropped and did not stands in the books of this one packet. Never decides.
    private static void Tolerates(ExplanationBuilder steps, in IngressOwner owner, DropReason reason, string policy, string text)
    {
        if (owner.Twin!.Ingress.Tolerated(reason) > 0)
        {
            steps.Add(new ExplanationStep(ExplanationSource.Policy, ExplanationOutcome.Passed, text) { Policy = policy, Value = Of(SourceCheck.Count) });
        }
    }

    private static string Of(SourceCheck check) => check.ToString().ToLowerInvariant();

    private static bool AskSequence(ExplanationBuilder steps, Tunnel tunnel, ReadOnlySpan<byte> datagram, ValueIPAddress remote)
    {
        if (!tunnel.Options.Gre.SequenceNumbers || !GrePacket.TryParse(datagram, out GrePacket packet))
        {
            return false;
        }

        string next = tunnel.GreSequence.TryGetNext(remote, out uint number) ? $"{number} comes next from {remote}" : $"nothing has come from {remote} yet";
        ExplanationStep step = new(ExplanationSource.History, ExplanationOutcome.Decided, packet.HasSequenceNumber
            ? $"Its sequence number is {packet.SequenceNumber}, and {next}."
            : "It has no sequence number, and the tunnel asks for one.") { Policy = "gre.sequenceNumbers", Value = "true" };
        return steps.Check(DropReason.OutOfSequence, step, $"Its sequence number is {packet.SequenceNumber}; {next}.");
    }

    private static void AskInner(ExplanationBuilder steps, in IngressOwner owner, ReadOnlySpan<byte> bytes, EtherType inner, in PacketMeta meta)
    {
        TunnelOptions options = owner.Tunnel!.Options;
        if (steps.Check(DropReason.NotEthernet, ExplanationSource.Packet, $"It carries {ExplanationText.Of(inner)}; the device of tunnel '{options.Name}' is a TAP and takes Ethernet frames."))
        {
            return;
        }

        if (inner == EtherType.TransparentEthernetBridging)
        {
            AskFrame(steps, owner, bytes, meta);
            return;
        }

        AskPacket(steps, owner, bytes, inner, meta);
    }

    private static void AskFrame(ExplanationBuilder steps, in IngressOwner owner, ReadOnlySpan<byte> bytes, in PacketMeta meta)
    {
        TunnelOptions options = owner.Tunnel!.Options;
        if (!EthernetFrame.TryParse(bytes, out EthernetFrame frame))
        {
            steps.Check(DropReason.InnerTruncated, ExplanationSource.Packet, $"The inner frame of {bytes.Length} bytes ends before its Ethernet header does.");
            return;
        }

        steps.Pass(ExplanationSource.Packet, $"Ethernet from {frame.Source} to {frame.Destination}, {ExplanationText.Of(frame.EtherType)}{ExplanationText.Tags(frame)}.");
        if (steps.Check(DropReason.InvalidSourceMac, ExplanationSource.Packet, $"{frame.Source} is no host's address to send from.") ||
            steps.Check(DropReason.LocalMac, ExplanationSource.Packet, $"{frame.Source} is the MAC address of the tunnel's own device: an echo, or two ends with one address.") ||
            steps.Check(DropReason.ForeignMac, ExplanationSource.Packet, $"{frame.Destination} is not the MAC address of the tunnel's device, {options.DeviceMac}.") ||
            frame.VlanCount > 0 && steps.Check(DropReason.InnerVlan, ExplanationText.InnerVlan(options.Policy), ExplanationText.InnerVlan(options.Policy).Text))
        {
            if (steps.Reason == DropReason.ForeignMac)
            {
                steps.Remedy = $"{options.DeviceMac} as the \"mac\" of the other end's route to here.";
            }

            return;
        }

        if (options.Layer == DeviceLayer.Ethernet && AskSource(steps, owner, $"{frame.Source}", meta))
        {
            return;
        }

        if (frame.EtherType is EtherType.IPv4 or EtherType.IPv6)
        {
            AskPacket(steps, owner, frame.Payload, frame.EtherType, meta);
            return;
        }

        steps.Check(DropReason.NotIP, ExplanationSource.Packet, $"The frame carries {ExplanationText.Of(frame.EtherType)}; the device of tunnel '{options.Name}' is a TUN and takes IP packets.");
    }

    private static void AskPacket(ExplanationBuilder steps, in IngressOwner owner, ReadOnlySpan<byte> bytes, EtherType announced, in PacketMeta meta)
    {
        TunnelOptions options = owner.Tunnel!.Options;
        if (!InnerIP.TryRead(bytes, out InnerIP inner, out WireError error))
        {
            string text = ExplanationText.NoPacket(bytes, error);
            if (steps.Reason == DropReason.None)
            {
                steps.Pass(ExplanationSource.Packet, $"{text} A bridge passes it as it is.");
                return;
            }

            steps.Check(steps.Reason, ExplanationSource.Packet, text);
            return;
        }

        steps.Pass(ExplanationSource.Packet, $"{ExplanationText.Of(inner)}.");
        if (steps.Check(DropReason.BadVersion, ExplanationSource.Packet, $"It is {(inner.IsIPv4 ? "IPv4" : "IPv6")}, but {ExplanationText.Of(announced)} was announced.") ||
            steps.Check(DropReason.MappedAddress, ExplanationSource.Packet, "One of the inner IPv6 addresses is IPv4-mapped; tables could not tell it from IPv4.") ||
            steps.Check(DropReason.InvalidSource, ExplanationSource.Packet, $"{inner.Source} is no address that a packet on a link may come from.") ||
            options.Layer == DeviceLayer.IP && AskSource(steps, owner, $"{inner.Source}", meta) ||
            steps.Check(DropReason.TtlExpired, ExplanationSource.Packet, $"Its {(inner.IsIPv4 ? "TTL" : "hop limit")} is 0.") ||
            steps.Check(DropReason.Loop, ExplanationSource.Packet, $"It is for {inner.Destination}, the tunnel's other end, and would go back into the tunnel (RFC 2784 §3.1)."))
        {
            return;
        }

        AskCongestion(steps, owner, (Ecn)(meta.TrafficClass & 3), (Ecn)(inner.TrafficClass & 3), options.Policy.Ecn);
    }

    private static void AskCongestion(ExplanationBuilder steps, in IngressOwner owner, Ecn outer, Ecn inner, EcnProfile profile)
    {
        ExplanationStep step = new(ExplanationSource.Policy, ExplanationOutcome.Decided, $"The outer ECN field is {ExplanationText.Of(outer)}, the inner one {ExplanationText.Of(inner)}: no sender that follows the rules comes to this.")
        {
            Policy = "ecn",
            Value = ExplanationText.Of(profile),
        };
        bool changes = EcnTunnel.TryInner(outer, inner, profile, out Ecn after) && after != inner;
        string? passed = owner.Twin!.EcnAlarms > 0 ? $"The outer ECN field is {ExplanationText.Of(outer)}, the inner one {ExplanationText.Of(inner)}: potentially dangerous, and counted (RFC 6040 §4.2)."
            : changes ? $"The outer ECN field {ExplanationText.Of(outer)} makes the inner {ExplanationText.Of(inner)} {ExplanationText.Of(after)}."
            : null;
        steps.Check(DropReason.EcnInvalid, step, passed);
    }

    // Learning lets every packet pass; that it does not happen is why later packets are flooded.
    private static void AskLearning(ExplanationBuilder steps, Tunnel tunnel, ReadOnlySpan<byte> bytes, EtherType inner, in PacketMeta meta, bool mayLearn)
    {
        if (steps.Reason != DropReason.None || tunnel.Options.Layer != DeviceLayer.Ethernet || inner != EtherType.TransparentEthernetBridging ||
            !EthernetFrame.TryParse(bytes, out EthernetFrame frame))
        {
            return;
        }

        ForwardingTable table = tunnel.Tables.Forwarding;
        bool isKnown = table.TryLookup(tunnel.Options.Vni, frame.Source, out FdbEntry entry);
        string text = !mayLearn ? "Its source is not learned: learning is off, or its sender asks not to."
            : !isKnown ? table.Count >= table.MaxEntries
                ? $"Its source {frame.Source} is not learned: the forwarding table is full ({table.MaxEntries} entries)."
                : $"Its source {frame.Source} is learned behind {meta.Remote}."
            : entry.Remote == meta.Remote ? $"Its source {frame.Source} is known behind {meta.Remote} ({ExplanationText.Of(entry.Origin)})."
            : entry.Origin == FdbOrigin.Learned ? $"Its source {frame.Source} moves from {entry.Remote} to {meta.Remote}."
            : $"Its source {frame.Source} stays behind {entry.Remote}: the entry is {ExplanationText.Of(entry.Origin)}, and learning does not change it.";
        steps.Add(new ExplanationStep(ExplanationSource.Forwarding, ExplanationOutcome.Passed, text)
        {
            Mac = frame.Source,
            Forwarding = isKnown ? entry : null,
            Policy = "learning",
            Value = mayLearn ? "true" : "false",
        });
    }

    private static string BadHeader(TunnelFacts facts, ReadOnlySpan<byte> datagram, DropReason reason) => reason switch
    {
        DropReason.Truncated => $"The {datagram.Length} bytes are less than a {facts} header.",
        DropReason.NotIP => $"It begins with version {datagram[0] >> 4}: neither IPv4 nor IPv6.",
        DropReason.BadFlags => $"The first byte, 0x{datagram[0]:x2}, has other flags than a {facts} header here.",
        DropReason.HeaderVersion => $"The first byte, 0x{datagram[0]:x2}, has another version than the {facts} header spoken here.",
        _ => $"A length of the {facts} header does not fit the {datagram.Length} bytes.",
    };
}
