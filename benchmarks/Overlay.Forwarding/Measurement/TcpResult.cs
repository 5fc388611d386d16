namespace Overlay.Forwarding.Measurement;

/// <summary>What TCP carried.</summary>
/// <param name="Bytes">Bytes of payload that the receiver got, all streams together.</param>
/// <param name="Seconds">In which time, by the receiver's clock.</param>
internal sealed record TcpResult(long Bytes, double Seconds)
{
    /// <summary>10⁹ bits of payload per second.</summary>
    public double GbitPerSecond => Bytes * 8 / Seconds / 1e9;
}
