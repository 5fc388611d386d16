using Overlay.Wire;

namespace Overlay.Daemon.Doctor.Underlay;

/// <summary>What an ICMP error says about a probe.</summary>
/// <param name="Number">The probe.</param>
/// <param name="Type">The type of ICMP or ICMPv6.</param>
/// <param name="Code">The code.</param>
/// <param name="Mtu">What fits, with those that say so.</param>
/// <param name="IsIPv4">Whose type it is.</param>
internal readonly record struct IcmpVerdict(byte Number, byte Type, byte Code, int Mtu, bool IsIPv4)
{
    private const byte UnreachableV6 = 1;
    private const byte TooBigV6 = 2;
    private const byte ProblemV6 = 4;
    private const byte ProtocolCode = 2;
    private const byte PortCode = 3;
    private const byte PortCodeV6 = 4;
    private const byte NextHeaderCodeV6 = 1;

    /// <summary>Reads an ICMP message, if it is an error about a probe to this target.</summary>
    public static bool TryRead(UnderlayTarget target, ReadOnlySpan<byte> message, out IcmpVerdict verdict)
    {
        verdict = default;
        ReadOnlySpan<byte> quoted = message[IcmpPacket.HeaderLength..];
        byte number;
        if (target.From.IsIPv4)
        {
            if (!IPv4Packet.TryParseTruncated(quoted, out IPv4Packet packet) || packet.Source != target.From || packet.Destination != target.To
                || (packet.Identification & 0xFF00) != ProbeWriter.Identification || !IcmpPacket.TryParse(message, out IcmpPacket icmp))
            {
                return false;
            }

            number = (byte)packet.Identification;
            verdict = new IcmpVerdict(number, (byte)icmp.Type, icmp.Code, icmp.IsFragmentationNeeded ? icmp.NextHopMtu : 0, true);
            return true;
        }

        if (!IPv6Packet.TryParseTruncated(quoted, out IPv6Packet packet6) || packet6.Source != target.From || packet6.Destination != target.To
            || (packet6.FlowLabel & 0xFF00) != ProbeWriter.Identification || !IcmpV6Packet.TryParse(message, out IcmpV6Packet icmp6) || !icmp6.IsError)
        {
            return false;
        }

        number = (byte)packet6.FlowLabel;
        verdict = new IcmpVerdict(number, (byte)icmp6.Type, icmp6.Code, icmp6.Type == IcmpV6Type.PacketTooBig ? (int)icmp6.NextHopMtu : 0, false);
        return true;
    }

    /// <summary>Notes at a probe what was said about it.</summary>
    /// <param name="probe">The probe.</param>
    /// <param name="from">Who said it.</param>
    /// <param name="target">Whom the probe was for: only the target's own word that nobody is there means that it arrived.</param>
    public void ApplyTo(Probe probe, ValueIPAddress from, ValueIPAddress target)
    {
        if (Mtu > 0)
        {
            probe.ToldMtu = Mtu;
            probe.ToldBy = from;
        }
        else if (from == target && IsNobodyThere)
        {
            probe.IsAnsweredByKernel = true;
            probe.IsPortClosed = (Type, Code) == (IsIPv4 ? ((byte)IcmpType.DestinationUnreachable, PortCode) : (UnreachableV6, PortCodeV6));
        }
        else if (IsProhibition)
        {
            probe.ProhibitedBy = from;
        }
    }

    private bool IsNobodyThere => IsIPv4
        ? Type == (byte)IcmpType.DestinationUnreachable && Code is ProtocolCode or PortCode
        : (Type == UnreachableV6 && Code == PortCodeV6) || (Type == ProblemV6 && Code == NextHeaderCodeV6);

    // Administratively prohibited: network, host, communication (RFC 1812 §5.2.7.1); RFC 4443 §3.1: prohibited, policy, reject route. A "port
    // unreachable" of somebody else is a firewall's, too.
    private bool IsProhibition => IsIPv4
        ? Type == (byte)IcmpType.DestinationUnreachable && Code is 9 or 10 or 13 or PortCode
        : Type == UnreachableV6 && Code is 1 or 5 or 6 or PortCodeV6;
}
