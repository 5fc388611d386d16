namespace Overlay.Testing;

/// <summary>
/// What a test needs of the machine. Missing, the test fails where CI=true and is skipped, with the reason, elsewhere.
/// </summary>
public static class Requires
{
    // xunit.v3 turns an exception whose message begins so into a skip; this project need not reference it.
    private const string SkipToken = "$XunitDynamicSkip$";

    /// <summary>Whether this is continuous integration, where nothing may be skipped for want of a tool.</summary>
    public static bool IsContinuousIntegration => string.Equals(Environment.GetEnvironmentVariable("CI"), "true", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether root here is root of the machine, and not of a user namespace (<c>unshare -U</c>).</summary>
    public static bool IsInitialUserNamespace => File.ReadAllText("/proc/self/uid_map").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) is ["0", "0", "4294967295"];

    /// <summary>Skips the running test, in CI too.</summary>
    public static void Skip(string reason) => throw new InvalidOperationException(SkipToken + reason);

    /// <summary>Needs a program of the PATH.</summary>
    /// <returns>Its path.</returns>
    public static string Tool(string name)
    {
        string[] directories = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        // Where administrators' programs live is not in everybody's PATH.
        foreach (string directory in directories.Concat(["/usr/sbin", "/sbin"]))
        {
            string path = Path.Combine(directory, name);
            if (File.Exists(path))
            {
                return path;
            }
        }

        Missing($"needs the program {name}, which is not in the PATH");
        return name;
    }

    /// <summary>Needs the rights of root.</summary>
    public static void Root()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            Missing("needs root, for network namespaces and packet sockets");
        }
    }

    /// <summary>Fails in CI, skips elsewhere.</summary>
    public static void Missing(string reason)
    {
        if (IsContinuousIntegration)
        {
            throw new InvalidOperationException($"CI=true, and this test {reason}.");
        }

        Skip(reason);
    }
}
