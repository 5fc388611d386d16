using System.Globalization;
using System.IO.Compression;
using System.Xml.Linq;
using Overlay.Testing;
using Xunit;

namespace Overlay.Tests.Packaging;

/// <summary>
/// Packs the working tree once, the way a release is packed: from a clean checkout with a commit and a public remote.
/// The version is unique, so that no cache and no feed can have it already.
/// </summary>
public sealed class PackageFixture : IAsyncDisposable
{
    public const string Remote = "https://github.com/example/overlay";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("overlay-pack-");
    private readonly SemaphoreSlim _once = new(1, 1);
    private string? _commit;

    public string Version { get; } = string.Create(CultureInfo.InvariantCulture, $"0.1.0-test.{DateTime.UtcNow:yyyyMMddHHmmss}.{Environment.ProcessId}");

    /// <summary>Where consumers can put their projects: outside of the repository.</summary>
    public string Workspace => _directory.FullName;

    public string Feed => Path.Combine(_directory.FullName, "feed");

    /// <summary>The commit the packages were made from.</summary>
    public string Commit => _commit ?? throw new InvalidOperationException("Nothing is packed yet.");

    public ZipArchive OpenPackage(string id) => ZipFile.OpenRead(Path.Combine(Feed, $"{id}.{Version}.nupkg"));

    public ZipArchive OpenSymbols(string id) => ZipFile.OpenRead(Path.Combine(Feed, $"{id}.{Version}.snupkg"));

    public XElement Metadata(string id)
    {
        using ZipArchive package = OpenPackage(id);
        using Stream nuspec = package.GetEntry($"{id}.nuspec")!.Open();
        return XDocument.Load(nuspec).Root!.Elements().Single(element => element.Name.LocalName == "metadata");
    }

    /// <summary>Packs, the first time it is called.</summary>
    public async Task PackAsync(CancellationToken cancellationToken)
    {
        string git = Requires.Tool("git");
        await _once.WaitAsync(cancellationToken);
        try
        {
            if (_commit is not null)
            {
                return;
            }

            string source = Path.Combine(_directory.FullName, "source");
            Repository.CopySourcesTo(source);
            await CommandLine.SucceedAsync(source, git, ["init", "-q"], cancellationToken);
            await CommandLine.SucceedAsync(source, git, ["remote", "add", "origin", Remote + ".git"], cancellationToken);
            await CommandLine.SucceedAsync(source, git, ["add", "-A"], cancellationToken);
            await CommandLine.SucceedAsync(
                source,
                git,
                ["-c", "user.name=test", "-c", "user.email=test@example.invalid", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "Packed by a test"],
                cancellationToken);
            foreach (string id in new[] { "Overlay", "Overlay.Linux" })
            {
                await DotnetAsync(
                    source,
                    ["pack", $"src/{id}", "-c", "Release", "-nologo", "-o", Feed, $"-p:Version={Version}", "-p:ContinuousIntegrationBuild=true"],
                    cancellationToken);
            }

            _commit = (await CommandLine.SucceedAsync(source, git, ["rev-parse", "HEAD"], cancellationToken)).Trim();
        }
        finally
        {
            _once.Release();
        }
    }

    /// <summary>Runs the SDK, which may not leave a server behind nor take over the variables of the build that started the tests.</summary>
    public static async Task<string> DotnetAsync(string directory, string[] arguments, CancellationToken cancellationToken)
    {
        (string Name, string? Value)[] environment =
        [
            ("MSBUILDDISABLENODEREUSE", "1"), ("UseSharedCompilation", "false"), ("DOTNET_CLI_USE_MSBUILD_SERVER", "0"),
            ("MSBuildSDKsPath", null), ("MSBuildExtensionsPath", null), ("MSBUILD_EXE_PATH", null), ("CI", null),
        ];
        (int exitCode, string output) = await CommandLine.RunAsync(directory, Requires.Tool("dotnet"), arguments, cancellationToken, environment);
        if (exitCode != 0 && output.Contains("NU1301", StringComparison.Ordinal))
        {
            Requires.Missing("needs a package feed that answers: the consumer restores Microsoft.Extensions.ObjectPool and the AOT compiler");
        }

        Assert.True(exitCode == 0, $"dotnet {string.Join(' ', arguments)} ended with {exitCode}:\n{output}");
        return output;
    }

    public async ValueTask DisposeAsync()
    {
        // The consumer restored into the packages folder of the user, where the AOT compiler may lie already; only what is ours is taken out again.
        string packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        foreach (string id in new[] { "overlay", "overlay.linux" })
        {
            DirectoryInfo restored = new(Path.Combine(packages, id, Version));
            if (restored.Exists)
            {
                restored.Delete(recursive: true);
                if (!restored.Parent!.EnumerateFileSystemInfos().Any())
                {
                    restored.Parent.Delete();
                }
            }
        }

        await Task.Run(() => _directory.Delete(recursive: true));
        _once.Dispose();
    }
}
