namespace Overlay.Linux;

/// <summary>
/// Whether an offload is in use now, and if not (or not wholly), why. Immutable: a worker replaces it, so that other threads may read it at any time.
/// </summary>
/// <param name="IsActive">Whether it is in use.</param>
/// <param name="Reason">A few words for people; null for an offload in use without restriction.</param>
public sealed record OffloadState(bool IsActive, string? Reason)
{
    /// <summary>In use.</summary>
    public static OffloadState Active { get; } = new(true, null);

    /// <summary>Not wanted by the options.</summary>
    public static OffloadState NotAsked { get; } = new(false, "configured off");

    /// <summary>In use, but not always.</summary>
    internal static OffloadState Limited(string reason) => new(true, reason);

    /// <summary>Impossible for a reason that lies here and not with the kernel.</summary>
    internal static OffloadState Impossible(string reason) => new(false, reason);

    /// <summary>Refused when it was asked for.</summary>
    internal static OffloadState Refused(Errno error) => new(false, $"kernel refused ({error})");

    /// <summary>Given up while packets flowed.</summary>
    internal static OffloadState FellBack(Errno error) => new(false, $"fell back after {error}");
}
