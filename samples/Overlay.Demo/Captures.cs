using Overlay.Demo.Cases;
using Overlay.Demo.Hosts;
using Overlay.Linux;

namespace Overlay.Demo;

/// <summary>
/// The captures of one case: <c>CASE-underlay.pcapng</c> has what the cable carries, <c>CASE-overlay.pcapng</c> what the tunnel device does. They end
/// before throughput is measured: gigabytes would show nothing new, and writing them would spoil the measurement.
/// </summary>
internal sealed class Captures : IDisposable
{
    private readonly List<PacketCapture> _captures = [];

    /// <summary>Begins; without a directory nothing is captured.</summary>
    public static Captures Start(string? directory, TunnelCase tunnelCase, LabHost host)
    {
        Captures captures = new();
        if (directory is not null)
        {
            Directory.CreateDirectory(directory);
            captures.Add(host, HostPlan.UnderlayDevice, Path.Combine(directory, $"{tunnelCase.Name}-underlay.pcapng"));
            captures.Add(host, host.Plan.OverlayDevice, Path.Combine(directory, $"{tunnelCase.Name}-overlay.pcapng"));
        }

        return captures;
    }

    /// <summary>Ends them.</summary>
    /// <returns>What was captured, in words; null without a capture.</returns>
    /// <exception cref="IOException">A file could not be written.</exception>
    public string? Stop()
    {
        foreach (PacketCapture capture in _captures)
        {
            capture.Stop();
        }

        return _captures.Count == 0 ? null : string.Join(", ", _captures.Select(capture => $"{capture.Captured} packets of {capture.InterfaceName}"));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (PacketCapture capture in _captures)
        {
            capture.Dispose();
        }
    }

    private void Add(LabHost host, string device, string file) =>
        _captures.Add(host.Netns.Run(() => PacketCapture.Start(device, new FileStream(file, FileMode.Create, FileAccess.Write))));
}
