using System.Globalization;
using Overlay.Encapsulation;
using Overlay.Wire;

namespace Overlay.Tests.Documentation;

/// <summary>
/// The examples of docs/formats.md: each method body stands there word by word, and what it prints stands behind it. <see cref="FormatTests"/> holds
/// both to it.
/// </summary>
internal sealed class FormatExamples
{
    public static readonly ValueIPAddress Local = ValueIPAddress.Parse("192.0.2.1");
    public static readonly ValueIPAddress Remote = ValueIPAddress.Parse("192.0.2.2");
    public static readonly ValueIPAddress LocalIPv6 = ValueIPAddress.Parse("2001:db8::1");
    public static readonly ValueIPAddress RemoteIPv6 = ValueIPAddress.Parse("2001:db8::2");

    // An ARP request.
    public static readonly byte[] Frame = Convert.FromHexString(
        "FFFFFFFFFFFF" + "020000000001" + "0806" +
        "0001080006040001" + "020000000001" + "0A000001" + "000000000000" + "0A000002");

    // One byte over UDP from 10.0.0.1 to 10.1.0.1, and from fd00::1 to fd00:1::1.
    public static readonly byte[] PacketIPv4 = Convert.FromHexString(
        "4500001D00014000401126CD0A0000010A010001" + "000100020009" + "73D6" + "78");
    public static readonly byte[] PacketIPv6 = Convert.FromHexString(
        "6000000000091140" + "FD000000000000000000000000000001" + "FD000001000000000000000000000001" + "000100020009" + "8DD4" + "78");

    // In front of the console's, so that a test sees what its example prints, and nothing else.
    private StringWriter Console { get; } = new(CultureInfo.InvariantCulture) { NewLine = "\n" };

    /// <summary>Runs the example of a section.</summary>
    /// <returns>The name of its method, and what it printed.</returns>
    public static (string Method, string Output) Run(string section)
    {
        FormatExamples examples = new();
        Action example = section switch
        {
            "vxlan" => examples.Vxlan,
            "vxlan with a group policy" => examples.GroupPolicy,
            "vxlan-gpe" => examples.VxlanGpe,
            "geneve" => examples.Geneve,
            "gre" => examples.Gre,
            "nvgre, recognised" => examples.Nvgre,
            "gretap" => examples.Gretap,
            "ipip" => examples.IPInIP,
            "gue" => examples.Gue,
            "fou" => examples.Fou,
            "udp" => examples.IPInUdp,
            _ => throw new ArgumentOutOfRangeException(nameof(section), section, "No example has this section."),
        };
        example();
        return (example.Method.Name, examples.Console.ToString());
    }

    private void Vxlan()
    {
        // The header alone: a value writes it, a view reads it.
        byte[] header = new byte[VxlanPacket.HeaderLength];
        new VxlanHeader(new Vni(42)).TryWrite(header, out _);
        if (VxlanPacket.TryParse(header, out VxlanPacket view, out WireError error))
        {
            Console.WriteLine($"{Convert.ToHexStringLower(header)}: {view.Flags}, VNI {view.Vni}, {error}");
        }

        // A frame behind all outer headers, and out of them.
        VxlanEncapsulator tunnel = new(Local, Remote);
        byte[] packet = new byte[tunnel.Overhead + Frame.Length];
        Console.WriteLine(tunnel.Encapsulate(Frame, new Vni(42), packet, out int length));
        if (Decapsulator.TryDecapsulate(packet, TunnelKind.Vxlan, VxlanPacket.DefaultPort, out Decapsulated inner, out DropReason reason))
        {
            Console.WriteLine($"{length} bytes from {inner.Remote}, VNI {inner.Vni}, frame {inner.Payload.SequenceEqual(Frame)}, {reason}");
        }
    }

    private void GroupPolicy()
    {
        TunnelHeader header = TunnelHeader.Create(TunnelKind.Vxlan, carriesEthernet: true, groupPolicyId: 300);
        UdpEncapsulator tunnel = new(Local, Remote, header);
        byte[] packet = new byte[tunnel.Overhead + Frame.Length];
        Console.WriteLine(tunnel.Encapsulate(Frame, new Vni(42), packet, out _));
        if (Decapsulator.TryDecapsulate(packet, TunnelKind.Vxlan, tunnel.DestinationPort, out Decapsulated inner, out _))
        {
            Console.WriteLine($"{inner.Header:x16}: VNI {inner.Vni}, group {inner.GroupPolicyId}");
        }

        // The D and A flags belong to the header as a value.
        byte[] bytes = new byte[VxlanPacket.HeaderLength];
        new VxlanHeader(new Vni(42), VxlanFlags.ValidVni | VxlanFlags.GroupPolicy)
        {
            GroupPolicyFlags = VxlanGroupPolicyFlags.DontLearn,
            GroupPolicyId = 300,
        }.TryWrite(bytes, out _);
        if (VxlanPacket.TryParse(bytes, out VxlanPacket view))
        {
            Console.WriteLine($"{view.RawHeader:x16}: {view.GroupPolicyFlags}, group {view.GroupPolicyId}");
        }
    }

