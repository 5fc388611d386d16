using Overlay.Daemon.Configuration;
using Xunit;

namespace Overlay.Tests.Packaging;

/// <summary>What the documents of the repository show works.</summary>
public sealed class ReadmeTests
{
    /// <summary>The package's example is compiled, run and compiled ahead of time by the pack tests; the repository shows the same one.</summary>
    [Fact]
    public void The_readme_shows_the_example_that_the_packages_test()
    {
        string example = ReadmeExample.BlockOf("README.md", "csharp");
        Assert.NotEmpty(example);
        Assert.Equal(ReadmeExample.Of("Overlay").Program, example);
    }

    [Theory]
    [InlineData("README.md", 2)]
    [InlineData("docs/configuration.md", 5)]
    public void The_configurations_in_the_documents_are_accepted(string document, int tunnels)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, ReadmeExample.BlockOf(document, "jsonc"));
            ConfigErrors errors = new();
            DaemonConfig? config = ConfigFile.Load(path, errors);
            Assert.Equal(0, errors.Count);
            Assert.Equal(tunnels, config!.Tunnels.Count);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Every_drop_reason_stands_in_the_reference_with_its_sentence()
    {
        string text = File.ReadAllText(Path.Combine(Repository.Root, "docs", "configuration.md"));
        foreach (DropReason reason in Enum.GetValues<DropReason>().Where(reason => reason != DropReason.None))
        {
            Assert.Contains($"| `{DropReasons.Label(reason)}` | {DropReasons.Describe(reason)} |", text, StringComparison.Ordinal);
        }
    }
}
