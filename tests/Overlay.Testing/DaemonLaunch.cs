namespace Overlay.Testing;

/// <summary>How an overlayd is started, where that is not the usual way.</summary>
public sealed record DaemonLaunch
{
    /// <summary>The program instead of <see cref="OverlayDaemon.Program"/>.</summary>
    public string? Program { get; init; }

    /// <summary>What stands before the program, such as <c>nice -n 10</c>; it must become the program and not start it as a child.</summary>
    public IReadOnlyList<string> Launcher { get; init; } = [];

    /// <summary>What follows <c>run --config FILE</c>.</summary>
    public IReadOnlyList<string> Options { get; init; } = [];
}
