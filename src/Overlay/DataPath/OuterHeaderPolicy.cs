using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>What the outer headers of a tunnel say, by its policy and the inner packet.</summary>
internal sealed class OuterHeaderPolicy
{
    // A frame without an IP header has no TTL to inherit; Linux takes 64 then.
    private const byte DefaultTtl = 64;

    private readonly TunnelPolicy _policy;
    private readonly bool _inheritsDontFragment;
    private readonly GreFlags _greFields;
    private readonly uint _greKey;

    public OuterHeaderPolicy(TunnelOptions options)
    {
        _policy = options.Policy;
        _inheritsDontFragment = options.Facts.InheritsDontFragment;
        if (options.Facts.IsGre)
        {
            _greFields = options.Gre.Fields;
            _greKey = options.Gre.Key ?? 0;
        }
    }

    public void Apply(ref PacketMeta meta, bool hasIP, in InnerIP inner)
    {
        byte innerClass = hasIP ? inner.TrafficClass : (byte)0;
        int dscp = _policy.Dscp ?? innerClass >> 2;
        Ecn ecn = EcnTunnel.Outer((Ecn)(innerClass & 3), _policy.Ecn);
        meta.TrafficClass = (byte)((dscp << 2) | (int)ecn);
        meta.Ttl = _policy.Ttl ?? (hasIP ? inner.Ttl : DefaultTtl);
        meta.DontFragment = DontFragment(hasIP, inner);
        meta.SourcePort = FlowHash.ToSourcePort(meta.FlowHash, _policy.SourcePortMinimum, _policy.SourcePortMaximum);
        meta.FlowLabel = FlowHash.ToFlowLabel(meta.FlowHash);
        meta.GreFields = _greFields;
        meta.GreKey = _greKey;
    }

    private bool DontFragment(bool hasIP, in InnerIP inner)
    {
        DontFragmentPolicy policy = _policy.DontFragment ??
            // RFC 2003 §3.1: inner DF set, outer DF set. RFC 4213 §3.2: with a static MTU DF is not set. GRE is no different.
            (_inheritsDontFragment && hasIP && inner.IsIPv4 ? DontFragmentPolicy.Inherit : DontFragmentPolicy.Unset);
        return policy switch
        {
            DontFragmentPolicy.Set => true,
            DontFragmentPolicy.Inherit => hasIP && inner.DontFragment,
            _ => false,
        };
    }
}
