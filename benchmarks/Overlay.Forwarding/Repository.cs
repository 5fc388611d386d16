namespace Overlay.Forwarding;

/// <summary>The repository that this program was built in.</summary>
internal static class Repository
{
    /// <summary>Its root: the directory of Overlay.sln.</summary>
    public static string Root { get; } = Find();

    private static string Find()
    {
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Overlay.sln")))
            {
                return directory.FullName;
            }
        }

        throw new DirectoryNotFoundException($"No Overlay.sln above {AppContext.BaseDirectory}.");
    }
}
