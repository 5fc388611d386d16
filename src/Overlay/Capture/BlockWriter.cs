using System.Buffers.Binary;

namespace Overlay.Capture;

/// <summary>Lays one pcapng block, little-endian, into memory that is large enough: see <see cref="MaxLength"/>.</summary>
internal ref struct BlockWriter
{
    private readonly Span<byte> _block;
    private int _length;
    private bool _hasOptions;

    /// <summary>Begins a block.</summary>
    public BlockWriter(Span<byte> destination, uint type)
    {
        _block = destination;
        BinaryPrimitives.WriteUInt32LittleEndian(_block, type);
        // The length, at 4, is written by End.
        _length = PcapNgLayout.BlockHeaderLength;
    }

    /// <summary>Room for a block with a fixed part, data and options of the given lengths, in bytes.</summary>
    public static int MaxLength(int fixedLength, int dataLength, int optionCount, int optionBytes) =>
        // Each option may need three bytes of padding; one more header ends the list.
        PcapNgLayout.BlockOverhead + fixedLength + PcapNgLayout.Pad(dataLength) + ((optionCount + 1) * (PcapNgLayout.OptionHeaderLength + 3)) + optionBytes;

    public void UInt16(ushort value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(_block[_length..], value);
        _length += sizeof(ushort);
    }

    public void UInt32(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_block[_length..], value);
        _length += sizeof(uint);
    }

    public void UInt64(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_block[_length..], value);
        _length += sizeof(ulong);
    }

    /// <summary>A time as two halves, the upper one first, whatever the byte order (pcapng §4.3).</summary>
    public void Time(ulong ticks)
    {
        UInt32((uint)(ticks >> 32));
        UInt32((uint)ticks);
    }

    /// <summary>Bytes, padded with zeros to a multiple of 4.</summary>
    public void Padded(scoped ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_block[_length..]);
        int padded = PcapNgLayout.Pad(bytes.Length);
        _block.Slice(_length + bytes.Length, padded - bytes.Length).Clear();
        _length += padded;
    }

    public void Option(ushort code, scoped ReadOnlySpan<byte> value)
    {
        OptionHeader(code, value.Length);
        Padded(value);
    }

    public void Option(ushort code, uint value)
    {
        OptionHeader(code, sizeof(uint));
        UInt32(value);
    }

    public void Option(ushort code, ulong value)
    {
        OptionHeader(code, sizeof(ulong));
        UInt64(value);
    }

    /// <summary>Ends the block.</summary>
    /// <returns>Its length in bytes.</returns>
    public int End()
    {
        if (_hasOptions)
        {
            UInt32(PcapNgLayout.EndOfOptions);
        }

        uint total = (uint)(_length + PcapNgLayout.BlockTrailerLength);
        UInt32(total);
        BinaryPrimitives.WriteUInt32LittleEndian(_block[4..], total);
        return (int)total;
    }

    private void OptionHeader(ushort code, int length)
    {
        UInt16(code);
        UInt16((ushort)length);
        _hasOptions = true;
    }
}
