namespace Overlay.Capture;

/// <summary>One packet of a capture. It owns its bytes and stays valid when the reader has moved on or is gone.</summary>
public sealed class CapturedPacket
{
    internal CapturedPacket(CaptureInterface captureInterface, long fileOffset, long? nanoseconds, long originalLength, byte[] data, string? comment, uint flags)
    {
        Interface = captureInterface;
        FileOffset = fileOffset;
        UnixNanoseconds = nanoseconds;
        OriginalLength = originalLength;
        Data = data;
        Comment = comment;
        Flags = flags;
    }

    /// <summary>The interface that saw the packet.</summary>
    public CaptureInterface Interface { get; }

    /// <summary>What <see cref="Data"/> begins with.</summary>
    public LinkType LinkType => Interface.LinkType;

    /// <summary>The name of the interface, if the capture has one.</summary>
    public string? InterfaceName => Interface.Name;

    /// <summary>Where the packet's record or block begins in the stream, in bytes from 0.</summary>
    public long FileOffset { get; }

    /// <summary>The time in nanoseconds since 1970-01-01 UTC; null for a simple packet block, which has none.</summary>
    public long? UnixNanoseconds { get; }

    /// <summary>The time, rounded down to the 100 ns that the type can tell; null as <see cref="UnixNanoseconds"/>.</summary>
    public DateTimeOffset? Timestamp =>
        UnixNanoseconds is { } nanoseconds
            ? DateTimeOffset.UnixEpoch.AddTicks((long)Math.Floor(nanoseconds / (decimal)TimeSpan.NanosecondsPerTick))
            : null;

    /// <summary>The packet's length in bytes on the wire; <see cref="Data"/> may be shorter.</summary>
    public long OriginalLength { get; }

    /// <summary>The captured bytes.</summary>
    public ReadOnlyMemory<byte> Data { get; }

    /// <summary>The comment; several are joined by line feeds; null without one.</summary>
    public string? Comment { get; }

    /// <summary>The flags word (<c>epb_flags</c>, pcapng §4.3.1), 0 without one.</summary>
    public uint Flags { get; }

    /// <summary>Which way the packet went, if the capture says so.</summary>
    public PacketDirection Direction => (Flags & 3) switch
    {
        1 => PacketDirection.Inbound,
        2 => PacketDirection.Outbound,
        _ => PacketDirection.Unknown,
    };
}
