using System.Buffers.Binary;
using Overlay.Wire;

namespace Overlay.Daemon.Doctor.Underlay;

/// <summary>Writes probes as whole IP packets, don't fragment set, so that everything in them is what it shall be.</summary>
/// <param name="From">The source.</param>
/// <param name="To">The target.</param>
/// <param name="Port">The tunnel's port.</param>
/// <param name="OtherPort">A port of no tunnel.</param>
/// <param name="Vni">The tunnel's VNI.</param>
/// <param name="Session">See <see cref="ProbeMark"/>.</param>
/// <param name="AnswerPort">See <see cref="ProbeMark"/>.</param>
internal sealed record ProbeWriter(ValueIPAddress From, ValueIPAddress To, ushort Port, ushort OtherPort, Vni Vni, ulong Session, ushort AnswerPort)
{
    /// <summary>Its numbers are in IPv4's identification or IPv6's flow label, which ICMP errors quote.</summary>
    public const ushort Identification = 0xB500;

    private const int UdpChecksumOffset = 6;

    // What no tunnel begins with: VXLAN wants its I flag there, Geneve's next protocol would be nothing, GUE's too.
    private const int PlainPrefix = 8;

    // IEEE 802 local experimental: a peer that takes the inner frame in has nobody to give it to.
    private const ushort ExperimentalEtherType = 0x88B5;

    private static readonly MacAddress InnerSource = MacAddress.Parse("02:00:00:00:00:01");
    private static readonly MacAddress InnerDestination = MacAddress.Parse("02:00:00:00:00:02");

    private int IPHeaderLength => From.IsIPv4 ? IPv4Packet.MinimumHeaderLength : IPv6Packet.HeaderLength;

    /// <summary>Writes a probe.</summary>
    public byte[] Write(Probe probe)
    {
        byte[] payload = Payload(probe);
        byte[] packet = new byte[Math.Max(IPHeaderLength + payload.Length, probe.Length)];
        payload.CopyTo(packet.AsSpan(IPHeaderLength));
        Span<byte> transport = packet.AsSpan(IPHeaderLength);
        (IPProtocol protocol, ushort destination) = Target(probe.Form);
        if (protocol == IPProtocol.Udp)
        {
            WriteUdp(transport, probe, destination);
        }
        else if (protocol == IPProtocol.Icmp)
        {
            IcmpHeader.Echo(reply: false, (ushort)Session, probe.Number).TryWriteMessage(transport, transport[IcmpPacket.HeaderLength..], out _);
        }
        else if (protocol == IPProtocol.IcmpV6)
        {
            IcmpV6Header.Echo(reply: false, (ushort)Session, probe.Number).TryWriteMessage(transport, From, To, transport[IcmpV6Packet.HeaderLength..], out _);
        }

        ushort number = (ushort)(Identification | probe.Number);
        if (From.IsIPv4)
        {
            new IPv4Header(From, To, protocol) { PayloadLength = (ushort)transport.Length, Flags = IPv4Flags.DontFragment, Identification = number }.TryWrite(packet, out _);
        }
        else
        {
            new IPv6Header(From, To, protocol) { PayloadLength = (ushort)transport.Length, FlowLabel = number }.TryWrite(packet, out _);
        }

        return packet;
    }

    /// <summary>The protocol and port of a form.</summary>
    public (IPProtocol Protocol, ushort Port) Target(ProbeForm form) => form switch
    {
        ProbeForm.Echo => (From.IsIPv4 ? IPProtocol.Icmp : IPProtocol.IcmpV6, 0),
        ProbeForm.IPv4InIP => (IPProtocol.IPv4, 0),
        ProbeForm.IPv6InIP => (IPProtocol.IPv6, 0),
        ProbeForm.Gre => (IPProtocol.Gre, 0),
        ProbeForm.Gue => (IPProtocol.Udp, GuePacket.DefaultPort),
        ProbeForm.OtherPort or ProbeForm.OtherPortNoChecksum or ProbeForm.VxlanOtherPort => (IPProtocol.Udp, OtherPort),
        _ => (IPProtocol.Udp, Port),
    };