    private void VxlanGpe()
    {
        UdpEncapsulator tunnel = new(Local, Remote, TunnelHeader.Create(TunnelKind.VxlanGpe, carriesEthernet: false));
        byte[] packet = new byte[tunnel.Overhead + PacketIPv6.Length];
        Console.WriteLine(tunnel.Encapsulate(PacketIPv6, new Vni(42), packet, out int length));
        if (Decapsulator.TryDecapsulate(packet, TunnelKind.VxlanGpe, VxlanGpePacket.DefaultPort, out Decapsulated inner, out _))
        {
            Console.WriteLine($"{inner.Header:x16}: {length} bytes, {inner.InnerProtocol}, VNI {inner.Vni}");
        }

        // What follows an NSH header is not for this tunnel: the packet library reads it, the decapsulator drops it.
        byte[] header = new byte[VxlanGpePacket.HeaderLength];
        new VxlanGpeHeader(new Vni(42), VxlanGpeNextProtocol.Nsh).TryWrite(header, out _);
        header.CopyTo(packet, tunnel.Overhead - header.Length);
        bool taken = Decapsulator.TryDecapsulate(
            packet, TunnelKind.VxlanGpe, VxlanGpePacket.DefaultPort, DecapsulationOptions.SkipUdpChecksum, out _, out DropReason reason);
        Console.WriteLine($"{taken}: {DropReasons.Label(reason)}");
    }

    private void Geneve()
    {
        // The option of OVN: logical ingress port 1, egress port 2.
        GeneveOptionsBuilder options = new(stackalloc byte[GenevePacket.MaximumOptionsLength]);
        options.TryAdd(0x0102, GeneveOption.CriticalBit | 0, [0, 1, 0, 2]);

        TunnelHeader header = TunnelHeader.Create(TunnelKind.Geneve, carriesEthernet: true, options: options.Written);
        UdpEncapsulator tunnel = new(Local, Remote, header);
        byte[] packet = new byte[tunnel.Overhead + Frame.Length];
        Console.WriteLine(tunnel.Encapsulate(Frame, new Vni(7), packet, out _));

        // Who does not know a critical option must drop the packet; who does says so.
        Decapsulator.TryDecapsulate(packet, TunnelKind.Geneve, GenevePacket.DefaultPort, out _, out DropReason reason);
        Console.WriteLine(DropReasons.Label(reason));
        if (Decapsulator.TryDecapsulate(
                packet, TunnelKind.Geneve, GenevePacket.DefaultPort, DecapsulationOptions.AcceptCriticalOptions, out Decapsulated inner, out _))
        {
            foreach (GeneveOption option in inner.GeneveOptions)
            {
                Console.WriteLine($"VNI {inner.Vni}: class 0x{option.Class:x4}, type 0x{option.Type:x2}, {Convert.ToHexStringLower(option.Data)}");
            }
        }
    }

    private void Gre()
    {
        GreEncapsulator tunnel = new(Local, Remote, new GreEncapsulatorOptions { Key = 7, Checksum = true, SequenceNumbers = true });
        byte[] packet = new byte[tunnel.Overhead + PacketIPv4.Length];
        Console.WriteLine(tunnel.Encapsulate(PacketIPv4, packet, out int length, sequenceNumber: 1));
        if (Decapsulator.TryDecapsulate(packet, TunnelKind.Gre, port: 0, out Decapsulated inner, out _))
        {
            Console.WriteLine($"{length} bytes: {inner.InnerProtocol}, {inner.GreFields}, key {inner.GreKey}, number {inner.GreSequenceNumber}");
        }

        // The checksum covers the inner packet, and is verified wherever there is one.
        packet[^1] ^= 1;
        Decapsulator.TryDecapsulate(packet, TunnelKind.Gre, port: 0, out _, out DropReason reason);
        Console.WriteLine(DropReasons.Label(reason));
    }

    private void Nvgre()
    {
        byte[] packet = new byte[NvgreHeader.Length + Frame.Length];
        new NvgreHeader(new Vni(5000), FlowId: 17).TryWrite(packet, out int headerLength);
        Frame.CopyTo(packet, headerLength);
        if (NvgrePacket.TryParse(packet, out NvgrePacket nvgre))
        {
            Console.WriteLine($"subnet {nvgre.VirtualSubnetId}, flow {nvgre.FlowId}, {nvgre.Payload.Length} bytes");
        }

        // The same bytes are Ethernet over GRE with one key of 32 bits.
        if (GrePacket.TryParse(packet, out GrePacket gre))
        {
            Console.WriteLine($"{gre.ProtocolType}, key 0x{gre.Key:x8}");
        }
    }

