namespace Overlay.Daemon.Configuration;

/// <summary>A configuration file: read, parsed and checked.</summary>
internal static class ConfigFile
{
    /// <summary>The largest file that is read, in bytes: some hundred thousand entries.</summary>
    public const int MaxLength = 16 * 1024 * 1024;

    /// <summary>Reads a file.</summary>
    /// <param name="path">Where it lies.</param>
    /// <param name="errors">Takes every mistake.</param>
    /// <returns>The configuration; null if there is any mistake.</returns>
    public static DaemonConfig? Load(string path, ConfigErrors errors)
    {
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            byte[] bytes = new byte[MaxLength + 1];
            int length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            if (length <= MaxLength)
            {
                return ConfigReader.Read(bytes.AsSpan(0, length), errors);
            }

            errors.Add(0, $"the file is longer than {MaxLength} bytes; a configuration is shorter");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            errors.Add(0, "there is no such file; the path of a configuration file is right");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            errors.Add(0, $"cannot be read: {e.Message}");
        }

        return null;
    }
}
