using System.Buffers.Binary;
using System.Text;

namespace Overlay.Capture;

/// <summary>pcapng, version 1 (draft-ietf-opsawg-pcapng): blocks that frame themselves.</summary>
/// <remarks><code>
/// 0: block type   4: block total length   8: body, padded to 4   end − 4: block total length
/// </code></remarks>
internal sealed class PcapNgDecoder(List<CaptureInterface> interfaces)
{
    private bool _bigEndian;

    /// <summary>As <see cref="PcapDecoder.Decode"/>.</summary>
    public int Decode(ReadOnlySpan<byte> bytes, long position, out int needed, out CapturedPacket? packet)
    {
        packet = null;
        needed = PcapNgLayout.BlockOverhead;
        uint type = UInt32(bytes);
        if (type == PcapNgLayout.SectionHeaderBlock)
        {
            ReadByteOrder(bytes[8..], position + 8);
        }

        uint total = UInt32(bytes[4..]);
        if (total < PcapNgLayout.BlockOverhead || total > CaptureReader.MaxBlockLength || total % 4 != 0)
        {
            throw new CaptureFormatException(
                CaptureError.BadLength, position + 4,
                $"the block is {total} bytes long; a multiple of 4 from {PcapNgLayout.BlockOverhead} to {CaptureReader.MaxBlockLength} is accepted");
        }

        int length = (int)total;
        if (bytes.Length < length)
        {
            needed = length;
            return 0;
        }

        uint trailer = UInt32(bytes[(length - PcapNgLayout.BlockTrailerLength)..]);
        if (trailer != total)
        {
            throw new CaptureFormatException(
                CaptureError.BadLength, position + length - PcapNgLayout.BlockTrailerLength,
                $"the block ends with the length {trailer} but begins with {total}; both must be equal");
        }

        ReadOnlySpan<byte> body = bytes[PcapNgLayout.BlockHeaderLength..(length - PcapNgLayout.BlockTrailerLength)];
        switch (type)
        {
            case PcapNgLayout.SectionHeaderBlock:
                ReadSectionHeader(body, position);
                break;
            case PcapNgLayout.InterfaceDescriptionBlock:
                ReadInterface(body, position);
                break;
            case PcapNgLayout.EnhancedPacketBlock:
            case PcapNgLayout.PacketBlock:
                packet = ReadPacket(body, position, obsolete: type == PcapNgLayout.PacketBlock);
                break;
            case PcapNgLayout.SimplePacketBlock:
                packet = ReadSimplePacket(body, position);
                break;
            default:
                // Statistics, name resolution, decryption secrets and what is yet to be invented: the length says how to pass over it.
                break;
        }

        return length;
    }

    private void ReadByteOrder(ReadOnlySpan<byte> magic, long position)
    {
        uint big = BinaryPrimitives.ReadUInt32BigEndian(magic);
        _bigEndian = big == PcapNgLayout.ByteOrderMagic;
        if (!_bigEndian && BinaryPrimitives.ReadUInt32LittleEndian(magic) != PcapNgLayout.ByteOrderMagic)
        {
            throw new CaptureFormatException(CaptureError.BadMagic, position, $"{big:x8} is not the byte-order magic of a section; 1a2b3c4d or 4d3c2b1a is");
        }
    }

    private void ReadSectionHeader(ReadOnlySpan<byte> body, long position)
    {
        RequireBody(body, PcapNgLayout.SectionHeaderLength, position, "section header");
        ushort major = UInt16(body[4..]);
        if (major != PcapNgLayout.MajorVersion)
        {
            throw new CaptureFormatException(
                CaptureError.UnsupportedVersion, position + 12, $"pcapng version {major}.{UInt16(body[6..])}; only {PcapNgLayout.MajorVersion} is known");
        }

        // Interfaces count anew in each section (§4.1).
        interfaces.Clear();
    }

    private void ReadInterface(ReadOnlySpan<byte> body, long position)
    {
        RequireBody(body, PcapNgLayout.InterfaceDescriptionLength, position, "interface description");
        if (interfaces.Count == CaptureReader.MaxInterfaces)
        {
            throw new CaptureFormatException(
                CaptureError.TooManyInterfaces, position, $"the section describes more than {CaptureReader.MaxInterfaces} interfaces, which are accepted");
        }

        string? name = null;
        string? description = null;
        byte resolution = TimestampClock.Microseconds;
        long offsetSeconds = 0;
        var options = new OptionReader(this, body[PcapNgLayout.InterfaceDescriptionLength..], BodyOffset(position) + PcapNgLayout.InterfaceDescriptionLength);
        while (options.TryRead(out ushort code, out ReadOnlySpan<byte> value))
        {
            switch (code)
            {
                case PcapNgLayout.InterfaceNameOption:
                    name = Encoding.UTF8.GetString(value);
                    break;
                case PcapNgLayout.InterfaceDescriptionOption:
                    description = Encoding.UTF8.GetString(value);
                    break;
                case PcapNgLayout.TimestampResolutionOption:
                    options.RequireLength(value, 1, "if_tsresol");
                    resolution = value[0];
                    break;
                case PcapNgLayout.TimestampOffsetOption:
                    options.RequireLength(value, 8, "if_tsoffset");
                    offsetSeconds = (long)UInt64(value);
                    break;
                default:
                    break;
            }
        }

        interfaces.Add(new CaptureInterface(
            interfaces.Count, (LinkType)UInt16(body), UInt32(body[4..]), name, description, new TimestampClock(resolution, offsetSeconds)));
    }

