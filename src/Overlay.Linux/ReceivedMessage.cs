using System.Runtime.InteropServices;
using Overlay.DataPath;
using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>A message into a batch: the bytes, and what the control messages say about them. One for each socket.</summary>
internal unsafe struct ReceivedMessage
{
    // The messages that TunnelSocketOptions.SetReceive and UDP_GRO ask for take less than 200 bytes.
    private const int ControlLength = 256;

    private uint _overflow;

    /// <summary>Packets that the kernel dropped because the receive buffer was full, over the socket's lifetime.</summary>
    public long KernelDrops { get; private set; }

    /// <summary>The segment size that UDP_GRO told with the last message; 0 for none.</summary>
    public int GroSegmentSize { get; private set; }

    /// <summary>Receives one message into a new descriptor, with remote, local, port, traffic class and TTL in its meta.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="batch">The batch; it must have a free descriptor and room.</param>
    /// <param name="buffer">What <see cref="PacketBatch.TryReserve"/> gave.</param>
    /// <param name="errno">Why there is none.</param>
    /// <returns>The descriptor, or −1.</returns>
    public int Receive(int socket, PacketBatch batch, Span<byte> buffer, out Errno errno)
    {
        byte* name = stackalloc byte[SocketAddress.MaxLength];
        byte* control = stackalloc byte[ControlLength];
        MessageHeader message = default;
        nint length;
        // The slab is pinned for its lifetime; fixed only takes the address.
        fixed (byte* pointer = buffer)
        {
            IoVector vector = new() { Base = pointer, Length = (nuint)buffer.Length };
            do
            {
                message = new MessageHeader
                {
                    Name = name,
                    NameLength = SocketAddress.MaxLength,
                    Vectors = &vector,
                    VectorCount = 1,
                    Control = control,
                    ControlLength = ControlLength,
                };
                length = SocketCalls.recvmsg(socket, &message, SocketConstants.MSG_DONTWAIT);
                errno = length < 0 ? Libc.LastError : Errno.None;
            }
            while (errno == Errno.EINTR);
        }

        if (length < 0)
        {
            return -1;
        }

        int index = batch.Commit((int)length);
        Read(
            new ReadOnlySpan<byte>(name, (int)Math.Min(message.NameLength, SocketAddress.MaxLength)),
            new ReadOnlySpan<byte>(control, (int)Math.Min(message.ControlLength, ControlLength)),
            ref batch.Meta(index));
        return index;
    }

    /// <summary>Reads into the meta of a message what the kernel said beside its bytes.</summary>
    /// <param name="name">The address of the sender, if the socket asked for it.</param>
    /// <param name="control">The control messages.</param>
    /// <param name="meta">The meta.</param>
    public void Read(ReadOnlySpan<byte> name, ReadOnlySpan<byte> control, ref PacketMeta meta)
    {
        if (SocketAddress.TryRead(name, out ValueIPAddress remote, out ushort port))
        {
            meta.Remote = remote;
            meta.SourcePort = port;
        }

        meta.Origin = PacketOrigin.Received;
        GroSegmentSize = 0;
        ControlMessageReader reader = new(control);
        while (reader.Next())
        {
            Read(reader, ref meta);
        }
    }

    private void Read(scoped in ControlMessageReader reader, ref PacketMeta meta)
    {
        switch (reader.Level, reader.Type)
        {
            case (SocketConstants.IPPROTO_UDP, SocketConstants.UDP_GRO):
                GroSegmentSize = Math.Max(0, reader.Integer);
                break;
            case (SocketConstants.IPPROTO_IP, SocketConstants.IP_TOS):
            case (SocketConstants.IPPROTO_IPV6, SocketConstants.IPV6_TCLASS):
                meta.TrafficClass = (byte)reader.Integer;
                break;
            case (SocketConstants.IPPROTO_IP, SocketConstants.IP_TTL):
            case (SocketConstants.IPPROTO_IPV6, SocketConstants.IPV6_HOPLIMIT):
                meta.Ttl = (byte)reader.Integer;
                break;
            // struct in_pktinfo: interface 4, local address of the route 4, destination address of the header 4.
            case (SocketConstants.IPPROTO_IP, SocketConstants.IP_PKTINFO) when reader.Data.Length >= 12:
                meta.Local = new ValueIPAddress(reader.Data.Slice(8, ValueIPAddress.IPv4Length));
                break;
            // struct in6_pktinfo: destination address 16, interface 4.
            case (SocketConstants.IPPROTO_IPV6, SocketConstants.IPV6_PKTINFO) when reader.Data.Length >= 16:
                meta.Local = new ValueIPAddress(reader.Data[..ValueIPAddress.IPv6Length]);
                break;
            case (SocketConstants.SOL_SOCKET, SocketConstants.SO_RXQ_OVFL) when reader.Data.Length >= 4:
                // A 32-bit count that wraps.
                uint overflow = MemoryMarshal.Read<uint>(reader.Data);
                KernelDrops += unchecked(overflow - _overflow);
                _overflow = overflow;
                break;
        }
    }
}
