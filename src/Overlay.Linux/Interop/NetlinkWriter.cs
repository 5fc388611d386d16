using System.Runtime.InteropServices;

namespace Overlay.Linux.Interop;

/// <summary>Builds one netlink message in a buffer of fixed length; numbers in the byte order of the machine.</summary>
internal ref struct NetlinkWriter
{
    private readonly Span<byte> _buffer;
    private int _length;

    public NetlinkWriter(Span<byte> buffer, ushort type, ushort flags, uint sequence)
    {
        _buffer = buffer;
        buffer.Clear();
        _length = Rtnetlink.MessageHeaderLength;
        MemoryMarshal.Write(buffer[4..], type);
        MemoryMarshal.Write(buffer[6..], flags);
        MemoryMarshal.Write(buffer[8..], sequence);
    }

    /// <summary>Room for the family's header, zeroed.</summary>
    public Span<byte> Header(int length)
    {
        Span<byte> header = _buffer.Slice(_length, length);
        _length += Rtnetlink.Align(length);
        return header;
    }

    public void Attribute(ushort type, scoped ReadOnlySpan<byte> value)
    {
        int length = Rtnetlink.AttributeHeaderLength + value.Length;
        Span<byte> room = _buffer.Slice(_length, Rtnetlink.Align(length));
        MemoryMarshal.Write(room, (ushort)length);
        MemoryMarshal.Write(room[2..], type);
        value.CopyTo(room[Rtnetlink.AttributeHeaderLength..]);
        _length += room.Length;
    }

    public void Attribute(ushort type, uint value) => Attribute(type, MemoryMarshal.AsBytes(new ReadOnlySpan<uint>(in value)));

    public void Attribute(ushort type, ValueIPAddress address)
    {
        Span<byte> bytes = stackalloc byte[ValueIPAddress.IPv6Length];
        address.TryWriteBytes(bytes, out int length);
        Attribute(type, bytes[..length]);
    }

    /// <summary>Opens an attribute of attributes.</summary>
    /// <returns>What <see cref="EndNest"/> wants.</returns>
    public int BeginNest(ushort type)
    {
        int start = _length;
        Attribute((ushort)(type | Rtnetlink.NLA_F_NESTED), []);
        return start;
    }

    public void EndNest(int start) => MemoryMarshal.Write(_buffer[start..], (ushort)(_length - start));

    /// <summary>The finished message.</summary>
    public readonly ReadOnlySpan<byte> Finish()
    {
        MemoryMarshal.Write(_buffer, _length);
        return _buffer[.._length];
    }
}
