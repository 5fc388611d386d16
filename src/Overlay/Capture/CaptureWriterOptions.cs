namespace Overlay.Capture;

/// <summary>How a <see cref="CaptureWriter"/> writes.</summary>
public sealed class CaptureWriterOptions
{
    /// <summary>
    /// The format: pcapng, or classic pcap with nanoseconds. pcap has one interface and no place for names, comments, directions and statistics:
    /// they are left out there.
    /// </summary>
    public CaptureFormat Format { get; init; } = CaptureFormat.PcapNg;

    /// <summary>The program that makes the capture (<c>shb_userappl</c>), up to 65 535 bytes of UTF-8; null leaves it out.</summary>
    public string? Application { get; init; } = "Overlay";

    /// <summary>After how many buffered bytes <see cref="CaptureWriter.WriteAsync"/> flushes; 0 flushes after each packet.</summary>
    public int FlushThreshold { get; init; } = 64 * 1024;
}
