using System.Globalization;
using Overlay.Testing;

namespace Overlay.Forwarding.Subjects;

/// <summary>The limit probe: a forwarder in C that does the least a VXLAN forwarder in user space can do.</summary>
/// <param name="name">The name of this variant.</param>
/// <param name="build">The program.</param>
internal sealed class CProbe(string name, CProbeBuild build) : ISubject
{
    // It says so when its second device and the redirect are there; what failed it says before.
    private const string TunnelGsoReady = "ut0 up";

    // It prints its counters every so many seconds; the bench asks the kernel.
    private const string Quiet = "STATS=86400";

    private static readonly TimeSpan ReadyBound = TimeSpan.FromSeconds(5);

    /// <summary>What its thread adds to its niceness: 10 was found best for small packets.</summary>
    public int Nice { get; init; } = 10;

    /// <summary>How long it looks for packets before it sleeps.</summary>
    public int SpinMicroseconds { get; init; } = 50;

    /// <inheritdoc/>
    public string Name => name;

    // The best that was found for it: one thread, a spin that yields, a yield after each batch, at most 200 packets and 64 reads in a turn.
    private string[] Settings => ["THR=1", $"SPIN={Text(SpinMicroseconds)}", "YIELD=1", "YB=1", "MAXP=200", $"PRIO={Text(Nice)}", "N=64"];

    /// <inheritdoc/>
    public string Describe() => $"{build.Describe()}, {string.Join(' ', Settings)}";

    /// <inheritdoc/>
    public ITunnelEnd SetUp(Host here, Host there)
    {
        string program = build.Program;
        if (build.TunnelGso)
        {
            // It takes the other host's MAC address from the ARP table, once.
            here.Netns.Exec("ping", "-n", "-q", "-c", "1", "-W", "2", there.Underlay);
        }

        var process = ForwarderProcess.Start(
            CProbeBuild.SourceFile, here.Netns, ["env", .. Settings, Quiet, program, Host.OverlayDevice, here.Underlay, there.Underlay,
                Text(Host.Vni), Text(Host.Port), .. build.TunnelGso ? [Host.UnderlayDevice] : Array.Empty<string>()]);
        try
        {
            process.WaitForDevice(here.Netns, Host.OverlayDevice, ReadyBound);
            if (build.TunnelGso)
            {
                WaitForTunnelGso(process);
            }

            here.Netns.Ip("link", "set", Host.OverlayDevice, "address", here.Mac, "mtu", Text(Host.OverlayMtu));
            here.Netns.Configure(Host.OverlayDevice, here.InnerPrefix);
            return new ProcessEnd([process]);
        }
        catch
        {
            process.Dispose();
            throw;
        }
    }

    private static void WaitForTunnelGso(ForwarderProcess process)
    {
        process.WaitFor("tunnel GSO", () => process.Log.Contains(TunnelGsoReady, StringComparison.Ordinal), ReadyBound);
        string complaints = process.Log[..process.Log.IndexOf(TunnelGsoReady, StringComparison.Ordinal)].Trim();
        if (complaints.Length > 0)
        {
            throw new UnavailableException($"this kernel gives no tunnel GSO, or no redirect to it: {complaints.ReplaceLineEndings("; ")}");
        }
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
