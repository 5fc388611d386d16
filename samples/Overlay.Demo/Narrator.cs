namespace Overlay.Demo;

/// <summary>Says what happens while it happens: a heading for each case, a line for each step with what was measured.</summary>
/// <param name="output">Where to.</param>
internal sealed class Narrator(TextWriter output)
{
    /// <summary>Begins a case.</summary>
    public void Heading(string text)
    {
        output.WriteLine();
        output.WriteLine(text);
    }

    /// <summary>One step of it.</summary>
    public void Step(string name, string measured) => output.WriteLine($"  {name,-10} {measured}");

    /// <summary>Text of its own form.</summary>
    public void Text(string text) => output.Write(text);
}
