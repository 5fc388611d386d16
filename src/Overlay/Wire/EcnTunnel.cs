namespace Overlay.Wire;

/// <summary>How the ECN field enters and leaves a tunnel (RFC 6040 §4).</summary>
public static class EcnTunnel
{
    /// <summary>The outer field for a packet that enters the tunnel (RFC 6040 §4.1).</summary>
    /// <param name="inner">The field of the packet as it arrived.</param>
    /// <param name="profile">The mode of the tunnel.</param>
    public static Ecn Outer(Ecn inner, EcnProfile profile) => profile switch
    {
        EcnProfile.Rfc6040Compatibility => Ecn.NotEct,
        EcnProfile.Rfc3168 when inner == Ecn.Ce => Ecn.Ect0,
        _ => inner,
    };

    /// <summary>The field of a packet that leaves the tunnel, from both headers (RFC 6040 §4.2, Figure 4).</summary>
    /// <param name="outer">The field of the outer header as received.</param>
    /// <param name="inner">The field of the inner header as received.</param>
    /// <param name="profile">The mode of the tunnel; only <see cref="EcnProfile.Copy"/> does not combine.</param>
    /// <param name="result">The field that the packet goes on with; <paramref name="inner"/> if it must not go on.</param>
    /// <returns>false if the packet must be dropped: congestion was met by a transport that could not be told.</returns>
    public static bool TryInner(Ecn outer, Ecn inner, EcnProfile profile, out Ecn result)
    {
        result = inner;
        if (profile == EcnProfile.Copy || outer == inner)
        {
            return true;
        }

        if (outer == Ecn.Ce)
        {
            if (inner == Ecn.NotEct)
            {
                return false;
            }

            result = Ecn.Ce;
        }
        else if (outer == Ecn.Ect1 && inner == Ecn.Ect0)
        {
            result = Ecn.Ect1;
        }

        return true;
    }

    /// <summary>
    /// Whether Figure 4 marks the combination "(!!!)", potentially dangerous: it should be logged, at a limited rate and suppressible
    /// (RFC 6040 §4.2).
    /// </summary>
    public static bool IsDangerous(Ecn outer, Ecn inner) =>
        (inner == Ecn.NotEct && outer != Ecn.NotEct) || (inner == Ecn.Ce && outer == Ecn.Ect1);
}
