using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>What passes a device, as tshark reads it, with all checksums verified.</summary>
internal sealed class WireLog : IDisposable
{
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"overlay-{Guid.NewGuid():N}.pcapng");
    private readonly PacketCapture _capture;

    public WireLog(Netns netns, string device) => _capture = netns.Run(() =>
        PacketCapture.Start(device, File.Create(_file), new PacketCaptureOptions { ReceiveBufferLength = 32 * 1024 * 1024 }));

    /// <summary>Ends the capture and returns the fields of the packets that a display filter passes; nothing must have been missed.</summary>
    public string[][] Stop(string filter, string[] fields)
    {
        _capture.Stop();
        Assert.Equal(0, _capture.Dropped);
        List<string> arguments =
        [
            "-n", "-r", _file, "-Y", filter, "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
            "-o", "tcp.check_checksum:TRUE", "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a", "-E", $"aggregator={Tshark.Aggregator}",
        ];
        foreach (string field in fields)
        {
            arguments.AddRange(["-e", field]);
        }

        return [.. Tshark.Run("tshark", arguments).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t'))];
    }

    public void Dispose()
    {
        _capture.Dispose();
        File.Delete(_file);
    }
}
