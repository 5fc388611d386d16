using System.Runtime.InteropServices;
using Overlay.DataPath;

namespace Overlay.Capture;

/// <summary>What a worker notes of a packet beside its bytes; how it is written down is not the worker's business.</summary>
internal struct TraceRecord
{
    /// <summary>Bytes of a record in memory.</summary>
    public static int Size { get; } = MemoryMarshal.AsBytes(new ReadOnlySpan<TraceRecord>(new TraceRecord[1])).Length;

    /// <summary>When it came, in nanoseconds since 1970.</summary>
    public long UnixNanoseconds { get; set; }

    /// <summary>How many records were lost before it, in all.</summary>
    public long Lost { get; set; }

    /// <summary>Its bytes, however many of them are kept.</summary>
    public int Length { get; set; }

    /// <summary>Wire packets of a superpacket; 0 for a plain packet.</summary>
    public int Segments { get; set; }

    /// <summary>Its meta as it came.</summary>
    public PacketMeta Received { get; set; }

    /// <summary>Its meta when the books were closed.</summary>
    public PacketMeta Done { get; set; }
}
