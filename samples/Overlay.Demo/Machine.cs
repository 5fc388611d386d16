using System.Net.Sockets;
using Overlay.Testing;

namespace Overlay.Demo;

/// <summary>What the demo needs of the machine it runs on.</summary>
internal static class Machine
{
    private const string TunFile = "/dev/net/tun";

    /// <summary>Whether nothing may be left out: <c>CI=true</c>.</summary>
    public static bool IsContinuousIntegration => Requires.IsContinuousIntegration;

    /// <summary>Whether the kernel has IPv6.</summary>
    public static bool HasIPv6 => Directory.Exists("/proc/sys/net/ipv6");

    /// <summary>The kernel, such as <c>Linux 6.1</c>.</summary>
    public static string Kernel { get; } = $"Linux {Environment.OSVersion.Version.ToString(2)}";

    /// <summary>Tries what every case needs.</summary>
    /// <returns>Why no case can run; null if there is no obstacle.</returns>
    public static string? FindObstacle()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return "neither root nor in namespaces of one's own: ./build.sh demo sees to that";
        }

        if (FindTool("ip") is null)
        {
            return "the program ip is missing (Debian package iproute2)";
        }

        try
        {
            using Netns netns = Netns.Create(Hosts.Lab.NamespacePrefix);
        }
        catch (Exception exception) when (exception is InvalidOperationException or IOException)
        {
            return $"network namespaces cannot be made: {Explain(exception)}";
        }

        return FindTunObstacle();
    }

    /// <summary>The path of a program, or null.</summary>
    public static string? FindTool(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Concat(["/usr/sbin", "/sbin"])
        .Select(directory => Path.Combine(directory, name))
        .FirstOrDefault(File.Exists);

    /// <summary>Whether an exception says that a step went wrong: the kernel, a program or a time limit. Anything else is a mistake of this program.</summary>
    public static bool IsFailure(Exception exception) =>
        exception is IOException or SocketException or InvalidOperationException or InvalidDataException or TimeoutException;

    /// <summary>The message of an exception, without the word that makes it a skipped test elsewhere.</summary>
    public static string Explain(Exception exception) => exception.Message.Replace("$XunitDynamicSkip$", "", StringComparison.Ordinal);

    private static string? FindTunObstacle()
    {
        try
        {
            using FileStream file = new(TunFile, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
            return null;
        }
        catch (UnauthorizedAccessException)
        {
            return $"{TunFile}: permission denied for this user; on most distributions its mode is 0666 (sudo chmod 666 {TunFile}), or run as root";
        }
        catch (IOException exception)
        {
            return $"{TunFile}: {exception.Message} (sudo modprobe tun, or give the container the device)";
        }
    }
}
