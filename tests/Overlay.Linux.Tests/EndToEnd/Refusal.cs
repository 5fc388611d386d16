using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>How an overlayd ended that could not start. It has left nothing: no device, no socket in the file system.</summary>
/// <param name="ExitCode">Its exit code.</param>
/// <param name="Output">What it wrote to standard output; <c>ready</c> would be wrong.</param>
/// <param name="Error">What it wrote to standard error.</param>
internal sealed record Refusal(int ExitCode, string Output, string Error)
{
    /// <summary>Runs overlayd, in our namespace of a lab, with tunnels that it must refuse.</summary>
    public static Refusal Run(PeerLab lab, string tunnels, string? controlSocket = null, string workers = "{}")
    {
        string directory = Directory.CreateTempSubdirectory("overlay-refused-").FullName;
        try
        {
            string socket = controlSocket ?? Path.Combine(directory, "control.sock");
            string[] devices = PeerLab.Devices(lab.Us);
            CommandResult result = OverlayDaemon.RunToEnd(lab.Us, $"{{ \"control\": {{ \"socket\": \"{socket}\" }}, \"workers\": {workers}, \"tunnels\": [\n{tunnels} ] }}");
            Assert.Equal(devices, PeerLab.Devices(lab.Us));
            if (controlSocket is null)
            {
                Assert.Empty(Directory.GetFileSystemEntries(directory));
            }

            Assert.Equal("", result.Output);
            return new Refusal(result.ExitCode, result.Output, result.Error);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
