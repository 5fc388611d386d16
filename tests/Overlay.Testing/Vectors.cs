namespace Overlay.Testing;

/// <summary>The golden frames and measured verdicts below <c>tests/vectors</c>; they are part of the repository, so their absence is an error.</summary>
public static class Vectors
{
    /// <summary>The full path of a file of vectors.</summary>
    /// <exception cref="FileNotFoundException">It is not there.</exception>
    public static string PathOf(string name)
    {
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            string candidate = Path.Combine(directory.FullName, "tests", "vectors", name);
            if (File.Exists(candidate))
            {
                return candidate;
            }
        }

        throw new FileNotFoundException($"No tests/vectors/{name} above {AppContext.BaseDirectory}.");
    }
}
