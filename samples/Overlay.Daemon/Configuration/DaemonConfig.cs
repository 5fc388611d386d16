namespace Overlay.Daemon.Configuration;

/// <summary>A checked configuration.</summary>
internal sealed record DaemonConfig
{
    /// <summary>Where <c>overlayd status</c> looks if it is told nothing else.</summary>
    public const string DefaultControlSocket = "/run/overlay/overlayd.sock";

    /// <summary>The path of the control socket.</summary>
    public string ControlSocket { get; init; } = DefaultControlSocket;

    /// <summary>The threads of the data path.</summary>
    public WorkersConfig Workers { get; init; } = new();

    /// <summary>The tunnels, in the order of the file; at least one.</summary>
    public required IReadOnlyList<TunnelConfig> Tunnels { get; init; }
}
