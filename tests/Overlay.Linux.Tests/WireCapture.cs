using System.Diagnostics;
using System.Globalization;
using Overlay.Testing;

namespace Overlay.Linux.Tests;

/// <summary>tcpdump on a device of a namespace, and tshark to say what it saw.</summary>
internal sealed class WireCapture : IDisposable
{
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"overlay-{Guid.NewGuid():N}.pcap");
    private readonly Process _tcpdump;

    public WireCapture(Netns netns, string device, int packets, string filter)
    {
        Requires.Tool("tshark");
        _tcpdump = netns.Start("tcpdump", "-i", device, "-n", "-s", "0", "-U", "-Z", "root", "-c", packets.ToString(CultureInfo.InvariantCulture), "-w", _file, filter);
        // It says so when it listens; from then on its buffer is read only at the end, which it keeps short.
        string? line;
        do
        {
            line = _tcpdump.StandardError.ReadLine();
        }
        while (line is not null && !line.Contains("listening on", StringComparison.Ordinal));
    }

    /// <summary>Waits until all packets are there, and returns the wanted fields of each.</summary>
    public string[][] Fields(params string[] fields)
    {
        if (!_tcpdump.WaitForExit(TimeSpan.FromSeconds(10)))
        {
            throw new TimeoutException("tcpdump did not see as many packets as were expected.");
        }

        CommandResult result = Command.Run(
            "tshark",
            ["-n", "-r", _file, "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-T", "fields",
                .. fields.SelectMany(field => new[] { "-e", field })]);
        return [.. result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t'))];
    }

    public void Dispose()
    {
        if (!_tcpdump.HasExited)
        {
            _tcpdump.Kill();
            _tcpdump.WaitForExit();
        }

        _tcpdump.Dispose();
        File.Delete(_file);
    }
}
