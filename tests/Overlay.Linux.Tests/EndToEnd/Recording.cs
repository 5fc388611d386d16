using System.Diagnostics;
using System.Globalization;
using Overlay.Testing;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>tcpdump on a device until it is stopped, and tshark to say what it saw.</summary>
internal sealed class Recording : IDisposable
{
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"overlay-{Guid.NewGuid():N}.pcap");
    private readonly Process _tcpdump;

    public Recording(Netns netns, string device, string filter)
    {
        Requires.Tool("tshark");
        _tcpdump = netns.Start("tcpdump", "-i", device, "-n", "-s", "160", "-B", "32768", "-U", "-Z", "root", "-w", _file, filter);
        string? line;
        do
        {
            line = _tcpdump.StandardError.ReadLine();
        }
        while (line is not null && !line.Contains("listening on", StringComparison.Ordinal));
    }

    /// <summary>Ends the recording and returns the wanted fields of each packet.</summary>
    public IReadOnlyList<string[]> Stop(params string[] fields)
    {
        Command.Run("kill", "-INT", _tcpdump.Id.ToString(CultureInfo.InvariantCulture));
        return _tcpdump.WaitForExit(Patience.Bound) ? Tshark.Fields(_file, fields) : throw new TimeoutException("tcpdump does not end.");
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