    private byte[] Payload(Probe probe)
    {
        byte[] mark = new byte[ProbeMark.Length];
        new ProbeMark(Session, probe.Number, AnswerPort).Write(mark);
        switch (probe.Form)
        {
            case ProbeForm.Echo:
                return [.. new byte[IcmpPacket.HeaderLength], .. mark];
            case ProbeForm.OtherPort or ProbeForm.OtherPortNoChecksum or ProbeForm.TunnelPort:
                return [.. new byte[UdpPacket.HeaderLength + PlainPrefix], .. mark];
            case ProbeForm.IPv4InIP:
                return InnerIPv4(mark);
            case ProbeForm.IPv6InIP:
                return InnerIPv6(mark);
            case ProbeForm.Gre:
            {
                byte[] header = new byte[GrePacket.MinimumHeaderLength];
                new GreHeader(EtherType.IPv4).TryWrite(header, out _);
                return [.. header, .. InnerIPv4(mark)];
            }

            case ProbeForm.Gue:
            {
                byte[] header = new byte[GuePacket.MinimumHeaderLength];
                new GueHeader(IPProtocol.IPv4).TryWrite(header, out _);
                return [.. new byte[UdpPacket.HeaderLength], .. header, .. InnerIPv4(mark)];
            }

            default:
            {
                byte[] header = new byte[VxlanPacket.HeaderLength + EthernetFrame.MinimumHeaderLength];
                new VxlanHeader(probe.Form == ProbeForm.VxlanOtherVni ? OtherVni() : Vni).TryWrite(header, out _);
                new EthernetHeader(InnerDestination, InnerSource, (EtherType)ExperimentalEtherType).TryWrite(header.AsSpan(VxlanPacket.HeaderLength), out _);
                return [.. new byte[UdpPacket.HeaderLength], .. header, .. mark];
            }
        }
    }

    private Vni OtherVni() => new(Vni.Value ^ 1);

    // To nobody (RFC 5737, RFC 3849), and with a TTL that lets no router pass it on.
    private static byte[] InnerIPv4(ReadOnlySpan<byte> mark)
    {
        byte[] packet = new byte[IPv4Packet.MinimumHeaderLength + UdpPacket.HeaderLength + mark.Length];
        var source = ValueIPAddress.Parse("203.0.113.1");
        var destination = ValueIPAddress.Parse("203.0.113.2");
        new IPv4Header(source, destination, IPProtocol.Udp) { PayloadLength = (ushort)(UdpPacket.HeaderLength + mark.Length), TimeToLive = 1 }.TryWrite(packet, out _);
        InnerUdp(packet.AsSpan(IPv4Packet.MinimumHeaderLength), mark, source, destination);
        return packet;
    }

    private static byte[] InnerIPv6(ReadOnlySpan<byte> mark)
    {
        byte[] packet = new byte[IPv6Packet.HeaderLength + UdpPacket.HeaderLength + mark.Length];
        var source = ValueIPAddress.Parse("2001:db8::1");
        var destination = ValueIPAddress.Parse("2001:db8::2");
        new IPv6Header(source, destination, IPProtocol.Udp) { PayloadLength = (ushort)(UdpPacket.HeaderLength + mark.Length), HopLimit = 1 }.TryWrite(packet, out _);
        InnerUdp(packet.AsSpan(IPv6Packet.HeaderLength), mark, source, destination);
        return packet;
    }

    private static void InnerUdp(Span<byte> datagram, ReadOnlySpan<byte> mark, ValueIPAddress source, ValueIPAddress destination)
    {
        const ushort Discard = 9;
        mark.CopyTo(datagram[UdpPacket.HeaderLength..]);
        new UdpHeader(Discard, Discard, (ushort)datagram.Length).TryWrite(datagram, out _);
        BinaryPrimitives.WriteUInt16BigEndian(datagram[UdpChecksumOffset..], UdpPacket.ComputeChecksum(datagram, source, destination));
    }

    private void WriteUdp(Span<byte> datagram, Probe probe, ushort destination)
    {
        new UdpHeader(probe.SourcePort, destination, (ushort)datagram.Length).TryWrite(datagram, out _);
        ushort checksum = UdpPacket.ComputeChecksum(datagram, From, To);
        checksum = probe.Form switch
        {
            ProbeForm.OtherPortNoChecksum or ProbeForm.VxlanNoChecksum => 0,
            ProbeForm.VxlanBadChecksum => checksum == 0x5555 ? (ushort)0xAAAA : (ushort)0x5555,
            _ => checksum,
        };
        BinaryPrimitives.WriteUInt16BigEndian(datagram[UdpChecksumOffset..], checksum);
    }
}
