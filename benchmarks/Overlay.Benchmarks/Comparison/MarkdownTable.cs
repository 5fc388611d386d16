using System.Globalization;
using System.Text;

namespace Overlay.Benchmarks.Comparison;

/// <summary>A table in Markdown, and how figures look in it.</summary>
internal sealed class MarkdownTable
{
    /// <summary>What stands where nothing was measured.</summary>
    public const string Nothing = "–";

    private readonly StringBuilder _text = new();

    /// <summary>Starts it.</summary>
    /// <param name="titles">The titles of the columns; one that begins with <c>&gt;</c> is of figures.</param>
    public MarkdownTable(params string[] titles)
    {
        Row([.. titles.Select(title => title.TrimStart('>'))]);
        _text.Append('|').AppendJoin('|', titles.Select(title => title.StartsWith('>') ? "--:" : "---")).Append("|\n");
    }

    /// <summary>How many rows there are behind the titles.</summary>
    public int Count { get; private set; } = -1;

    /// <summary>Adds a row.</summary>
    public void Row(params string[] cells)
    {
        _text.Append("| ").AppendJoin(" | ", cells).Append(" |\n");
        Count++;
    }

    /// <inheritdoc/>
    public override string ToString() => _text.ToString();

    /// <summary>The median with the fastest and the slowest iteration.</summary>
    public static string Spread(Measurement? measurement) => measurement is null ? Nothing
        : measurement.Nanoseconds.Count == 1 ? Time(measurement.Median)
        : $"{Time(measurement.Median)} ({Time(measurement.Minimum)}–{Time(measurement.Maximum)})";

    /// <summary>Nanoseconds.</summary>
    public static string Time(double? nanoseconds) =>
        nanoseconds?.ToString(nanoseconds < 1000 ? "0.00" : "0", CultureInfo.InvariantCulture) ?? Nothing;

    /// <summary>How many times the reference.</summary>
    public static string Ratio(double? value, double? reference) => (value / reference)?.ToString("0.00×", CultureInfo.InvariantCulture) ?? Nothing;

    /// <summary>Bytes that were allocated.</summary>
    public static string Bytes(Measurement? measurement) => measurement?.AllocatedBytes is { } bytes ? $"{bytes} B" : Nothing;
}
