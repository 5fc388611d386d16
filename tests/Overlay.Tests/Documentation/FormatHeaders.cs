using System.Buffers;
using Overlay.Encapsulation;
using Overlay.Wire;

namespace Overlay.Tests.Documentation;

/// <summary>A diagram of the document, and how the library writes the header that it shows.</summary>
/// <param name="Section">The section.</param>
/// <param name="Diagram">Fields with the values of the example.</param>
/// <param name="Write">Writes the same header, by the public API.</param>
internal sealed record FormatHeader(string Section, ByteDiagram Diagram, Func<byte[]> Write);

/// <summary>The diagrams of docs/formats.md, in its order.</summary>
internal static class FormatHeaders
{
    private const byte Dirt = 0xA5;

    private static readonly ValueIPAddress Local = ValueIPAddress.Parse("192.0.2.1");
    private static readonly ValueIPAddress Remote = ValueIPAddress.Parse("192.0.2.2");
    private static readonly ValueIPAddress LocalIPv6 = ValueIPAddress.Parse("2001:db8::1");
    private static readonly ValueIPAddress RemoteIPv6 = ValueIPAddress.Parse("2001:db8::2");

    private delegate bool Writer(Span<byte> destination, out int bytesWritten);

    public static IReadOnlyList<FormatHeader> All { get; } =
    [
        new(
            "vxlan",
            new(
                new("R", 1), new("R", 1), new("R", 1), new("R", 1), new("I", 1, 1), new("R", 1), new("R", 1), new("R", 1), new("Reserved", 24),
                new("VXLAN Network Identifier (VNI)", 24, 42), new("Reserved", 8)),
            () => Written(new VxlanHeader(new Vni(42)).TryWrite)),
        new(
            "vxlan with a group policy",
            new(
                new("G", 1, 1), new("R", 1), new("R", 1), new("R", 1), new("I", 1, 1), new("R", 1), new("R", 1), new("R", 1),
                new("R", 1), new("D", 1, 1), new("R", 1), new("R", 1), new("A", 1), new("R", 1), new("R", 1), new("R", 1), new("Group Policy ID", 16, 300),
                new("VXLAN Network Identifier (VNI)", 24, 42), new("Reserved", 8)),
            () => Written(new VxlanHeader(new Vni(42), VxlanFlags.ValidVni | VxlanFlags.GroupPolicy)
            {
                GroupPolicyFlags = VxlanGroupPolicyFlags.DontLearn,
                GroupPolicyId = 300,
            }.TryWrite)),
        new(
            "vxlan-gpe",
            new(
                new("R", 1), new("R", 1), new("Ver", 2), new("I", 1, 1), new("P", 1, 1), new("B", 1), new("O", 1), new("Reserved", 16),
                new("Next Protocol", 8, 1), new("VXLAN Network Identifier (VNI)", 24, 42), new("Reserved", 8)),
            () => Written(new VxlanGpeHeader(new Vni(42), VxlanGpeNextProtocol.IPv4).TryWrite)),
        new(
            "geneve",
            new(
                new("Ver", 2), new("Opt Len", 6, 2), new("O", 1), new("C", 1, 1), new("Rsvd.", 6), new("Protocol Type", 16, 0x6558, Hex: true),
                new("Virtual Network Identifier (VNI)", 24, 7), new("Reserved", 8),
                new("Option Class", 16, 0x0102, Hex: true), new("Type", 8, 0x80, Hex: true), new("R", 1), new("R", 1), new("R", 1), new("Length", 5, 1),
                new("Option Data", 32, 0x0001_0002, Hex: true)),
            Geneve),
        new(
            "gre",
            new(
                new("C", 1, 1), new("", 1), new("K", 1, 1), new("S", 1, 1), new("Reserved0", 9), new("Ver", 3), new("Protocol Type", 16, 0x0800, Hex: true),
                new("Checksum (optional)", 16, 0x47F7, Hex: true), new("Reserved1 (optional)", 16),
                new("Key (optional)", 32, 7), new("Sequence Number (optional)", 32, 1)),
            Gre),
        new(
            "nvgre, recognised",
            new(
                new("C", 1), new("", 1), new("K", 1, 1), new("S", 1), new("Reserved0", 9), new("Ver", 3), new("Protocol Type", 16, 0x6558, Hex: true),
                new("Virtual Subnet ID (VSID)", 24, 5000), new("FlowID", 8, 17)),
            () => Written(new NvgreHeader(new Vni(5000), 17).TryWrite)),
        new(
            "gretap",
            new(
                new("C", 1), new("", 1), new("K", 1, 1), new("S", 1), new("Reserved0", 9), new("Ver", 3), new("Protocol Type", 16, 0x6558, Hex: true),
                new("Key (optional)", 32, 7)),
            () => Written(new GreHeader(EtherType.TransparentEthernetBridging) { Key = 7 }.TryWrite)),
        new(
            "ipip",
            new(
                new("Version", 4, 4), new("IHL", 4, 5), new("Type of Service", 8), new("Total Length", 16, 49),
                new("Identification", 16), new("Flags", 3, 2), new("Fragment Offset", 13),
                new("Time to Live", 8, 64), new("Protocol", 8, 4), new("Header Checksum", 16, 0xB6C5, Hex: true),
                new("Source Address", 32, 0xC000_0201, Hex: true), new("Destination Address", 32, 0xC000_0202, Hex: true)),
            () => Outer(new IPInIPEncapsulator(Local, Remote), FormatExamples.PacketIPv4, new OuterHeaderFields { DontFragment = true }, null)[..20]),
        new(
            "ipip",
            new(
                new("Version", 4, 6), new("Traffic Class", 8), new("Flow Label", 20, 0x12345, Hex: true),
                new("Payload Length", 16, 57), new("Next Header", 8, 60), new("Hop Limit", 8, 64),
                new("Source Address (128 bits)", 128, new UInt128(0x2001_0DB8_0000_0000, 1), Hex: true),
                new("Destination Address (128 bits)", 128, new UInt128(0x2001_0DB8_0000_0000, 2), Hex: true),
                new("Next Header", 8, 41), new("Hdr Ext Len", 8), new("Option Type", 8, 4), new("Opt Data Len", 8, 1),
                new("Encap. Limit", 8, 4), new("PadN", 8, 1), new("Opt Data Len", 8, 1), new("0", 8)),
            () => Outer(new IPInIPEncapsulator(LocalIPv6, RemoteIPv6), FormatExamples.PacketIPv6, new OuterHeaderFields { FlowLabel = 0x12345 }, 4)[..48]),
        new(
            "gue",
            new(new("Var", 2), new("C", 1), new("Hlen", 5), new("Proto/ctype", 8, 4), new("Flags", 16)),
            () => Written(new GueHeader(IPProtocol.IPv4).TryWrite)),
        new("fou", Udp(5555), () => Outer(TunnelKind.Fou, 5555)),
        new("udp", Udp(8285), () => Outer(TunnelKind.IPInUdp, 8285)),
    ];

