namespace Overlay.Testing;

/// <summary>The device file of the TUN driver. Most distributions let everybody open it; some containers do not, or have none.</summary>
public static class TunAccess
{
    private const string DeviceFile = "/dev/net/tun";

    /// <summary>Needs to be allowed to open the device file. Skips or fails as <see cref="Requires.Missing"/>.</summary>
    public static void Require()
    {
        try
        {
            using FileStream file = new(DeviceFile, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Requires.Missing($"needs {DeviceFile}: {exception.Message}");
        }
    }
}
