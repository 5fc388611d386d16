using System.Globalization;
using Overlay.Testing;

namespace Overlay.Forwarding.Subjects;

/// <summary>The vxlan device of the kernel.</summary>
internal sealed class KernelVxlan : ISubject
{
    /// <inheritdoc/>
    public string Name => "kernel";

    /// <inheritdoc/>
    public string Describe() => "the kernel's vxlan device, offloads as they come";

    /// <inheritdoc/>
    public ITunnelEnd SetUp(Host here, Host there)
    {
        CommandResult result = Command.TryRun(
            Command.DefaultTimeout, "ip", "-n", here.Netns.Name, "link", "add", Host.OverlayDevice, "address", here.Mac, "mtu", Text(Host.OverlayMtu),
            "type", "vxlan", "id", Text(Host.Vni), "local", here.Underlay, "remote", there.Underlay, "dstport", Text(Host.Port), "dev", Host.UnderlayDevice);
        if (result.ExitCode != 0)
        {
            bool missing = result.Error.Contains("not supported", StringComparison.Ordinal) || result.Error.Contains("Unknown device type", StringComparison.Ordinal);
            throw missing
                ? new UnavailableException($"this kernel has no vxlan ({result.Error.Trim()})")
                : new InvalidOperationException($"The kernel's vxlan device could not be made: {result.Error.Trim()}");
        }

        here.Netns.Configure(Host.OverlayDevice, here.InnerPrefix);
        return new End();
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    // The device goes with its namespace.
    private sealed class End : ITunnelEnd
    {
        public IReadOnlyList<int> Processes => [];

        public TimeSpan? StartTime => null;

        public void Dispose()
        {
        }
    }
}
