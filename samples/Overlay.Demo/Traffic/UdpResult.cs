namespace Overlay.Demo.Traffic;

/// <summary>What the exchange of UDP datagrams brought.</summary>
/// <param name="Sent">Datagrams sent to the peer.</param>
/// <param name="Received">Datagrams that came back from it with the same bytes: each has crossed the tunnel both ways.</param>
/// <param name="DatagramBytes">Payload bytes of each.</param>
internal sealed record UdpResult(int Sent, int Received, int DatagramBytes)
{
    /// <summary>Whether all came back.</summary>
    public bool Complete => Received == Sent;
}
