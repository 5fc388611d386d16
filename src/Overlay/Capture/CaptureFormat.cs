namespace Overlay.Capture;

/// <summary>The file formats of captures.</summary>
public enum CaptureFormat : byte
{
    /// <summary>Nothing was read yet.</summary>
    Unknown,

    /// <summary>Classic pcap, with microseconds or nanoseconds (draft-ietf-opsawg-pcap).</summary>
    Pcap,

    /// <summary>pcapng: blocks with options (draft-ietf-opsawg-pcapng).</summary>
    PcapNg,
}
