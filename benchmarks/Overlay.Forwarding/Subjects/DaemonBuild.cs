using Overlay.Testing;

namespace Overlay.Forwarding.Subjects;

/// <summary>
/// overlayd compiled in another way than for the just-in-time compiler: published when it is first needed. What of that is already there from another
/// run and still true the build finds out by itself, within seconds.
/// </summary>
/// <param name="repository">The root of the repository.</param>
/// <param name="output">The directory in which this one gets its own.</param>
/// <param name="name">The name of that.</param>
/// <param name="what">What is done, in a few words for the report.</param>
/// <param name="arguments">The arguments of <c>dotnet publish</c> that do it.</param>
internal sealed class DaemonBuild(string repository, string output, string name, string what, params string[] arguments)
{
    private const string ProgramName = "overlayd";

    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(10);

    // No compiler server may stay behind and take CPU time during the rounds.
    private static readonly string[] Environment = ["MSBUILDDISABLENODEREUSE=1", "UseSharedCompilation=false", "DOTNET_CLI_USE_MSBUILD_SERVER=0"];

    private string? _program;

    /// <summary>The path of the program.</summary>
    /// <exception cref="UnavailableException">It cannot be built here.</exception>
    public string Program => _program ??= Publish();

    /// <summary>How it is compiled, in a few words.</summary>
    public string Describe() => what;

    private string Publish()
    {
        string directory = Path.Combine(output, name);
        string[] command =
        [
            .. Environment, ProgramPath.Of("dotnet", "the .NET SDK"), "publish", Path.Combine(repository, "samples", "Overlay.Daemon"), "-c", "Release",
            "-v", "quiet", "-nologo", "-tl:off", "--use-current-runtime", .. arguments,
            // Apart from the everyday output, which another runtime identifier would spoil.
            "-p:UseArtifactsOutput=true", $"-p:ArtifactsPath={Path.Combine(output, "build-" + name)}", "-o", directory,
        ];
        CommandResult result = Command.TryRun(Bound, "env", command);
        if (result.ExitCode != 0)
        {
            string said = result.Output + result.Error;
            throw new UnavailableException(
                $"dotnet publish {string.Join(' ', arguments)} failed: {said.Split('\n').FirstOrDefault(line => line.Contains("error", StringComparison.Ordinal))?.Trim() ?? said.Trim()}");
        }

        return Path.Combine(directory, ProgramName);
    }
}
