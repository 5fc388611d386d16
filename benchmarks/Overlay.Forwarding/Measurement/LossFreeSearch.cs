namespace Overlay.Forwarding.Measurement;

/// <summary>Looks for the highest rate at which less than 1 % is lost, by halving.</summary>
/// <remarks>Loss comes and goes near that rate, so the result has about ±25 % of noise; medians of several searches have less.</remarks>
internal static class LossFreeSearch
{
    /// <summary>How often the interval is halved.</summary>
    public const int Steps = 6;

    /// <summary>How often traffic is sent in all: first a flood, whose rates say where to look.</summary>
    public const int Runs = Steps + 1;

    private const double AcceptedPercent = 1;

    // A flood costs the receiver what is lost, too, so a path may carry more than it does in a flood.
    private const double AboveFlood = 1.5;

    /// <summary>Searches.</summary>
    /// <param name="send">Sends for a while at so many datagrams a second; 0 for as many as possible.</param>
    /// <returns>1000 datagrams received per second, at the best rate tried.</returns>
    /// <exception cref="InvalidDataException">More was lost at every rate tried.</exception>
    public static double Run(Func<long, UdpResult> send)
    {
        UdpResult flood = send(0);
        double best = 0;
        double low = 0;
        double high = Math.Min(flood.SentPerSecond, flood.ReceivedKpps * 1e3 * AboveFlood);
        Try(flood);
        for (int step = 0; step < Steps; step++)
        {
            double middle = (low + high) / 2;
            if (Try(send((long)middle)))
            {
                low = middle;
            }
            else
            {
                high = middle;
            }
        }

        return best > 0 ? best : throw new InvalidDataException($"{AcceptedPercent} % or more was lost at every rate down to {high / 1e3:0.#} kpps.");

        bool Try(UdpResult result)
        {
            bool isGood = result.Packets > 0 && result.LostPercent < AcceptedPercent;
            best = isGood ? Math.Max(best, result.ReceivedKpps) : best;
            return isGood;
        }
    }
}
