namespace Overlay.DataPath;

/// <summary>What the outer DSCP does to the inner one when a packet leaves the tunnel (RFC 2983 §3).</summary>
public enum DscpModel : byte
{
    /// <summary>Nothing: what the underlay did stays in the underlay (RFC 2983 §3.1).</summary>
    Pipe,

    /// <summary>The inner DSCP becomes the outer one, so that the tunnel looks like one hop (RFC 2983 §3.1).</summary>
    Uniform,
}
