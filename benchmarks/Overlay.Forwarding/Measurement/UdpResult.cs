namespace Overlay.Forwarding.Measurement;

/// <summary>What arrived of a flood of datagrams.</summary>
/// <param name="Packets">Datagrams that the receiver got.</param>
/// <param name="Lost">Datagrams that it missed, by the numbers of those it got.</param>
/// <param name="Seconds">In which time, by the receiver's clock.</param>
internal sealed record UdpResult(long Packets, long Lost, double Seconds)
{
    /// <summary>1000 datagrams received per second.</summary>
    public double ReceivedKpps => Packets / Seconds / 1e3;

    /// <summary>Datagrams sent per second, by the numbers of those that arrived.</summary>
    public double SentPerSecond => (Packets + Lost) / Seconds;

    /// <summary>Of 100 sent, how many did not arrive; 0 if none was sent.</summary>
    public double LostPercent => Packets + Lost == 0 ? 0 : 100.0 * Lost / (Packets + Lost);
}
