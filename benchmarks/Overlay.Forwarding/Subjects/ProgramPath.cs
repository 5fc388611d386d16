namespace Overlay.Forwarding.Subjects;

/// <summary>Looks for programs that a stranger's machine may lack.</summary>
internal static class ProgramPath
{
    /// <summary>The path of a program on the PATH, or where administrators' programs live.</summary>
    /// <param name="program">Its name.</param>
    /// <param name="advice">Where it can be had from, for the message.</param>
    /// <exception cref="UnavailableException">It is nowhere.</exception>
    public static string Of(string program, string advice)
    {
        string[] directories = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        return directories.Concat(["/usr/sbin", "/sbin"]).Select(directory => Path.Combine(directory, program)).FirstOrDefault(File.Exists)
            ?? throw new UnavailableException($"there is no {program} on the PATH ({advice})");
    }
}
