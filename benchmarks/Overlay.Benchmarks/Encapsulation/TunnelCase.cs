using Overlay.Encapsulation;

namespace Overlay.Benchmarks.Encapsulation;

/// <summary>One kind of tunnel over one family: its encapsulator, what it carries, and how it is taken apart.</summary>
/// <param name="Kind">The encapsulation.</param>
/// <param name="IsOuterIPv4">The family of the underlay.</param>
/// <param name="IsInnerIPv6">Whether the inner packets are IPv6; otherwise they are IPv4, in Ethernet where the kind carries it.</param>
/// <param name="Variant">What else makes it differ from others of its kind; empty for nothing.</param>
public sealed record TunnelCase(TunnelKind Kind, bool IsOuterIPv4, bool IsInnerIPv6 = false, string Variant = "")
{
    private const string OneOption = "one option";
    private const string KeyAndChecksum = "key, checksum";
    private const uint GreKey = 42;

    /// <summary>Foo over UDP has no port of its own; Linux's examples take this one.</summary>
    private const ushort FouPort = 5555;

    private static readonly byte[] Option = [0x01, 0x02, 0x03, 0x01, 0, 0, 0, 42];

    /// <summary>All that are measured.</summary>
    public static IReadOnlyList<TunnelCase> All { get; } =
    [
        .. OverBoth(TunnelKind.Vxlan),
        .. OverBoth(TunnelKind.VxlanGpe),
        .. OverBoth(TunnelKind.Geneve),
        .. OverBoth(TunnelKind.Geneve, OneOption),
        .. OverBoth(TunnelKind.Gre),
        .. OverBoth(TunnelKind.Gre, KeyAndChecksum),
        .. OverBoth(TunnelKind.Gretap),
        new(TunnelKind.IPInIP, IsOuterIPv4: true, Variant: "4in4"),
        new(TunnelKind.IPInIP, IsOuterIPv4: true, IsInnerIPv6: true, "6in4"),
        new(TunnelKind.IPInIP, IsOuterIPv4: false, Variant: "4in6"),
        new(TunnelKind.IPInIP, IsOuterIPv4: false, IsInnerIPv6: true, "6in6"),
        .. OverBoth(TunnelKind.Gue),
        .. OverBoth(TunnelKind.Fou),
    ];

    private ValueIPAddress Local => ValueIPAddress.Parse(IsOuterIPv4 ? "192.0.2.1" : "2001:db8::1");

    private ValueIPAddress Remote => ValueIPAddress.Parse(IsOuterIPv4 ? "192.0.2.2" : "2001:db8::2");

    /// <summary>Whether inner packets are Ethernet frames.</summary>
    public bool IsEthernet => Kind is TunnelKind.Vxlan or TunnelKind.VxlanGpe or TunnelKind.Geneve or TunnelKind.Gretap;

    /// <summary>The UDP destination port; 0 for kinds without UDP.</summary>
    public ushort Port => Kind == TunnelKind.Fou ? FouPort : TunnelFacts.Of(Kind).DefaultPort;

    /// <summary>The name of the kind and its variant.</summary>
    public string Name => Variant.Length == 0 ? $"{TunnelFacts.Of(Kind)}" : $"{TunnelFacts.Of(Kind)}, {Variant}";

    // Outer UDP checksums are zero: what summing up costs is the same for all kinds, and is measured where there is a yardstick.
    internal VxlanEncapsulator CreateVxlan() => new(Local, Remote, new VxlanEncapsulatorOptions { OuterChecksum = false });

    internal UdpEncapsulator CreateUdp() => new(
        Local, Remote, TunnelHeader.Create(Kind, IsEthernet, options: Variant == OneOption ? Option : []),
        new UdpEncapsulatorOptions { DestinationPort = Port, OuterChecksum = false });

    internal GreEncapsulator CreateGre() => new(Local, Remote, new GreEncapsulatorOptions
    {
        Ethernet = IsEthernet,
        Key = Variant == KeyAndChecksum ? GreKey : null,
        Checksum = Variant == KeyAndChecksum,
    });

    internal IPInIPEncapsulator CreateIPInIP() => new(Local, Remote);

    /// <inheritdoc/>
    public override string ToString() => $"{Name} over {(IsOuterIPv4 ? "IPv4" : "IPv6")}";

    private static TunnelCase[] OverBoth(TunnelKind kind, string variant = "") =>
        [new(kind, IsOuterIPv4: true, Variant: variant), new(kind, IsOuterIPv4: false, Variant: variant)];
}
