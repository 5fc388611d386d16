namespace Overlay.Capture;

/// <summary>How much a <see cref="PathTrace"/> records.</summary>
public sealed class PathTraceOptions
{
    /// <summary>The smallest buffer, in bytes: one largest packet fits.</summary>
    public const int MinBufferLength = 128 * 1024;

    /// <summary>After how many packets it ends.</summary>
    public long MaxRecords { get; init; } = 10_000;

    /// <summary>Whether only dropped packets are recorded.</summary>
    public bool DropsOnly { get; init; }

    /// <summary>After how many bytes packets are cut; 0 for never.</summary>
    public int SnapLength { get; init; }

    /// <summary>
    /// Bytes that may wait at each path until they are written out; what finds no room is lost and counted. At least <see cref="MinBufferLength"/>, rounded up to
    /// a power of two.
    /// </summary>
    public int BufferLength { get; init; } = 2 * 1024 * 1024;
}
