using System.Buffers.Binary;

namespace Overlay.Capture;

/// <summary>Classic pcap, version 2.4 (draft-ietf-opsawg-pcap): a header of 24 bytes, then records of 16 bytes and data.</summary>
/// <remarks><code>
/// 0: magic (a1b2c3d4 microseconds, a1b23c4d nanoseconds)   4: major, minor   8: reserved   12: reserved   16: snaplen   20: link type
/// 0: seconds   4: micro- or nanoseconds   8: captured length   12: original length   16: data
/// </code></remarks>
internal sealed class PcapDecoder
{
    public const int FileHeaderLength = 24;
    public const int RecordHeaderLength = 16;
    public const uint MicrosecondMagic = 0xA1B2C3D4;
    public const uint NanosecondMagic = 0xA1B23C4D;
    public const ushort MajorVersion = 2;
    public const ushort MinorVersion = 4;

    private readonly List<CaptureInterface> _interfaces;
    private readonly bool _bigEndian;
    private readonly uint _nanosecondsPerUnit;
    private CaptureInterface? _interface;

    private PcapDecoder(List<CaptureInterface> interfaces, bool bigEndian, bool nanoseconds)
    {
        _interfaces = interfaces;
        _bigEndian = bigEndian;
        _nanosecondsPerUnit = nanoseconds ? 1u : 1000u;
    }

    /// <summary>Whether the file header was read.</summary>
    public bool HasHeader => _interface is not null;

    /// <summary>Makes the decoder that the magic asks for.</summary>
    /// <exception cref="CaptureFormatException">It is no magic.</exception>
    public static PcapDecoder Create(ReadOnlySpan<byte> magic, List<CaptureInterface> interfaces)
    {
        uint big = BinaryPrimitives.ReadUInt32BigEndian(magic);
        uint little = BinaryPrimitives.ReadUInt32LittleEndian(magic);
        bool bigEndian = big is MicrosecondMagic or NanosecondMagic;
        if (!bigEndian && little is not (MicrosecondMagic or NanosecondMagic))
        {
            throw new CaptureFormatException(
                CaptureError.BadMagic, 0, $"{big:x8} is not how a capture begins; a1b2c3d4 or a1b23c4d (pcap, either byte order) or 0a0d0d0a (pcapng) is");
        }

        return new PcapDecoder(interfaces, bigEndian, (bigEndian ? big : little) == NanosecondMagic);
    }

    /// <summary>Decodes what lies at <paramref name="position"/>.</summary>
    /// <param name="bytes">As many bytes as the last call needed.</param>
    /// <param name="position">Their offset in the stream.</param>
    /// <param name="needed">Bytes needed by the next call.</param>
    /// <param name="packet">The packet, if one was complete.</param>
    /// <returns>Bytes consumed; 0 if more are needed from the same position.</returns>
    public int Decode(ReadOnlySpan<byte> bytes, long position, out int needed, out CapturedPacket? packet)
    {
        packet = null;
        needed = RecordHeaderLength;
        if (_interface is null)
        {
            ReadFileHeader(bytes);
            return FileHeaderLength;
        }

        uint captured = UInt32(bytes[8..]);
        if (captured > CaptureReader.MaxBlockLength - RecordHeaderLength)
        {
            throw new CaptureFormatException(
                CaptureError.BadLength, position + 8,
                $"the record has {captured} captured bytes; at most {CaptureReader.MaxBlockLength - RecordHeaderLength} are accepted");
        }

        int length = RecordHeaderLength + (int)captured;
        if (bytes.Length < length)
        {
            needed = length;
            return 0;
        }

        // Seconds are unsigned: good until 2106. The fraction may exceed a second in files of careless writers; the sum is still a time.
        long time = (UInt32(bytes) * 1_000_000_000L) + (UInt32(bytes[4..]) * (long)_nanosecondsPerUnit);
        packet = new CapturedPacket(_interface, position, time, UInt32(bytes[12..]), bytes[RecordHeaderLength..length].ToArray(), null, 0);
        return length;
    }

    private void ReadFileHeader(ReadOnlySpan<byte> bytes)
    {
        ushort major = UInt16(bytes[4..]);
        ushort minor = UInt16(bytes[6..]);
        if (major != MajorVersion || minor != MinorVersion)
        {
            // Before 2.4 the two lengths of a record could be swapped: a guess would be wrong in silence.
            throw new CaptureFormatException(CaptureError.UnsupportedVersion, 4, $"pcap version {major}.{minor}; only {MajorVersion}.{MinorVersion} is known");
        }

        // The upper half holds the length of the FCS, if any; the data is handed out as it is.
        var linkType = (LinkType)(ushort)UInt32(bytes[20..]);
        byte resolution = _nanosecondsPerUnit == 1 ? TimestampClock.Nanoseconds : TimestampClock.Microseconds;
        _interface = new CaptureInterface(0, linkType, UInt32(bytes[16..]), null, null, new TimestampClock(resolution, 0));
        _interfaces.Add(_interface);
    }

    private ushort UInt16(ReadOnlySpan<byte> bytes) =>
        _bigEndian ? BinaryPrimitives.ReadUInt16BigEndian(bytes) : BinaryPrimitives.ReadUInt16LittleEndian(bytes);

    private uint UInt32(ReadOnlySpan<byte> bytes) =>
        _bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt32LittleEndian(bytes);
}
