using System.IO.Compression;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text;
using System.Xml.Linq;
using Overlay.Testing;
using Xunit;

namespace Overlay.Tests.Packaging;

/// <summary>The packages as a stranger gets them: what they say about themselves, and whether the example of their README works.</summary>
public sealed class PackTests(PackageFixture packages) : IClassFixture<PackageFixture>
{
    // https://github.com/dotnet/runtime/blob/main/docs/design/specs/PortablePdb-Metadata.md, "Source Link"
    private static readonly Guid SourceLinkKind = new("CC110556-A091-4D38-9FEC-25AB9A351A6A");

    [Theory]
    [InlineData("Overlay")]
    [InlineData("Overlay.Linux")]
    public async Task Package_names_its_licence_readme_and_commit(string id)
    {
        await packages.PackAsync(TestContext.Current.CancellationToken);

        XElement metadata = packages.Metadata(id);

        Assert.Equal(id, Value(metadata, "id"));
        Assert.Equal(packages.Version, Value(metadata, "version"));
        Assert.Equal("MIT", Value(metadata, "license"));
        Assert.Equal("expression", Child(metadata, "license").Attribute("type")?.Value);
        Assert.Equal("README.md", Value(metadata, "readme"));
        Assert.NotEmpty(Value(metadata, "description"));
        Assert.NotEmpty(Value(metadata, "tags"));
        Assert.Equal("git", Child(metadata, "repository").Attribute("type")?.Value);
        Assert.StartsWith(PackageFixture.Remote, Child(metadata, "repository").Attribute("url")?.Value, StringComparison.Ordinal);
        Assert.Equal(packages.Commit, Child(metadata, "repository").Attribute("commit")?.Value);
    }

    [Theory]
    [InlineData("Overlay", "Microsoft.Extensions.ObjectPool")]
    [InlineData("Overlay.Linux", "Overlay")]
    public async Task Package_depends_on_nothing_but(string id, string dependency)
    {
        await packages.PackAsync(TestContext.Current.CancellationToken);

        XElement group = Assert.Single(Child(packages.Metadata(id), "dependencies").Elements());

        Assert.Equal("net10.0", group.Attribute("targetFramework")?.Value);
        Assert.Equal([dependency], group.Elements().Select(element => element.Attribute("id")?.Value));
    }

