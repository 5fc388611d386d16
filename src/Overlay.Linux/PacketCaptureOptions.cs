namespace Overlay.Linux;

/// <summary>How a <see cref="PacketCapture"/> captures.</summary>
public sealed class PacketCaptureOptions
{
    /// <summary>After how many bytes packets are cut; 0 for never (a packet of more than 256 KiB is cut in any case).</summary>
    public int SnapLength { get; init; }

    /// <summary>Whether frames for other MACs are captured too. It changes the interface while the capture runs.</summary>
    public bool Promiscuous { get; init; }

    /// <summary>
    /// Bytes of the socket's receive buffer, in which packets wait while the stream is slow: 8 MiB. Without CAP_NET_ADMIN no more than
    /// net.core.rmem_max.
    /// </summary>
    public int ReceiveBufferLength { get; init; } = 8 * 1024 * 1024;

    /// <summary>Whether the stream stays open when the capture ends.</summary>
    public bool LeaveOpen { get; init; }
}
