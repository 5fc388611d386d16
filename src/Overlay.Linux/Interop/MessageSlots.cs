using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Overlay.Linux.Interop;

/// <summary>The headers, addresses and control messages of several messages, in pinned memory: what sendmmsg reads.</summary>
internal sealed unsafe class MessageSlots
{
    private readonly int _controlLength;
    private readonly byte[] _headers;
    private readonly byte[] _vectors;
    private readonly byte[] _names;
    private readonly byte[] _controls;

    /// <summary>Makes slots.</summary>
    /// <param name="count">How many.</param>
    /// <param name="controlLength">Bytes of control messages for each, a multiple of 8.</param>
    public MessageSlots(int count, int controlLength)
    {
        _controlLength = controlLength;
        _headers = GC.AllocateArray<byte>(count * sizeof(MultiMessageHeader), pinned: true);
        _vectors = GC.AllocateArray<byte>(count * sizeof(IoVector), pinned: true);
        _names = GC.AllocateArray<byte>(count * SocketAddress.MaxLength, pinned: true);
        _controls = GC.AllocateArray<byte>(Math.Max(1, count * controlLength), pinned: true);
    }

    /// <summary>Room for the address of a slot.</summary>
    public Span<byte> Name(int slot) => _names.AsSpan(slot * SocketAddress.MaxLength, SocketAddress.MaxLength);

    /// <summary>Room for the control messages of a slot.</summary>
    public Span<byte> Control(int slot) => _controls.AsSpan(slot * _controlLength, _controlLength);

    /// <summary>The header of a slot; those behind it follow.</summary>
    public MultiMessageHeader* Header(int slot) => (MultiMessageHeader*)Address(_headers) + slot;

    /// <summary>Points the header of a slot to its address, control messages, and bytes that stay where they are until they are sent.</summary>
    public void Set(int slot, byte* bytes, int length, int nameLength, int controlLength) => Set(
        slot,
        bytes,
        length,
        Address(_names) + (slot * SocketAddress.MaxLength),
        nameLength,
        controlLength == 0 ? null : Address(_controls) + (slot * _controlLength),
        controlLength);

    /// <summary>Points the header of a slot to bytes and to an address elsewhere in pinned memory; without control messages.</summary>
    public void Set(int slot, byte* bytes, int length, byte* name, int nameLength) => Set(slot, bytes, length, name, nameLength, null, 0);

    /// <summary>Where a pinned array lies.</summary>
    public static byte* Address(byte[] pinned) => (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(pinned));

    private void Set(int slot, byte* bytes, int length, byte* name, int nameLength, byte* control, int controlLength)
    {
        IoVector* vector = (IoVector*)Address(_vectors) + slot;
        *vector = new IoVector { Base = bytes, Length = (nuint)length };
        *Header(slot) = new MultiMessageHeader
        {
            Header = new MessageHeader
            {
                Name = name,
                NameLength = (uint)nameLength,
                Vectors = vector,
                VectorCount = 1,
                Control = control,
                ControlLength = (nuint)controlLength,
            },
        };
    }
}