    [Theory]
    [InlineData("Overlay")]
    [InlineData("Overlay.Linux")]
    public async Task Package_holds_library_documentation_and_its_own_readme(string id)
    {
        await packages.PackAsync(TestContext.Current.CancellationToken);

        using ZipArchive package = packages.OpenPackage(id);
        string[] files = [.. package.Entries.Select(entry => entry.FullName).Where(name => !name.StartsWith("_rels/", StringComparison.Ordinal)
            && !name.StartsWith("package/", StringComparison.Ordinal) && name != "[Content_Types].xml").Order(StringComparer.Ordinal)];

        Assert.Equal([$"{id}.nuspec", "README.md", $"lib/net10.0/{id}.dll", $"lib/net10.0/{id}.xml"], files);
        using StreamReader readme = new(package.GetEntry("README.md")!.Open());
        Assert.StartsWith($"# {id}\n", await readme.ReadToEndAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Overlay")]
    [InlineData("Overlay.Linux")]
    public async Task Symbols_belong_to_the_library_and_lead_to_the_sources(string id)
    {
        await packages.PackAsync(TestContext.Current.CancellationToken);

        using ZipArchive package = packages.OpenPackage(id);
        using PEReader library = new(Read(package, $"lib/net10.0/{id}.dll"));
        using ZipArchive symbolPackage = packages.OpenSymbols(id);
        using MetadataReaderProvider provider = MetadataReaderProvider.FromPortablePdbStream(Read(symbolPackage, $"lib/net10.0/{id}.pdb"));
        MetadataReader symbols = provider.GetMetadataReader();

        DebugDirectoryEntry codeView = library.ReadDebugDirectory().Single(entry => entry.Type == DebugDirectoryEntryType.CodeView);
        Assert.Equal(library.ReadCodeViewDebugDirectoryData(codeView).Guid, new BlobContentId(symbols.DebugMetadataHeader!.Id).Guid);
        Assert.Contains(library.ReadDebugDirectory(), entry => entry.Type == DebugDirectoryEntryType.Reproducible);

        byte[] sourceLink = symbols.GetCustomDebugInformation(EntityHandle.ModuleDefinition)
            .Select(symbols.GetCustomDebugInformation)
            .Where(information => symbols.GetGuid(information.Kind) == SourceLinkKind)
            .Select(information => symbols.GetBlobBytes(information.Value))
            .Single();
        Assert.Contains($"https://raw.githubusercontent.com/example/overlay/{packages.Commit}/*", Encoding.UTF8.GetString(sourceLink), StringComparison.Ordinal);

        // A deterministic build does not tell where on the machine it was made.
        Assert.All(symbols.Documents, document => Assert.StartsWith("/_", symbols.GetString(symbols.GetDocument(document).Name), StringComparison.Ordinal));
    }

    [Fact]
    public async Task Example_of_the_readme_prints_what_the_readme_says_also_compiled_ahead_of_time()
    {
        CancellationToken cancellationToken = TestContext.Current.CancellationToken;
        Requires.Tool("gcc");
        await packages.PackAsync(cancellationToken);
        ReadmeExample example = ReadmeExample.Of("Overlay");
        Assert.NotEmpty(example.Program);
        Assert.NotEmpty(example.Output);
        string consumer = MakeConsumer("Consumer", example.Program);

        string build = await PackageFixture.DotnetAsync(consumer, ["build", "-c", "Release", "-nologo", "-tl:off"], cancellationToken);
        Assert.Equal(example.Output, await CommandLine.SucceedAsync(
            consumer, Requires.Tool("dotnet"), ["exec", "bin/Release/net10.0/Consumer.dll"], cancellationToken));

        // Both libraries are roots, so that all of their code goes through the AOT compiler and its analysis, not only what the example calls.
        string publish = await PackageFixture.DotnetAsync(
            consumer, ["publish", "-c", "Release", "-nologo", "-tl:off", "--use-current-runtime", "-p:PublishAot=true", "-o", "native"], cancellationToken);
        Assert.Equal(example.Output, await CommandLine.SucceedAsync(consumer, Path.Combine(consumer, "native", "Consumer"), [], cancellationToken));

        Assert.Contains("Generating native code", publish, StringComparison.Ordinal);
        Assert.DoesNotContain("warning ", build + publish, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Example_of_the_linux_readme_compiles()
    {
        await packages.PackAsync(TestContext.Current.CancellationToken);
        ReadmeExample example = ReadmeExample.Of("Overlay.Linux");
        Assert.NotEmpty(example.Program);

        string output = await PackageFixture.DotnetAsync(
            MakeConsumer("LinuxConsumer", example.Program), ["build", "-c", "Release", "-nologo", "-tl:off"], TestContext.Current.CancellationToken);

        Assert.DoesNotContain("warning ", output, StringComparison.Ordinal);
    }

    private string MakeConsumer(string name, string program)
    {
        string directory = Directory.CreateDirectory(Path.Combine(packages.Workspace, name)).FullName;
        Write("Program.cs", program);
        // Nothing above this directory may have a say.
        Write("Directory.Build.props", "<Project />");
        Write("Directory.Build.targets", "<Project />");
        Write("Directory.Packages.props", "<Project />");
        Write("nuget.config", $"""
            <configuration>
              <packageSources>
                <add key="overlay-under-test" value="{packages.Feed}" />
              </packageSources>
            </configuration>
            """);
        Write($"{name}.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <Nullable>enable</Nullable>
                <ImplicitUsings>enable</ImplicitUsings>
                <IsAotCompatible>true</IsAotCompatible>
                <InvariantGlobalization>true</InvariantGlobalization>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
                <!-- A new advisory in a dependency is not what this test is about. -->
                <NuGetAudit>false</NuGetAudit>
                <TrimmerSingleWarn>false</TrimmerSingleWarn>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="Overlay" Version="[{packages.Version}]" />
                <PackageReference Include="Overlay.Linux" Version="[{packages.Version}]" />
                <TrimmerRootAssembly Include="Overlay" />
                <TrimmerRootAssembly Include="Overlay.Linux" />
              </ItemGroup>
            </Project>
            """);
        return directory;

        void Write(string file, string text) => File.WriteAllText(Path.Combine(directory, file), text);
    }

    private static XElement Child(XElement parent, string name) => parent.Elements().Single(element => element.Name.LocalName == name);

    private static string Value(XElement parent, string name) => Child(parent, name).Value;

    private static MemoryStream Read(ZipArchive archive, string name)
    {
        using Stream stream = archive.GetEntry(name)!.Open();
        MemoryStream memory = new();
        stream.CopyTo(memory);
        memory.Position = 0;
        return memory;
    }
}
