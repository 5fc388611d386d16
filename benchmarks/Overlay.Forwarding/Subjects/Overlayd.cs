using Overlay.Testing;

namespace Overlay.Forwarding.Subjects;

/// <summary>overlayd of this repository.</summary>
/// <param name="name">The name of this variant.</param>
/// <param name="workers">The <c>workers</c> object of its configuration, as JSON; null for the default.</param>
internal sealed class Overlayd(string name, string? workers = null) : ISubject
{
    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public string Describe() => workers is null ? "overlayd, default settings" : $"overlayd, \"workers\": {workers}";

    /// <inheritdoc/>
    public ITunnelEnd SetUp(Host here, Host there) => new End(OverlayDaemon.Start(here.Netns, Tunnel(here, there), workers));

    private static string Tunnel(Host here, Host there) => $$"""
        { "name": "{{Host.OverlayDevice}}", "kind": "vxlan", "vni": {{Host.Vni}}, "local": "{{here.Underlay}}", "port": {{Host.Port}},
          "device": { "type": "tap", "addresses": [ "{{here.InnerPrefix}}" ], "mac": "{{here.Mac}}" },
          "flood": [ "{{there.Underlay}}" ] }
        """;

    private sealed class End(OverlayDaemon daemon) : ITunnelEnd
    {
        public IReadOnlyList<int> Processes { get; } = [daemon.ProcessId];

        public void Dispose()
        {
            if (!daemon.HasExited)
            {
                daemon.Stop();
            }

            daemon.Dispose();
        }
    }
}
