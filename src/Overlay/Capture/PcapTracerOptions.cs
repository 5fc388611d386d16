namespace Overlay.Capture;

/// <summary>How a <see cref="PcapTracer"/> records.</summary>
public sealed class PcapTracerOptions
{
    /// <summary>
    /// What the packets begin with. Null: <see cref="Capture.LinkType.Ethernet"/> if the port's capabilities say so, else
    /// <see cref="Capture.LinkType.Raw"/>. A UDP port, whose packets begin with the tunnel header, may be given <see cref="Capture.LinkType.User0"/>.
    /// </summary>
    public LinkType? LinkType { get; init; }

    /// <summary>A comment on every packet, for example that the kernel writes the outer bytes and they are not here; up to 1024 bytes of UTF-8.</summary>
    public string? Note { get; init; }

    /// <summary>After how many bytes packets are cut; 0 for never.</summary>
    public int SnapLength { get; init; }

    /// <summary>
    /// Bytes that may wait for the stream; what comes on top is not recorded but counted in <see cref="PcapTracer.Overruns"/>. At least 128 KiB,
    /// so that the largest packet fits.
    /// </summary>
    public int BufferLength { get; init; } = 8 * 1024 * 1024;

    /// <summary>Whether the stream stays open when the tracer is disposed.</summary>
    public bool LeaveOpen { get; init; }
}
