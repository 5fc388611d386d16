using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>What the port of an endpoint is told of probes and answers: as of packets of the tunnel, all of one flow, so that they take one way.</summary>
internal sealed class ProbeOutput
{
    private readonly OuterHeaderPolicy _outer;
    private readonly TunnelOptions _options;
    private readonly ushort _header;
    private readonly IPProtocol _protocol;

    /// <param name="options">The tunnel.</param>
    /// <param name="header">The number of the bare header.</param>
    /// <param name="inner">What IP in IP announces.</param>
    public ProbeOutput(TunnelOptions options, int header, IPProtocol inner)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(header);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(header, ushort.MaxValue);
        _options = options;
        _outer = new OuterHeaderPolicy(options);
        _header = (ushort)header;
        _protocol = options.Facts.IsOverUdp ? default : options.Facts.IsGre ? IPProtocol.Gre : inner;
    }

    public void Apply(ref PacketMeta meta, bool dontFragment)
    {
        meta.FlowHash = 0;
        _outer.Apply(ref meta, default);
        meta.Local = _options.Local;
        meta.Vni = _options.Vni;
        meta.Header = _header;
        meta.Protocol = _protocol;
        meta.GreFields = GreFlags.None;
        meta.GreKey = 0;
        meta.DestinationPort = 0;
        meta.DontFragment = dontFragment;
    }
}
