using System.Text;

namespace Overlay.Tests.Packaging;

/// <summary>The program in the README of a package, and what the README says it prints.</summary>
internal sealed record ReadmeExample(string Program, string Output)
{
    public static ReadmeExample Of(string id)
    {
        string[] lines = File.ReadAllLines(Path.Combine(Repository.Root, "src", id, "README.md"));
        return new ReadmeExample(Block(lines, "csharp"), Block(lines, "text"));
    }

    /// <summary>The first block of a language in a document of the repository.</summary>
    public static string BlockOf(string document, string language) => Block(File.ReadAllLines(Path.Combine(Repository.Root, document)), language);

    // The text between the first ```language and the next ```; empty if there is none.
    private static string Block(string[] lines, string language)
    {
        StringBuilder block = new();
        int start = Array.IndexOf(lines, "```" + language);
        for (int i = start + 1; start >= 0 && lines[i] != "```"; i++)
        {
            block.Append(lines[i]).Append('\n');
        }

        return block.ToString();
    }
}
