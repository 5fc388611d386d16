using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Overlay.Wire;

namespace Overlay.Encapsulation;

/// <summary>
/// What one tunnel writes between UDP and the inner packet: the header of its kind with all that is the same in every packet, ready but for the
/// network identifier. Immutable and thread-safe.
/// </summary>
/// <remarks>
/// <code>
/// vxlan       8    I; with a group policy G and its identifier (RFC 7348 §5, draft-smith-vxlan-group-policy-05 §2.1)
/// vxlan-gpe   8    I, P and the next protocol (draft-ietf-nvo3-vxlan-gpe §3)
/// geneve      8 +  protocol type and options (RFC 8926 §3.4)
/// gue         4    variant 0, protocol 4 or 41, no flags (draft-ietf-intarea-gue §3.1)
/// fou, udp    0    nothing: the first four bits of the inner packet say which IP it is
/// </code>
/// For all but Geneve with options that is one number of 64 bits, of which there are two where the tunnel carries IP: the version of the inner packet
/// chooses.
/// </remarks>
public sealed class TunnelHeader
{
    /// <summary>The longest header: Geneve with all options, in bytes.</summary>
    public const int MaximumLength = GenevePacket.MaximumHeaderLength;

    private const int WordLength = sizeof(ulong);
    private const int VniShift = 8;

    // The first eight bytes, first byte highest: for IPv6 inside, and for anything else. In a shorter header the lower part is zero.
    private readonly ulong _word;
    private readonly ulong _wordOfIPv6;

    // The header is a word, and always the same one: VXLAN, and whatever else carries Ethernet without options.
    private readonly bool _isPlain;
    private readonly byte[] _options;

    private TunnelHeader(TunnelFacts facts, bool carriesEthernet, ushort? groupPolicyId, ReadOnlySpan<byte> options)
    {
        Kind = facts.Kind;
        CarriesEthernet = carriesEthernet;
        HasInnerEthernet = facts.HasInnerEthernet(carriesEthernet);
        GroupPolicyId = groupPolicyId;
        _options = [.. options];
        Length = facts.HeaderLength + options.Length;
        _word = Prepare(HasInnerEthernet ? EtherType.TransparentEthernetBridging : EtherType.IPv4, options);
        _wordOfIPv6 = HasInnerEthernet ? _word : Prepare(EtherType.IPv6, options);
        _isPlain = Length == WordLength && _word == _wordOfIPv6;
    }

    private TunnelHeader(TunnelFacts facts)
    {
        Kind = facts.Kind;
        IsBare = true;
        _options = [];
    }

    /// <summary>The header of VXLAN without extensions, for either layer.</summary>
    public static TunnelHeader Vxlan { get; } = Create(TunnelKind.Vxlan, carriesEthernet: true);

    /// <summary>Nothing at all: for packets that bring their header along, such as those of <see cref="PathProbeEnvelope"/>.</summary>
    /// <param name="kind">The encapsulation, one that UDP carries: all headers of a port are of one kind.</param>
    /// <exception cref="ArgumentException">UDP does not carry the kind.</exception>
    public static TunnelHeader Bare(TunnelKind kind)
    {
        TunnelFacts facts = TunnelFacts.Of(kind);
        return facts.IsOverUdp ? new TunnelHeader(facts) : throw new ArgumentException($"There is no header behind UDP in {facts}: UDP does not carry it.", nameof(kind));
    }

    /// <summary>The encapsulation.</summary>
    public TunnelKind Kind { get; }

    /// <summary>Whether the packet brings its header along, so that none is written.</summary>
    public bool IsBare { get; }

    /// <summary>Whether the tunnel carries Ethernet frames; otherwise IP packets.</summary>
    public bool CarriesEthernet { get; }

    /// <summary>Whether what follows the header begins with an Ethernet header.</summary>
    public bool HasInnerEthernet { get; }

    /// <summary>Bytes of the header, 0 to <see cref="MaximumLength"/>.</summary>
    public int Length { get; }

    /// <summary>The group that packets are marked with; null for none. VXLAN only.</summary>
    public ushort? GroupPolicyId { get; }

    /// <summary>The options as they are written: 0 to 252 bytes. Geneve only.</summary>
    public ReadOnlySpan<byte> Options => _options;

