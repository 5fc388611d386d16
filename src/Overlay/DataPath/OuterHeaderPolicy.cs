using System.Runtime.CompilerServices;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>What the outer headers of a tunnel say, by its policy and the inner packet. What the policy fixes is worked out once.</summary>
internal sealed class OuterHeaderPolicy
{
    // A frame without an IP header has no TTL to inherit; Linux takes 64 then.
    private const byte DefaultTtl = 64;
    private const int EcnMask = 3;

    private readonly ValueIPAddress _local;
    private readonly SourceSpray? _spray;
    private readonly GreFlags _greFields;
    private readonly uint _greKey;
    private readonly bool _hasSprayOrGre;

    // 0 inherits.
    private readonly byte _ttl;
    private readonly bool _inheritsDscp;
    private readonly byte _dscp;

    // Two bits for each inner ECN field.
    private readonly byte _ecn;

    // The outer DF bit for an inner one that is clear, and above it for one that is set.
    private readonly byte _dontFragmentOfIPv4;
    private readonly byte _dontFragment;
    private readonly ushort _firstPort;
    private readonly uint _ports;
    private readonly bool _hasFlowLabel;

    public OuterHeaderPolicy(TunnelOptions options)
    {
        TunnelPolicy policy = options.Policy;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(policy.SourcePortMinimum, policy.SourcePortMaximum, nameof(options));
        _local = options.Local;
        _spray = policy.SourceSpray;
        _greFields = options.Facts.IsGre ? options.Gre.Fields : GreFlags.None;
        _greKey = options.Facts.IsGre ? options.Gre.Key ?? 0 : 0;
        _hasSprayOrGre = _spray is not null || options.Facts.IsGre;
        _ttl = policy.Ttl ?? 0;
        _inheritsDscp = policy.Dscp is null;
        _dscp = (byte)((policy.Dscp ?? 0) << 2);
        for (int inner = 0; inner <= EcnMask; inner++)
        {
            _ecn |= (byte)((int)EcnTunnel.Outer((Ecn)inner, policy.Ecn) << (2 * inner));
        }

        // RFC 2003 §3.1: inner DF set, outer DF set. RFC 4213 §3.2: with a static MTU DF is not set. GRE is no different.
        _dontFragmentOfIPv4 = BitsOf(policy.DontFragment ??
            (options.Facts.InheritsDontFragment ? DontFragmentPolicy.Inherit : DontFragmentPolicy.Unset));
        _dontFragment = BitsOf(policy.DontFragment ?? DontFragmentPolicy.Unset);
        _firstPort = policy.SourcePortMinimum;
        _ports = policy.SourcePortMaximum - (uint)policy.SourcePortMinimum + 1;
        _hasFlowLabel = policy.FlowLabel;
    }

    /// <summary>Fills the outer fields of a packet by its <see cref="PacketMeta.FlowHash"/> and its inner header, if it has one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Apply(ref PacketMeta meta, in InnerIP inner)
    {
        int trafficClass = 0;
        byte ttl = DefaultTtl;
        int dontFragment = _dontFragment & 1;
        if (inner.IsPresent)
        {
            trafficClass = inner.TrafficClass;
            ttl = inner.Ttl;
            dontFragment = inner.IsIPv4 ? (_dontFragmentOfIPv4 >> inner.DontFragmentBit) & 1 : _dontFragment >> 1;
        }

        uint hash = meta.FlowHash;
        int dscp = _inheritsDscp ? trafficClass & ~EcnMask : _dscp;
        meta.TrafficClass = (byte)(dscp | ((_ecn >> (2 * (trafficClass & EcnMask))) & EcnMask));
        meta.Ttl = _ttl != 0 ? _ttl : ttl;
        meta.DontFragment = dontFragment != 0;
        meta.SourcePort = FlowHash.Spread(hash, _firstPort, _ports);
        meta.FlowLabel = _hasFlowLabel ? FlowHash.ToFlowLabel(hash) : 0;
        meta.Local = _local;
        if (_hasSprayOrGre)
        {
            ApplySprayAndGre(ref meta);
        }
    }

    private static byte BitsOf(DontFragmentPolicy policy) => policy switch
    {
        DontFragmentPolicy.Set => 0b11,
        DontFragmentPolicy.Inherit => 0b10,
        _ => 0,
    };

    // Kinds without ports only.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ApplySprayAndGre(ref PacketMeta meta)
    {
        meta.Local = _spray?.Source(meta.FlowHash) ?? _local;
        meta.GreFields = _greFields;
        meta.GreKey = _greKey;
    }
}
