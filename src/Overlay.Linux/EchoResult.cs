namespace Overlay.Linux;

/// <summary>What became of an echo request.</summary>
public enum EchoOutcome
{
    /// <summary>Its answer came, as long as the request: that much fits the path both ways.</summary>
    Answered,

    /// <summary>Nothing came in time.</summary>
    Lost,

    /// <summary>This host's own link or route refused it as too big.</summary>
    TooBigHere,

    /// <summary>A router says that it is too big: ICMP fragmentation needed, ICMPv6 packet too big.</summary>
    TooBig,

    /// <summary>A router or the target says that it cannot be delivered.</summary>
    Unreachable,
}

/// <summary>What became of an echo request, and who says so.</summary>
/// <param name="Outcome">What became of it.</param>
/// <param name="Mtu">The MTU that came with the refusal; 0 if none did.</param>
/// <param name="Reporter">Who refused; null if nobody did, or this host.</param>
/// <param name="RoundTrip">How long the answer took; zero if there was none.</param>
public readonly record struct EchoResult(EchoOutcome Outcome, int Mtu, ValueIPAddress? Reporter, TimeSpan RoundTrip);
