using Overlay.Encapsulation;
using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>What packets to one remote have in common: the outer header but for a few fields, and the socket address, which the kernel reads where it lies.</summary>
internal sealed unsafe class RawRemote
{
    private readonly byte[] _name = GC.AllocateArray<byte>(SocketAddress.MaxLength, pinned: true);

    /// <summary>Prepares both.</summary>
    /// <param name="local">The source.</param>
    /// <param name="remote">The destination, of the same family.</param>
    /// <param name="scope">The interface of a link-local destination; 0 for none.</param>
    public RawRemote(ValueIPAddress local, ValueIPAddress remote, uint scope)
    {
        Address = remote;
        Encapsulator = new IPInIPEncapsulator(local, remote);
        NameLength = SocketAddress.Write(_name, remote, 0, 0, scope);
    }

    /// <summary>The remote's address.</summary>
    public ValueIPAddress Address { get; }

    /// <summary>Writes the outer header.</summary>
    public IPInIPEncapsulator Encapsulator { get; }

    /// <summary>The socket address, in pinned memory.</summary>
    public byte* Name => MessageSlots.Address(_name);

    /// <summary>Bytes of the socket address.</summary>
    public int NameLength { get; }
}
