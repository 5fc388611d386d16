namespace Overlay.Demo.Traffic;

/// <summary>What a series of pings measured.</summary>
/// <param name="Sent">Requests.</param>
/// <param name="Received">Replies with the same bytes within a second.</param>
/// <param name="RoundTripMicroseconds">The median; null without a reply.</param>
internal sealed record EchoResult(int Sent, int Received, double? RoundTripMicroseconds)
{
    /// <summary>Whether every request was answered.</summary>
    public bool Complete => Received == Sent;
}
