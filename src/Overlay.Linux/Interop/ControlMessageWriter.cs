using System.Runtime.InteropServices;

namespace Overlay.Linux.Interop;

/// <summary>Writes control messages (struct cmsghdr, bits/socket.h) one behind another: length 8, level 4, type 4, data, padding to 8.</summary>
internal ref struct ControlMessageWriter
{
    /// <summary>Bytes in front of the data.</summary>
    public const int HeaderLength = 16;

    /// <summary>Bytes that a message with an integer takes.</summary>
    public const int IntegerSpace = 24;

    private readonly Span<byte> _buffer;

    public ControlMessageWriter(Span<byte> buffer) => _buffer = buffer;

    /// <summary>Bytes written so far.</summary>
    public int Length { get; private set; }

    /// <summary>Adds a message with an int.</summary>
    public void Add(int level, int type, int value)
    {
        MemoryMarshal.Write(Begin(level, type, sizeof(int)), value);
    }

    /// <summary>Adds a message with a 16-bit number.</summary>
    public void Add(int level, int type, ushort value)
    {
        MemoryMarshal.Write(Begin(level, type, sizeof(ushort)), value);
    }

    private Span<byte> Begin(int level, int type, int dataLength)
    {
        Span<byte> message = _buffer.Slice(Length, IntegerSpace);
        MemoryMarshal.Write(message, (ulong)(HeaderLength + dataLength));
        MemoryMarshal.Write(message[8..], level);
        MemoryMarshal.Write(message[12..], type);
        MemoryMarshal.Write(message[HeaderLength..], 0UL);
        Length += IntegerSpace;
        return message[HeaderLength..];
    }
}