    private static ByteDiagram Udp(ushort port) => new(
        new("Source Port", 16, 50_000), new("Destination Port", 16, port), new("Length", 16, 37), new("Checksum", 16),
        new("Version", 4, 4), new("the inner packet goes on", 28, 0x500_001D, Hex: true));

    private static byte[] Outer(TunnelKind kind, ushort port)
    {
        UdpEncapsulator encapsulator = new(
            Local, Remote, TunnelHeader.Create(kind, carriesEthernet: false), new UdpEncapsulatorOptions { DestinationPort = port, OuterChecksum = false });
        byte[] packet = new byte[encapsulator.Overhead + FormatExamples.PacketIPv4.Length];
        _ = encapsulator.Encapsulate(FormatExamples.PacketIPv4, new OuterHeaderFields { SourcePort = 50_000 }, packet, out _);
        return packet[20..32];
    }

    private static byte[] Outer(IPInIPEncapsulator encapsulator, byte[] inner, OuterHeaderFields fields, byte? limit)
    {
        byte[] packet = new byte[encapsulator.Overhead + IPInIPEncapsulator.EncapsulationLimitLength + inner.Length];
        return encapsulator.Encapsulate(inner, fields, packet, out int length, limit) == OperationStatus.Done ? packet[..length] : [];
    }

    private static byte[] Geneve()
    {
        Span<byte> options = stackalloc byte[GenevePacket.MaximumOptionsLength];
        GeneveOptionsBuilder builder = new(options);
        _ = builder.TryAdd(0x0102, 0x80, [0, 1, 0, 2]);
        byte[] header = new byte[GenevePacket.MinimumHeaderLength + builder.Written.Length];
        header.AsSpan().Fill(Dirt);
        return new GeneveHeader(new Vni(7)).TryWrite(header, builder.Written, out _) ? header : [];
    }

    private static byte[] Gre()
    {
        GreHeader header = new(EtherType.IPv4) { Checksum = 0, Key = 7, SequenceNumber = 1 };
        return Written((header with { Checksum = GrePacket.ComputeChecksum(Written(header.TryWrite)) }).TryWrite);
    }

    private static byte[] Written(Writer write)
    {
        byte[] memory = new byte[64];
        memory.AsSpan().Fill(Dirt);
        return write(memory, out int length) ? memory[..length] : [];
    }
}