    /// <summary>Prepares a header.</summary>
    /// <param name="kind">The encapsulation, one that UDP carries.</param>
    /// <param name="carriesEthernet">Whether the tunnel carries Ethernet frames; otherwise IP packets.</param>
    /// <param name="groupPolicyId">The group of all packets sent (draft-smith-vxlan-group-policy-05); null for none. VXLAN only.</param>
    /// <param name="options">Whole Geneve options, as <see cref="GeneveOptionsBuilder"/> writes them. The C bit follows from them (RFC 8926 §3.4).</param>
    /// <exception cref="ArgumentException">
    /// UDP does not carry the kind; the kind does not carry this layer, a group or options; or the options do not add up.
    /// </exception>
    public static TunnelHeader Create(TunnelKind kind, bool carriesEthernet, ushort? groupPolicyId = null, ReadOnlySpan<byte> options = default)
    {
        TunnelFacts facts = TunnelFacts.Of(kind);
        if (!facts.IsOverUdp)
        {
            throw new ArgumentException($"There is no header behind UDP in {facts}: UDP does not carry it.", nameof(kind));
        }

        if (!(carriesEthernet ? facts.CarriesEthernet : facts.CarriesIP))
        {
            throw new ArgumentException($"{facts} carries no {(carriesEthernet ? "Ethernet frames" : "IP packets")}.", nameof(carriesEthernet));
        }

        if (groupPolicyId is not null && kind != TunnelKind.Vxlan)
        {
            throw new ArgumentException($"{facts} has no group policy; VXLAN has.", nameof(groupPolicyId));
        }

        if (!options.IsEmpty && kind != TunnelKind.Geneve)
        {
            throw new ArgumentException($"{facts} has no options; Geneve has.", nameof(options));
        }

        return new TunnelHeader(facts, carriesEthernet, groupPolicyId, options);
    }

    /// <summary>Writes the header.</summary>
    /// <param name="destination">At least <see cref="Length"/> bytes, of which so many are written.</param>
    /// <param name="vni">The network identifier; not used by kinds that have none.</param>
    /// <param name="inner">The packet that follows; where the tunnel carries IP, its first byte says which.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="destination"/> is too short.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write(Span<byte> destination, Vni vni, ReadOnlySpan<byte> inner)
    {
        if (_isPlain)
        {
            BinaryPrimitives.WriteUInt64BigEndian(destination, _word | ((ulong)vni.Value << VniShift));
        }
        else
        {
            WriteAny(destination, vni, inner);
        }
    }

    /// <summary>Every form of the header; the tests hold the plain form against it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal void WriteAny(Span<byte> destination, Vni vni, ReadOnlySpan<byte> inner)
    {
        if (destination.Length < Length)
        {
            ThrowTooShort();
        }

        ulong word = !inner.IsEmpty && inner[0] >> 4 == 6 ? _wordOfIPv6 : _word;
        if (Length >= WordLength)
        {
            BinaryPrimitives.WriteUInt64BigEndian(destination, word | ((ulong)vni.Value << VniShift));
            _options.CopyTo(destination[WordLength..]);
        }
        else if (Length > 0)
        {
            // GUE has no network identifier.
            BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)(word >> 32));
        }
    }

    private ulong Prepare(EtherType inner, ReadOnlySpan<byte> options)
    {
        Span<byte> bytes = stackalloc byte[MaximumLength];
        bytes.Clear();
        switch (Kind)
        {
            case TunnelKind.Vxlan:
                VxlanFlags flags = VxlanFlags.ValidVni | (GroupPolicyId is null ? VxlanFlags.None : VxlanFlags.GroupPolicy);
                new VxlanHeader(default, flags) { GroupPolicyId = GroupPolicyId ?? 0 }.TryWrite(bytes, out _);
                break;
            case TunnelKind.VxlanGpe:
                new VxlanGpeHeader(default, inner switch
                {
                    EtherType.IPv4 => VxlanGpeNextProtocol.IPv4,
                    EtherType.IPv6 => VxlanGpeNextProtocol.IPv6,
                    _ => VxlanGpeNextProtocol.Ethernet,
                }).TryWrite(bytes, out _);
                break;
            case TunnelKind.Geneve:
                new GeneveHeader(default, inner).TryWrite(bytes, options, out _);
                break;
            case TunnelKind.Gue:
                new GueHeader(inner == EtherType.IPv6 ? IPProtocol.IPv6 : IPProtocol.IPv4).TryWrite(bytes, out _);
                break;
        }

        return BinaryPrimitives.ReadUInt64BigEndian(bytes);
    }

    [DoesNotReturn]
    private void ThrowTooShort() =>
        throw new ArgumentOutOfRangeException("destination", $"The header of {TunnelFacts.Of(Kind)} has {Length} bytes, which must all be there.");
}
