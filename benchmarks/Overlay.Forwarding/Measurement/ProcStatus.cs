using System.Globalization;

namespace Overlay.Forwarding.Measurement;

/// <summary>Memory as the kernel accounts for it (proc(5)).</summary>
internal static class ProcStatus
{
    private const double KibiPerMebi = 1024;

    /// <summary>What a process has in RAM, in MiB, from its <c>/proc/PID/status</c>: the line <c>VmRSS:  4711 kB</c>.</summary>
    /// <exception cref="InvalidDataException">There is no such line.</exception>
    public static double ResidentMebibytes(string status)
    {
        const string key = "VmRSS:";
        string[]? fields = status.Split('\n').FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal))?
            .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return fields is [_, var number, "kB"] && long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out long kibibytes)
            ? kibibytes / KibiPerMebi
            : throw new InvalidDataException("A status file of a process has no VmRSS in kB.");
    }
}