    private void Gretap()
    {
        GreEncapsulator tunnel = new(Local, Remote, new GreEncapsulatorOptions { Ethernet = true, Key = 7 });
        byte[] packet = new byte[tunnel.Overhead + Frame.Length];
        Console.WriteLine(tunnel.Encapsulate(Frame, packet, out int length));
        if (Decapsulator.TryDecapsulate(packet, TunnelKind.Gretap, port: 0, out Decapsulated inner, out _))
        {
            Console.WriteLine($"{length} bytes: {inner.InnerProtocol}, key {inner.GreKey}");
        }

        // To a tunnel that carries IP the packet is somebody else's.
        Decapsulator.TryDecapsulate(packet, TunnelKind.Gre, port: 0, out _, out DropReason reason);
        Console.WriteLine(DropReasons.Label(reason));
    }

    private void IPInIP()
    {
        // The family of the ends and that of the inner packet decide: 4in4, 6in4, 4in6, 6in6.
        byte[] packet = new byte[128];
        IPInIPEncapsulator overIPv4 = new(Local, Remote);
        IPInIPEncapsulator overIPv6 = new(LocalIPv6, RemoteIPv6, new IPInIPEncapsulatorOptions { EncapsulationLimit = 4 });
        foreach (IPInIPEncapsulator tunnel in new[] { overIPv4, overIPv6 })
        {
            foreach (byte[] inner in new[] { PacketIPv4, PacketIPv6 })
            {
                tunnel.Encapsulate(inner, packet, out int length);
                if (Decapsulator.TryDecapsulate(packet.AsSpan(0, length), TunnelKind.IPInIP, port: 0, out Decapsulated outer, out _))
                {
                    Console.WriteLine($"protocol {(int)outer.Protocol}: {inner.Length} + {outer.PayloadOffset} bytes from {outer.Remote}");
                }
            }
        }

        // The last one, 6in6, says how many more tunnels it may enter.
        if (IPv6Packet.TryParse(packet, out IPv6Packet ipv6) && ipv6.TryGetEncapsulationLimit(out byte limit, out _))
        {
            Console.WriteLine($"next header {(int)ipv6.NextHeader}, limit {limit}");
        }
    }

    private void Gue()
    {
        UdpEncapsulator tunnel = new(Local, Remote, TunnelHeader.Create(TunnelKind.Gue, carriesEthernet: false));
        byte[] packet = new byte[tunnel.Overhead + PacketIPv4.Length];
        Console.WriteLine(tunnel.Encapsulate(PacketIPv4, default(Vni), packet, out int length));
        if (Decapsulator.TryDecapsulate(packet, TunnelKind.Gue, GuePacket.DefaultPort, out Decapsulated inner, out _))
        {
            Console.WriteLine($"{length} bytes: header of {inner.HeaderLength}, {inner.InnerProtocol}, source port by flow: {inner.SourcePort >= 49_152}");
        }

        // Variant 1 is an IP packet without a header in front.
        if (GuePacket.TryParse(PacketIPv6, out GuePacket gue))
        {
            Console.WriteLine($"variant {gue.Variant}: {gue.Protocol}");
        }
    }

    private void Fou()
    {
        // There is no port to begin with: both ends agree on one.
        TunnelHeader none = TunnelHeader.Create(TunnelKind.Fou, carriesEthernet: false);
        UdpEncapsulator tunnel = new(Local, Remote, none, new UdpEncapsulatorOptions { DestinationPort = 5555 });
        byte[] packet = new byte[tunnel.Overhead + PacketIPv6.Length];
        Console.WriteLine(tunnel.Encapsulate(PacketIPv6, default(Vni), packet, out int length));
        if (Decapsulator.TryDecapsulate(packet, TunnelKind.Fou, 5555, out Decapsulated inner, out _))
        {
            Console.WriteLine($"{length} bytes: {inner.InnerProtocol} behind {inner.PayloadOffset}");
        }
    }

    private void IPInUdp()
    {
        UdpEncapsulator tunnel = new(Local, Remote, TunnelHeader.Create(TunnelKind.IPInUdp, carriesEthernet: false));
        byte[] packet = new byte[tunnel.Overhead + PacketIPv4.Length];
        Console.WriteLine(tunnel.Encapsulate(PacketIPv4, default(Vni), packet, out int length));
        if (Decapsulator.TryDecapsulate(packet, TunnelKind.IPInUdp, tunnel.DestinationPort, out Decapsulated inner, out _))
        {
            Console.WriteLine($"{length} bytes to port {tunnel.DestinationPort}: {inner.InnerProtocol}");
        }
    }
}
