using Overlay.Testing;

namespace Overlay.Forwarding.Subjects;

/// <summary>
/// The limit probe, compiled when it is first needed. Its source is <c>forwarder.c</c> below $OVERLAY_YARDSTICKS, else below <c>../shared/yardsticks</c>
/// beside the repository.
/// </summary>
/// <param name="repository">The root of the repository.</param>
/// <param name="output">Where the program is put.</param>
/// <param name="tunnelGso">Whether it sends superpackets whole, by a device and a redirect (-DTGSO).</param>
internal sealed class CProbeBuild(string repository, string output, bool tunnelGso)
{
    /// <summary>The name of the source file.</summary>
    public const string SourceFile = "forwarder.c";

    private static readonly TimeSpan CompilerBound = TimeSpan.FromSeconds(120);

    private readonly string[] _flags = ["-O3", "-march=native", "-w", "-pthread", .. tunnelGso ? ["-DTGSO"] : Array.Empty<string>()];
    private string? _program;

    /// <summary>Whether it sends superpackets whole.</summary>
    public bool TunnelGso => tunnelGso;

    /// <summary>The path of the program.</summary>
    /// <exception cref="UnavailableException">There is no source, no compiler, or not for this processor.</exception>
    public string Program => _program ??= Build();

    /// <summary>What it is made from and how, in one line.</summary>
    public string Describe() => $"the limit probe {SourceFile}, gcc {string.Join(' ', _flags)}";

    private string Build()
    {
        string source = FindSource();
        string compiler = ProgramPath.Of("gcc", "Debian package gcc");
        Directory.CreateDirectory(output);
        string program = Path.Combine(output, Path.GetFileNameWithoutExtension(SourceFile) + (tunnelGso ? "-tgso" : ""));
        CommandResult result = Command.TryRun(CompilerBound, compiler, [.. _flags, source, "-o", program]);
        // It uses AVX-512, which not every processor has.
        return result.ExitCode == 0 ? program : throw new UnavailableException($"gcc does not compile it for this processor: {FirstLine(result.Error)}");
    }

    private string FindSource()
    {
        string directory = Environment.GetEnvironmentVariable("OVERLAY_YARDSTICKS") is { Length: > 0 } configured
            ? configured
            : Path.GetFullPath(Path.Combine(repository, "..", "shared", "yardsticks"));
        string source = Path.Combine(directory, SourceFile);
        return File.Exists(source) ? source : throw new UnavailableException($"no {SourceFile}: set OVERLAY_YARDSTICKS to its directory");
    }

    private static string FirstLine(string text) =>
        text.Split('\n').FirstOrDefault(line => line.Contains("error", StringComparison.Ordinal))?.Trim() ?? text.Trim();
}
