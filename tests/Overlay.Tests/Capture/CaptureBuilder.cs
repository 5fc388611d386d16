using System.Buffers;
using System.Buffers.Binary;

namespace Overlay.Tests.Capture;

/// <summary>Lays captures byte by byte in either byte order, independently of the product's writer.</summary>
internal sealed class CaptureBuilder(bool bigEndian)
{
    private readonly ArrayBufferWriter<byte> _bytes = new();

    public bool BigEndian { get; set; } = bigEndian;

    public int Length => _bytes.WrittenCount;

    public byte[] ToArray() => _bytes.WrittenSpan.ToArray();

    public CaptureBuilder U16(int value)
    {
        Span<byte> bytes = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)value);
        return Ordered(bytes);
    }

    public CaptureBuilder U32(uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return Ordered(bytes);
    }

    public CaptureBuilder U64(ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return Ordered(bytes);
    }

    public CaptureBuilder Raw(ReadOnlySpan<byte> bytes)
    {
        _bytes.Write(bytes);
        return this;
    }

    public CaptureBuilder Padded(ReadOnlySpan<byte> bytes)
    {
        _bytes.Write(bytes);
        while (_bytes.WrittenCount % 4 != 0)
        {
            // Padding need not be zero: whoever reads it is wrong.
            _bytes.Write<byte>([0xEE]);
        }

        return this;
    }

    public CaptureBuilder PcapHeader(uint magic, int linkType, uint snapLength = 65535) =>
        U32(magic).U16(2).U16(4).U32(0).U32(0).U32(snapLength).U32((uint)linkType);

    public CaptureBuilder PcapRecord(uint seconds, uint fraction, ReadOnlySpan<byte> data, uint? originalLength = null) =>
        U32(seconds).U32(fraction).U32((uint)data.Length).U32(originalLength ?? (uint)data.Length).Raw(data);

    public CaptureBuilder Block(uint type, Action<CaptureBuilder> body)
    {
        var content = new CaptureBuilder(BigEndian);
        body(content);
        uint total = (uint)content.Length + 12;
        return U32(type).U32(total).Raw(content.ToArray()).U32(total);
    }

    public CaptureBuilder Section() => Block(0x0A0D0D0A, b => b.U32(0x1A2B3C4D).U16(1).U16(0).U64(ulong.MaxValue));

    public CaptureBuilder Interface(int linkType, uint snapLength = 0, Action<CaptureBuilder>? options = null) =>
        Block(1, b =>
        {
            b.U16(linkType).U16(0).U32(snapLength);
            options?.Invoke(b);
        });

    public CaptureBuilder Packet(uint interfaceId, ulong ticks, ReadOnlySpan<byte> data, uint? originalLength = null, Action<CaptureBuilder>? options = null)
    {
        byte[] copy = data.ToArray();
        return Block(6, b =>
        {
            b.U32(interfaceId).U32((uint)(ticks >> 32)).U32((uint)ticks).U32((uint)copy.Length).U32(originalLength ?? (uint)copy.Length).Padded(copy);
            options?.Invoke(b);
        });
    }

    public CaptureBuilder Option(int code, ReadOnlySpan<byte> value) => U16(code).U16(value.Length).Padded(value);

    public CaptureBuilder EndOfOptions() => U16(0).U16(0);

    private CaptureBuilder Ordered(Span<byte> littleEndian)
    {
        if (BigEndian)
        {
            littleEndian.Reverse();
        }

        _bytes.Write(littleEndian);
        return this;
    }
}
