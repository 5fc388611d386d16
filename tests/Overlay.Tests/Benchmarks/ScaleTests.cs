using System.Xml.Linq;
using Overlay.Benchmarks.Scale;
using Overlay.Tables;
using Xunit;

namespace Overlay.Tests.Benchmarks;

/// <summary>The benchmark of the tables at the size of a cluster.</summary>
public sealed class ScaleTests
{
    [Fact]
    public void The_plot_is_SVG_with_a_line_for_each_table_and_no_figure_outside_of_its_panel()
    {
        GrowthPoint[] points =
        [
            new("forwarding table", 100, 4.5, 3.1, 40), new("forwarding table", 1_000_000, 80.2, 18, 31.5),
            new("routes of IPv4", 100, 2.5, 2.1, 120), new("routes of IPv4", 1_000_000, 14, 7.5, 28),
        ];

        XElement svg = XDocument.Parse(GrowthPlot.Draw(points)).Root!;

        XElement[] lines = [.. svg.Elements().Where(static element => element.Name.LocalName == "polyline")];
        Assert.Equal(6, lines.Length);
        string[] box = svg.Attribute("viewBox")!.Value.Split(' ');
        Assert.All(
            lines.SelectMany(static line => line.Attribute("points")!.Value.Split(' ')).Select(static point => point.Split(',').Select(double.Parse).ToArray()),
            point =>
            {
                Assert.InRange(point[0], 0, double.Parse(box[2]));
                Assert.InRange(point[1], 60, 310);
            });
        Assert.Contains("routes of IPv4, in batches", svg.Value, StringComparison.Ordinal);
    }

    [Fact]
    public void One_size_alone_can_be_drawn() =>
        Assert.Equal(3, XDocument.Parse(GrowthPlot.Draw([new GrowthPoint("t", 100, 0, 0, 0)])).Root!.Elements().Count(static element => element.Name.LocalName == "polyline"));

    [Fact]
    public void Half_of_the_ratios_are_below_the_median()
    {
        Series series = new("x");
        series.Overlay.AddRange([1, 2, 30]);
        series.Dpdk.AddRange([2, 2, 10]);

        Assert.Equal(1, series.Ratio);
        Assert.Null(new Series("y").Ratio);
    }

    [Theory]
    [InlineData("--rounds", "0")]
    [InlineData("--rounds")]
    [InlineData("--fast")]
    public void What_is_no_option_is_refused(params string[] args) =>
        Assert.Contains(ScaleOptions.Usage, Assert.Throws<ArgumentException>(() => ScaleOptions.Parse(args)).Message, StringComparison.Ordinal);

    [Fact]
    public void The_world_has_the_prefix_lengths_of_the_Internet_table_and_everything_asked_of_IPv6_is_there()
    {
        (ValueIPAddress Prefix, int Length)[] routes = ScaleWorld.Routes4(20_000);
        Assert.InRange(routes.Count(static route => route.Length == 24), 11_500, 12_500);
        Assert.All(routes, static route => Assert.Equal(route.Prefix, route.Prefix.Mask(route.Length)));

        (ValueIPAddress Prefix, int Length)[] routes6 = ScaleWorld.Routes6(2_000);
        RouteTable<int> table = new();
        foreach ((ValueIPAddress prefix, int length) in routes6)
        {
            table.Set(prefix, length, 1);
        }

        Assert.All(ScaleWorld.Asked6(routes6).Take(5_000), address => Assert.True(table.TryLookup(address, out _)));
    }

    [Fact]
    public void Hot_keys_are_few()
    {
        (ForwardingKey[] any, ForwardingKey[] hot) = ScaleWorld.Asked(ScaleWorld.Keys(50_000));

        Assert.InRange(hot.Distinct().Count(), 9_900, ScaleWorld.Hot);
        Assert.InRange(any.Distinct().Count(), 49_000, 50_000);
    }
}
