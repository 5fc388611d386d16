using System.Globalization;
using System.Text;

namespace Overlay.Tests.Documentation;

/// <summary>A field of a header: what the document shows, and what it holds in the example there.</summary>
/// <param name="Name">The name in the diagram; empty for a bit without one.</param>
/// <param name="Width">Bits: within a row of 32, or whole rows.</param>
/// <param name="Value">The value in the example.</param>
/// <param name="Hex">Whether the value is read better in hexadecimal.</param>
internal sealed record DiagramField(string Name, int Width, UInt128 Value = default, bool Hex = false);

/// <summary>
/// Draws a header as RFCs do, from its fields alone, and says which bytes they make. It shares no code with the library: where the library writes other
/// bytes, one of both is wrong.
/// </summary>
internal sealed class ByteDiagram(params DiagramField[] fields)
{
    private const int RowBits = 32;

    private const string Ruler =
        " 0                   1                   2                   3\n" +
        " 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1\n";

    private static readonly string Line = string.Concat(Enumerable.Repeat("+-", RowBits)) + "+\n";

    /// <summary>The bytes of the fields one behind the other.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[fields.Sum(field => field.Width) / 8];
        int at = 0;
        foreach (DiagramField field in fields)
        {
            for (int bit = field.Width - 1; bit >= 0; bit--, at++)
            {
                bytes[at / 8] |= (byte)((int)((field.Value >> bit) & 1) << (7 - (at % 8)));
            }
        }

        return bytes;
    }

    /// <summary>The diagram, the bytes, and the fields that are not zero: the block that stands in the document.</summary>
    public override string ToString()
    {
        StringBuilder text = new(Ruler + Line);
        int used = 0;
        foreach (DiagramField field in fields)
        {
            if (field.Width > RowBits)
            {
                string blank = $"|{new string(' ', (2 * RowBits) - 1)}|\n";
                text.Append(blank).Append('~').Append(Center(field.Name, (2 * RowBits) - 1)).Append("~\n").Append(blank).Append(Line);
                continue;
            }

            text.Append('|').Append(Center(field.Name, (2 * field.Width) - 1));
            used += field.Width;
            if (used == RowBits)
            {
                text.Append("|\n").Append(Line);
                used = 0;
            }
        }

        string hex = Convert.ToHexStringLower(ToBytes());
        IEnumerable<string> words = hex.Chunk(8).Select(word => new string(word));
        foreach (string[] row in words.Chunk(6))
        {
            text.Append('\n').AppendJoin(' ', row);
        }

        text.Append("\n\n").AppendJoin(", ", fields.Where(field => field.Value != 0).Select(Describe)).Append('\n');
        return text.ToString();
    }

    private static string Describe(DiagramField field) => field.Hex
        ? $"{field.Name} 0x{field.Value.ToString($"x{(field.Width + 3) / 4}", CultureInfo.InvariantCulture)}"
        : $"{field.Name} {field.Value}";

    private static string Center(string name, int width)
    {
        if (name.Length > width)
        {
            throw new ArgumentException($"\"{name}\" does not fit into {width} characters of a diagram.", nameof(name));
        }

        return name.PadLeft(name.Length + ((width - name.Length) / 2)).PadRight(width);
    }
}
