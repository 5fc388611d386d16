using Overlay.Linux.Tests.EndToEnd;
using Xunit;

namespace Overlay.Linux.Tests.Cluster;

/// <summary>
/// Asks that what one station sends arrives exactly as often as it must at each of several: neither less, nor twice, nor where it has no business.
/// </summary>
/// <param name="stations">All, in the order in which counts are given.</param>
/// <param name="reach">Who hears a broadcast of a station; nobody, if it has none that is to be sent.</param>
/// <param name="firstRun">The number of the first run; not of one that a station has heard by others.</param>
internal sealed class Deliveries(Station[] stations, Func<Station, IEnumerable<Station>> reach, int firstRun = 0)
{
    /// <summary>How many frames are sent unless told otherwise.</summary>
    public const int Frames = 10;

    private readonly List<(string What, int[] Expected)> _runs = [];

    /// <summary>Sends frames from one station and asks how many of them each station hears.</summary>
    /// <param name="from">Who sends.</param>
    /// <param name="destination">The destination MAC address.</param>
    /// <param name="expected">For each station 0 or <paramref name="count"/>.</param>
    /// <param name="source">The source MAC address; null for the station's own.</param>
    /// <param name="count">How many frames.</param>
    /// <remarks>
    /// When all have come that must, a broadcast is sent behind them: where it has arrived, whatever was too much has arrived, too. <see cref="AssertAll"/>
    /// asks once more at the end, for what came by another way.
    /// </remarks>
    public void Send(Station from, MacAddress destination, int[] expected, MacAddress? source = null, int count = Frames)
    {
        Assert.Equal(stations.Length, expected.Length);
        int run = Post(from, destination, expected, source, count, $"{count} frames from {from.Name} to {destination}");
        Station[] hearers = [.. reach(from)];
        if (hearers.Length > 0)
        {
            Post(
                from, MacAddress.Broadcast, [.. stations.Select(station => hearers.Contains(station) ? 1 : 0)], from.Mac, 1,
                $"the broadcast of {from.Name} behind frames to {destination}");
        }

        AssertRun(run);
    }

    /// <summary>Asks the same once more of all that was sent so far.</summary>
    public void AssertAll()
    {
        for (int run = 0; run < _runs.Count; run++)
        {
            AssertRun(run);
        }
    }

    private int Post(Station from, MacAddress destination, int[] expected, MacAddress? source, int count, string what)
    {
        int run = _runs.Count;
        _runs.Add((what, expected));
        from.Send(firstRun + run, count, destination, source);
        Wait.Until(
            () => stations.Zip(expected).All(pair => pair.First.Heard(firstRun + run).Count >= pair.Second),
            () => Describe(run));
        return run;
    }

    private void AssertRun(int run)
    {
        foreach ((Station station, int expected) in stations.Zip(_runs[run].Expected))
        {
            Assert.True(station.Heard(firstRun + run).Order().SequenceEqual(Enumerable.Range(0, expected)), $"{Describe(run)}; {station.Name} heard {string.Join(", ", station.Heard(firstRun + run))}");
        }
    }

    private string Describe(int run) =>
        $"{_runs[run].What}: expected {string.Join('/', _runs[run].Expected)}, heard {string.Join('/', stations.Select(station => station.Heard(firstRun + run).Count))}" +
        $" at {string.Join('/', stations.Select(station => station.Name))}";
}
