using Overlay.Daemon.Control;
using Overlay.Daemon.DataPlane;

namespace Overlay.Daemon.Diagnosis;

/// <summary>The words of requests for a tunnel and a direction.</summary>
internal static class DiagnosisTarget
{
    /// <summary>Device to underlay.</summary>
    public const string Egress = "egress";

    /// <summary>Underlay to device.</summary>
    public const string Ingress = "ingress";

    /// <summary>Both ways.</summary>
    public const string Both = "both";

    /// <summary>Finds a tunnel.</summary>
    /// <exception cref="ControlRefusedException">There is none of this name.</exception>
    public static TunnelRuntime Find(IReadOnlyList<TunnelRuntime> tunnels, string name) =>
        tunnels.FirstOrDefault(tunnel => tunnel.Config.Name == name)
            ?? throw new ControlRefusedException($"there is no tunnel \"{name}\"; there are: {string.Join(", ", tunnels.Select(tunnel => tunnel.Config.Name))}");
}
