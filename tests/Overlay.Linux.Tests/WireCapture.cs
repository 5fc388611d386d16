using System.Diagnostics;
using System.Globalization;
using Overlay.Testing;

namespace Overlay.Linux.Tests;

/// <summary>dumpcap on a device of a namespace, and tshark to say what it saw.</summary>
/// <remarks>Not tcpdump: it changes to a user of its own, which a user namespace with one user in it does not allow.</remarks>
internal sealed class WireCapture : IDisposable
{
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"overlay-{Guid.NewGuid():N}.pcap");
    private readonly Process _capture;

    public WireCapture(Netns netns, string device, int packets, string filter)
    {
        Requires.Tool("tshark");
        _capture = netns.Start("dumpcap", "-i", device, "-P", "-c", packets.ToString(CultureInfo.InvariantCulture), "-f", filter, "-w", _file);
        // It names the file when it listens; what it says from then on is little, and nobody reads it.
        string? line;
        do
        {
            line = _capture.StandardError.ReadLine();
        }
        while (line is not null && !line.Contains("File:", StringComparison.Ordinal));
    }

    /// <summary>Waits until all packets are there, and returns the wanted fields of each.</summary>
    public string[][] Fields(params string[] fields)
    {
        if (!_capture.WaitForExit(TimeSpan.FromSeconds(10)))
        {
            throw new TimeoutException("dumpcap did not see as many packets as were expected.");
        }

        CommandResult result = Command.Run(
            "tshark",
            ["-n", "-r", _file, "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-T", "fields",
                .. fields.SelectMany(field => new[] { "-e", field })]);
        return [.. result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t'))];
    }

    public void Dispose()
    {
        if (!_capture.HasExited)
        {
            _capture.Kill();
            _capture.WaitForExit();
        }

        _capture.Dispose();
        File.Delete(_file);
    }
}
