namespace Overlay.Tests.Packaging;

/// <summary>The working tree the tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    /// <summary>Copies what a package is made of, without build output.</summary>
    public static void CopySourcesTo(string destination)
    {
        Directory.CreateDirectory(destination);
        foreach (string file in new[] { ".editorconfig", ".gitignore", "Directory.Build.props", "Directory.Packages.props", "LICENSE", "global.json" })
        {
            File.Copy(Path.Combine(Root, file), Path.Combine(destination, file));
        }

        CopyTree(new DirectoryInfo(Path.Combine(Root, "src")), Path.Combine(destination, "src"));
    }

    private static void CopyTree(DirectoryInfo source, string destination)
    {
        Directory.CreateDirectory(destination);
        foreach (FileInfo file in source.EnumerateFiles())
        {
            file.CopyTo(Path.Combine(destination, file.Name));
        }

        foreach (DirectoryInfo directory in source.EnumerateDirectories())
        {
            if (directory.Name is not ("bin" or "obj"))
            {
                CopyTree(directory, Path.Combine(destination, directory.Name));
            }
        }
    }

    private static string Find()
    {
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Overlay.sln")))
            {
                return directory.FullName;
            }
        }

        throw new DirectoryNotFoundException($"No Overlay.sln above {AppContext.BaseDirectory}: these tests belong into the repository they were built from.");
    }
}
