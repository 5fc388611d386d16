namespace Overlay.Demo.Traffic;

/// <summary>What one TCP connection carried in one direction.</summary>
/// <param name="Bytes">Bytes that the receiver got, each compared.</param>
/// <param name="Time">From the first of them to the end.</param>
internal sealed record TcpResult(long Bytes, TimeSpan Time)
{
    /// <summary>Gigabits per second of payload.</summary>
    public double GbitPerSecond => Math.Round(Bytes * 8 / Time.TotalSeconds / 1e9, 3);
}