    private CapturedPacket ReadPacket(ReadOnlySpan<byte> body, long position, bool obsolete)
    {
        RequireBody(body, PcapNgLayout.PacketHeaderLength, position, "packet");
        // The obsolete block has a drop count in the second half of the word (§A.1); all else is the same.
        CaptureInterface captureInterface = Interface(obsolete ? UInt16(body) : UInt32(body), position);
        ulong ticks = ((ulong)UInt32(body[4..]) << 32) | UInt32(body[8..]);
        uint captured = UInt32(body[12..]);
        ReadOnlySpan<byte> rest = body[PcapNgLayout.PacketHeaderLength..];
        if (captured > rest.Length)
        {
            throw new CaptureFormatException(
                CaptureError.BadLength, BodyOffset(position) + 12, $"the packet has {captured} captured bytes but its block has room for {rest.Length}");
        }

        if (!captureInterface.Clock.TryGetNanoseconds(ticks, out long time))
        {
            throw new CaptureFormatException(
                CaptureError.BadTimestamp, BodyOffset(position) + 4, $"{ticks} ticks of the interface's clock are not a time between 1677 and 2262");
        }

        string? comment = null;
        uint flags = 0;
        int optionsStart = PcapNgLayout.Pad((int)captured);
        var options = new OptionReader(this, rest[optionsStart..], BodyOffset(position) + PcapNgLayout.PacketHeaderLength + optionsStart);
        while (options.TryRead(out ushort code, out ReadOnlySpan<byte> value))
        {
            if (code == PcapNgLayout.CommentOption)
            {
                string text = Encoding.UTF8.GetString(value);
                comment = comment is null ? text : $"{comment}\n{text}";
            }
            else if (code == PcapNgLayout.PacketFlagsOption)
            {
                options.RequireLength(value, 4, "epb_flags");
                flags = UInt32(value);
            }
        }

        return new CapturedPacket(captureInterface, position, time, UInt32(body[16..]), rest[..(int)captured].ToArray(), comment, flags);
    }

    private CapturedPacket ReadSimplePacket(ReadOnlySpan<byte> body, long position)
    {
        RequireBody(body, PcapNgLayout.SimplePacketHeaderLength, position, "simple packet");
        CaptureInterface captureInterface = Interface(0, position);
        uint original = UInt32(body);
        ReadOnlySpan<byte> rest = body[PcapNgLayout.SimplePacketHeaderLength..];
        // The block has no captured length: it is the original one, cut to the interface's snap length (§4.4).
        long captured = captureInterface.SnapLength == 0 ? original : Math.Min(original, captureInterface.SnapLength);
        if (captured > rest.Length)
        {
            throw new CaptureFormatException(
                CaptureError.BadLength, BodyOffset(position), $"the simple packet has {captured} captured bytes but its block has room for {rest.Length}");
        }

        return new CapturedPacket(captureInterface, position, null, original, rest[..(int)captured].ToArray(), null, 0);
    }

    private CaptureInterface Interface(uint id, long position) =>
        id < (uint)interfaces.Count
            ? interfaces[(int)id]
            : throw new CaptureFormatException(
                CaptureError.UnknownInterface, BodyOffset(position), $"the packet is from interface {id}; its section has described {interfaces.Count} so far");

    private static long BodyOffset(long position) => position + PcapNgLayout.BlockHeaderLength;

    private static void RequireBody(ReadOnlySpan<byte> body, int length, long position, string block)
    {
        if (body.Length < length)
        {
            throw new CaptureFormatException(
                CaptureError.BadLength, position + 4,
                $"the {block} block is {body.Length + PcapNgLayout.BlockOverhead} bytes long; it has at least {length + PcapNgLayout.BlockOverhead}");
        }
    }

    private ushort UInt16(ReadOnlySpan<byte> bytes) =>
        _bigEndian ? BinaryPrimitives.ReadUInt16BigEndian(bytes) : BinaryPrimitives.ReadUInt16LittleEndian(bytes);

    private uint UInt32(ReadOnlySpan<byte> bytes) =>
        _bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt32LittleEndian(bytes);

    private ulong UInt64(ReadOnlySpan<byte> bytes) =>
        _bigEndian ? BinaryPrimitives.ReadUInt64BigEndian(bytes) : BinaryPrimitives.ReadUInt64LittleEndian(bytes);

    /// <summary>Options: code, length, value padded to 4; up to opt_endofopt or the end of the block (§3.5).</summary>
    private ref struct OptionReader(PcapNgDecoder decoder, ReadOnlySpan<byte> bytes, long position)
    {
        private readonly ReadOnlySpan<byte> _bytes = bytes;
        private int _next;
        private int _current;

        public bool TryRead(out ushort code, out ReadOnlySpan<byte> value)
        {
            code = 0;
            value = default;
            if (_next == _bytes.Length)
            {
                return false;
            }

            // Data and blocks are padded to 4, so what is left is never less than a header.
            _current = _next;
            ReadOnlySpan<byte> option = _bytes[_current..];
            code = decoder.UInt16(option);
            if (code == PcapNgLayout.EndOfOptions)
            {
                _next = _bytes.Length;
                return false;
            }

            int length = decoder.UInt16(option[2..]);
            int room = option.Length - PcapNgLayout.OptionHeaderLength;
            if (length > room)
            {
                throw new CaptureFormatException(
                    CaptureError.BadOption, position + _current + 2, $"option {code} is {length} bytes long but its block has room for {room}");
            }

            value = option.Slice(PcapNgLayout.OptionHeaderLength, length);
            _next = _current + PcapNgLayout.OptionHeaderLength + PcapNgLayout.Pad(length);
            return true;
        }

        public readonly void RequireLength(ReadOnlySpan<byte> value, int length, string option)
        {
            if (value.Length != length)
            {
                throw new CaptureFormatException(CaptureError.BadOption, position + _current + 2, $"{option} is {value.Length} bytes long; it has {length}");
            }
        }
    }
}
