using System.Text;

namespace Overlay.Daemon.Commands;

/// <summary>
/// Aligned columns of a table whose rows come one after the other and may be too many to be held: the first rows decide how wide the columns are, and a later row
/// that needs more makes them wider from there on.
/// </summary>
/// <param name="columns">The columns.</param>
internal sealed class StreamedTable(TableColumn[] columns)
{
    private const int Measured = 1_000;

    private readonly int[] _widths = [.. columns.Select(column => column.Name.Length)];
    private readonly List<string[]> _held = [];
    private readonly StringBuilder _text = new();
    private bool _isMeasured;

    /// <summary>Adds a row.</summary>
    public void Add(string[] cells)
    {
        for (int i = 0; i < cells.Length; i++)
        {
            _widths[i] = Math.Max(_widths[i], cells[i].Length);
        }

        if (_isMeasured)
        {
            Append(cells);
            return;
        }

        _held.Add(cells);
        if (_held.Count == Measured)
        {
            Measure();
        }
    }

    /// <summary>The text that is ready.</summary>
    public string Take()
    {
        string text = _text.ToString();
        _text.Clear();
        return text;
    }

    /// <summary>The rest of the text; the heading alone if there were no rows.</summary>
    public string Finish()
    {
        if (!_isMeasured)
        {
            Measure();
        }

        return Take();
    }

    private void Measure()
    {
        _isMeasured = true;
        Append([.. columns.Select(column => column.Name)]);
        _held.ForEach(Append);
        _held.Clear();
    }

    private void Append(string[] cells)
    {
        int start = _text.Length;
        for (int i = 0; i < cells.Length; i++)
        {
            _text.Append(i == 0 ? "" : "  ").Append(columns[i].IsNumber ? cells[i].PadLeft(_widths[i]) : cells[i].PadRight(_widths[i]));
        }

        while (_text.Length > start && _text[^1] == ' ')
        {
            _text.Length--;
        }

        _text.Append('\n');
    }
}
