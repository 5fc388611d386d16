using Overlay.DataPath;
using Overlay.Encapsulation;
using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>What packets to one remote have in common: the outer headers but for a few fields, and the socket address, which the kernel reads where it lies.</summary>
internal abstract unsafe class RawRemote
{
    private readonly byte[] _name = GC.AllocateArray<byte>(SocketAddress.MaxLength, pinned: true);

    /// <summary>Prepares the socket address.</summary>
    /// <param name="key">Whom it is for.</param>
    /// <param name="scope">The interface of a link-local destination; 0 for none.</param>
    protected RawRemote(RawRemoteKey key, uint scope)
    {
        Key = key;
        NameLength = SocketAddress.Write(_name, key.Address, 0, 0, scope);
    }

    /// <summary>Whom it is for.</summary>
    public RawRemoteKey Key { get; }

    /// <summary>The socket address, in pinned memory.</summary>
    public byte* Name => MessageSlots.Address(_name);

    /// <summary>Bytes of the socket address.</summary>
    public int NameLength { get; }

    /// <summary>Why a packet cannot go into this encapsulation, by its first bytes; <see cref="DropReason.None"/> if it can.</summary>
    public abstract DropReason Check(ReadOnlySpan<byte> packet);

    /// <summary>The bytes in front of a packet.</summary>
    public abstract int Overhead(in PacketMeta meta);

    /// <summary>Writes the outer headers.</summary>
    /// <param name="outer">Room for them, and the inner packet behind.</param>
    /// <param name="payloadLength">Bytes of the inner packet, whose own checksums are finished.</param>
    /// <param name="fields">What differs per packet and is the same in every encapsulation.</param>
    /// <param name="meta">The packet's meta.</param>
    public abstract void WriteOuter(Span<byte> outer, int payloadLength, in OuterHeaderFields fields, in PacketMeta meta);
}
