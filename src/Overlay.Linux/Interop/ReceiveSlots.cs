namespace Overlay.Linux.Interop;

/// <summary>
/// The headers, addresses and control messages of several messages to be received, in pinned memory: what recvmmsg writes. Each message has a head
/// for what is usual and a tail for what is not, so that the heads can lie close together.
/// </summary>
internal sealed unsafe class ReceiveSlots
{
    private readonly int _nameLength;
    private readonly int _controlLength;
    private readonly byte[] _headers;
    private readonly byte[] _vectors;
    private readonly byte[] _names;
    private readonly byte[] _controls;

    /// <summary>Makes slots.</summary>
    /// <param name="count">How many.</param>
    /// <param name="names">Whether the sender's address is wanted.</param>
    /// <param name="controlLength">Bytes of control messages for each, a multiple of 8.</param>
    public ReceiveSlots(int count, bool names, int controlLength)
    {
        _nameLength = names ? SocketAddress.MaxLength : 0;
        _controlLength = controlLength;
        _headers = GC.AllocateArray<byte>(count * sizeof(MultiMessageHeader), pinned: true);
        _vectors = GC.AllocateArray<byte>(2 * count * sizeof(IoVector), pinned: true);
        _names = GC.AllocateArray<byte>(Math.Max(1, count * _nameLength), pinned: true);
        _controls = GC.AllocateArray<byte>(count * controlLength, pinned: true);
    }

    /// <summary>The headers, one behind another.</summary>
    public MultiMessageHeader* Headers => (MultiMessageHeader*)MessageSlots.Address(_headers);

    /// <summary>Points a slot to where its message goes, and forgets what the last call wrote.</summary>
    /// <param name="slot">The slot.</param>
    /// <param name="head">Where the message begins.</param>
    /// <param name="headLength">Bytes there.</param>
    /// <param name="tail">Where it goes on.</param>
    /// <param name="tailLength">Bytes there; 0 if it must not go on.</param>
    public void Set(int slot, byte* head, int headLength, byte* tail, int tailLength)
    {
        IoVector* vectors = (IoVector*)MessageSlots.Address(_vectors) + (2 * slot);
        vectors[0] = new IoVector { Base = head, Length = (nuint)headLength };
        vectors[1] = new IoVector { Base = tail, Length = (nuint)tailLength };
        Headers[slot] = new MultiMessageHeader
        {
            Header = new MessageHeader
            {
                Name = _nameLength == 0 ? null : MessageSlots.Address(_names) + (slot * _nameLength),
                NameLength = (uint)_nameLength,
                Vectors = vectors,
                VectorCount = tailLength == 0 ? 1u : 2u,
                Control = MessageSlots.Address(_controls) + (slot * _controlLength),
                ControlLength = (nuint)_controlLength,
            },
        };
    }

    /// <summary>The sender's address, as the last call left it.</summary>
    public ReadOnlySpan<byte> Name(int slot) =>
        _names.AsSpan(slot * _nameLength, (int)Math.Min(Headers[slot].Header.NameLength, (uint)_nameLength));

    /// <summary>The control messages, as the last call left them.</summary>
    public ReadOnlySpan<byte> Control(int slot) =>
        _controls.AsSpan(slot * _controlLength, (int)Math.Min(Headers[slot].Header.ControlLength, (nuint)_controlLength));
}
