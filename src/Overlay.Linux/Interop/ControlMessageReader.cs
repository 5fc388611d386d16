using System.Runtime.InteropServices;

namespace Overlay.Linux.Interop;

/// <summary>Walks through the control messages that the kernel returned; it never reads outside of them, whatever they hold.</summary>
internal ref struct ControlMessageReader
{
    private ReadOnlySpan<byte> _rest;

    public ControlMessageReader(ReadOnlySpan<byte> control)
    {
        _rest = control;
        Data = default;
        Level = 0;
        Type = 0;
    }

    /// <summary>The protocol level of the current message.</summary>
    public int Level { get; private set; }

    /// <summary>The type of the current message.</summary>
    public int Type { get; private set; }

    /// <summary>The data of the current message.</summary>
    public ReadOnlySpan<byte> Data { get; private set; }

    /// <summary>The data as an int; a single byte, as IP_TOS has it, counts too.</summary>
    public readonly int Integer => Data.Length >= sizeof(int) ? MemoryMarshal.Read<int>(Data) : Data.Length >= 1 ? Data[0] : 0;

    /// <summary>Goes to the next message.</summary>
    /// <returns>false if there is none.</returns>
    public bool Next()
    {
        if (_rest.Length < ControlMessageWriter.HeaderLength)
        {
            return false;
        }

        ulong length = MemoryMarshal.Read<ulong>(_rest);
        if (length < ControlMessageWriter.HeaderLength || length > (ulong)_rest.Length)
        {
            return false;
        }

        Level = MemoryMarshal.Read<int>(_rest[8..]);
        Type = MemoryMarshal.Read<int>(_rest[12..]);
        Data = _rest[ControlMessageWriter.HeaderLength..(int)length];
        _rest = _rest[Math.Min(_rest.Length, ((int)length + 7) & ~7)..];
        return true;
    }
}
