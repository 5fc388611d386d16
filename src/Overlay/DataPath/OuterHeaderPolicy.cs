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

    // The outer traffic class for each inner one: DSCP and ECN by policy.
    private readonly byte[] _trafficClasses = new byte[byte.MaxValue + 1];

    // The bits of the inner flags that set the outer DF, and those that set it whatever the inner ones are.
    private readonly byte _inheritedFlagsOfIPv4;
    private readonly byte _setFlagsOfIPv4;
    private readonly bool _dontFragment;
    private readonly bool _dontFragmentOfIPv6;
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
        for (int inner = 0; inner < _trafficClasses.Length; inner++)
        {
            int dscp = policy.Dscp << 2 ?? inner & ~EcnMask;
            _trafficClasses[inner] = (byte)(dscp | (int)EcnTunnel.Outer((Ecn)(inner & EcnMask), policy.Ecn));
        }

        // RFC 2003 §3.1: inner DF set, outer DF set. RFC 4213 §3.2: with a static MTU DF is not set. GRE is no different.
        DontFragmentPolicy ofIPv4 = policy.DontFragment ??
            (options.Facts.InheritsDontFragment ? DontFragmentPolicy.Inherit : DontFragmentPolicy.Unset);
        _inheritedFlagsOfIPv4 = ofIPv4 == DontFragmentPolicy.Inherit ? InnerIP.DontFragmentFlag : default;
        _setFlagsOfIPv4 = ofIPv4 == DontFragmentPolicy.Set ? InnerIP.DontFragmentFlag : default;
        _dontFragment = policy.DontFragment == DontFragmentPolicy.Set;

        // Routers never fragment IPv6: a packet of it behaves as if DF were set (RFC 8200 §4.5).
        _dontFragmentOfIPv6 = policy.DontFragment is DontFragmentPolicy.Set or DontFragmentPolicy.Inherit;
        _firstPort = policy.SourcePortMinimum;
        _ports = policy.SourcePortMaximum - (uint)policy.SourcePortMinimum + 1;
        _hasFlowLabel = policy.FlowLabel && !options.Local.IsIPv4;
    }

    /// <summary>Fills the outer fields of a packet by its <see cref="PacketMeta.FlowHash"/> and its inner header, if it has one.</summary>
    public void Apply(ref PacketMeta meta, in InnerIP inner)
    {
        if (!inner.IsPresent)
        {
            Apply(ref meta, meta.FlowHash, 0, DefaultTtl, _dontFragment);
        }
        else if (inner.IsIPv4)
        {
            Apply(ref meta, meta.FlowHash, inner.TrafficClass, inner.Ttl, IsDontFragmentOfIPv4(inner.Flags));
        }
        else
        {
            Apply(ref meta, meta.FlowHash, inner.TrafficClass, inner.Ttl, _dontFragmentOfIPv6);
        }
    }

    /// <summary>Fills the outer fields of a packet by a hash and an inner IPv4 header of 20 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void ApplyIPv4(ref PacketMeta meta, uint hash, ReadOnlySpan<byte> header)
    {
        header = header[..IPv4Packet.MinimumHeaderLength];
        bool dontFragment = IsDontFragmentOfIPv4(header[IPv4Packet.FragmentOffsetOffset]);
        Apply(ref meta, hash, header[IPv4Packet.TrafficClassOffset], header[IPv4Packet.TimeToLiveOffset], dontFragment);
    }

    private bool IsDontFragmentOfIPv4(byte flags) => ((flags & _inheritedFlagsOfIPv4) | _setFlagsOfIPv4) != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Apply(ref PacketMeta meta, uint hash, byte trafficClass, byte ttl, bool dontFragment)
    {
        meta.FlowHash = hash;
        meta.TrafficClass = _trafficClasses[trafficClass];
        meta.Ttl = _ttl != 0 ? _ttl : ttl;
        meta.DontFragment = dontFragment;
        meta.SourcePort = FlowHash.Spread(hash, _firstPort, _ports);
        meta.FlowLabel = _hasFlowLabel ? FlowHash.ToFlowLabel(hash) : 0;
        meta.Local = _local;
        if (_hasSprayOrGre)
        {
            ApplySprayAndGre(ref meta);
        }
    }

    // Kinds without ports only.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ApplySprayAndGre(ref PacketMeta meta)
    {
        meta.Local = _spray?.Source(meta.FlowHash) ?? _local;
        meta.GreFields = _greFields;
        meta.GreKey = _greKey;
    }
}
