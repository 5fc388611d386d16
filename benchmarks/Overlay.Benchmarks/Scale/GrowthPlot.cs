using System.Globalization;
using System.Text;

namespace Overlay.Benchmarks.Scale;

/// <summary>Entries against nanoseconds and against bytes, as SVG that needs nothing else.</summary>
internal static class GrowthPlot
{
    private const int Width = 860;
    private const int Height = 380;
    private const int PanelWidth = 330;
    private const int PanelHeight = 250;
    private const int Top = 60;
    private const int Ticks = 5;

    private static readonly string[] Colours = ["#0b61a4", "#c4501b", "#3a7d44", "#7a3e9d"];

    /// <summary>Draws.</summary>
    /// <param name="points">At least one.</param>
    public static string Draw(IReadOnlyList<GrowthPoint> points)
    {
        StringBuilder svg = new();
        Line($"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" font-family=\"sans-serif\" font-size=\"12\" role=\"img\">");
        Line($"<title>Tables by size: time of a look-up and bytes per entry</title><rect width=\"{Width}\" height=\"{Height}\" fill=\"#fff\"/>");
        string[] tables = [.. points.Select(static point => point.Table).Distinct()];
        List<(string Name, IReadOnlyList<(int Entries, double Value)> Values)> times = [];
        foreach (string table in tables)
        {
            times.Add((table, [.. points.Where(point => point.Table == table).Select(static point => (point.Entries, point.Single))]));
            times.Add(($"{table}, in batches", [.. points.Where(point => point.Table == table).Select(static point => (point.Entries, point.Bulk))]));
        }

        Panel(svg, 70, "nanoseconds per look-up", times);
        Panel(svg, 500, "bytes per entry", [.. tables.Select(table =>
            (table, (IReadOnlyList<(int, double)>)[.. points.Where(point => point.Table == table).Select(static point => (point.Entries, point.BytesPerEntry))]))]);
        Line($"</svg>");
        return svg.ToString();

        void Line(FormattableString line) => svg.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }

    private static void Panel(StringBuilder svg, int left, string title, List<(string Name, IReadOnlyList<(int Entries, double Value)> Values)> lines)
    {
        double smallest = Math.Log10(lines.Min(static line => line.Values.Min(static value => value.Entries)));
        double largest = Math.Max(smallest + 1, Math.Log10(lines.Max(static line => line.Values.Max(static value => value.Entries))));
        double step = Step(lines.Max(static line => line.Values.Max(static value => value.Value)) / Ticks);
        double top = step * Ticks;
        Line($"<text x=\"{left}\" y=\"{Top - 38}\" font-size=\"14\" font-weight=\"bold\">{title}</text>");
        for (int i = 0; i <= Ticks; i++)
        {
            double y = Y(i * step);
            Line($"<line x1=\"{left}\" y1=\"{y:0.0}\" x2=\"{left + PanelWidth}\" y2=\"{y:0.0}\" stroke=\"#ddd\"/><text x=\"{left - 8}\" y=\"{y + 4:0.0}\" text-anchor=\"end\">{i * step:0.##}</text>");
        }

        for (int power = (int)Math.Ceiling(smallest); power <= largest + 0.001; power++)
        {
            double x = X(Math.Pow(10, power));
            Line($"<line x1=\"{x:0.0}\" y1=\"{Top}\" x2=\"{x:0.0}\" y2=\"{Top + PanelHeight}\" stroke=\"#eee\"/>");
            Line($"<text x=\"{x:0.0}\" y=\"{Top + PanelHeight + 18}\" text-anchor=\"middle\">10<tspan dy=\"-5\" font-size=\"9\">{power}</tspan></text>");
        }

        Line($"<text x=\"{left + (PanelWidth / 2)}\" y=\"{Top + PanelHeight + 38}\" text-anchor=\"middle\">entries</text>");
        for (int i = 0; i < lines.Count; i++)
        {
            string colour = Colours[i % Colours.Length];
            string path = string.Join(' ', lines[i].Values.Select(value => FormattableString.Invariant($"{X(value.Entries):0.0},{Y(value.Value):0.0}")));
            Line($"<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>");
            Line($"<text x=\"{left + (i % 2 * PanelWidth / 2)}\" y=\"{Top - 20 + (i / 2 * 14)}\" fill=\"{colour}\">{lines[i].Name}</text>");
        }

        double X(double entries) => left + ((Math.Log10(entries) - smallest) / (largest - smallest) * PanelWidth);
        double Y(double value) => Top + PanelHeight - (value / top * PanelHeight);
        void Line(FormattableString line) => svg.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }

    // 1, 2 or 5 times a power of ten.
    private static double Step(double least)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(Math.Max(least, 1e-9))));
        return least <= power ? power : least <= 2 * power ? 2 * power : least <= 5 * power ? 5 * power : 10 * power;
    }
}
