using System.Text;
using Overlay.Linux.Interop;
using Overlay.Testing;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>A packet socket on one device: puts whole Ethernet frames on it, and sees those that come in by it.</summary>
internal sealed unsafe class FrameSocket : IDisposable
{
    // linux/if_packet.h: what this host sends itself is not received.
    private const int IgnoreOutgoing = 23;
    private const int BufferLength = 128 * 1024;

    private readonly NativeSocket _socket;
    private readonly byte[] _buffer = new byte[BufferLength];

    public FrameSocket(Netns netns, string device) => _socket = netns.Run(() => Open(device));

    /// <summary>Puts a frame on the device.</summary>
    /// <returns>What the kernel answered.</returns>
    public Errno Send(ReadOnlySpan<byte> frame)
    {
        fixed (byte* bytes = frame)
        {
            return Libc.write(_socket.Handle, bytes, (nuint)frame.Length) == frame.Length ? Errno.None : Libc.LastError;
        }
    }

    /// <summary>The next frame that came in, or null if none comes in that time. A VLAN tag outside is not in it: the kernel takes that out.</summary>
    public byte[]? Receive(int timeoutMilliseconds = 10_000)
    {
        PollDescriptor descriptor = new() { Handle = _socket.Handle, Events = Libc.POLLIN };
        if (Libc.poll(&descriptor, 1, timeoutMilliseconds) != 1)
        {
            return null;
        }

        fixed (byte* bytes = _buffer)
        {
            nint length = Libc.read(_socket.Handle, bytes, (nuint)_buffer.Length);
            return length >= 0 ? _buffer[..(int)length] : throw LinuxException.Last("read", "packet socket");
        }
    }

    public void Dispose() => _socket.Dispose();

    private static NativeSocket Open(string device)
    {
        NativeSocket socket = NativeSocket.Open(PacketSocketNative.AF_PACKET, SocketConstants.SOCK_RAW, 0, device);
        socket.Set(PacketSocketNative.SOL_PACKET, IgnoreOutgoing, 1, "PACKET_IGNORE_OUTGOING");
        PacketSocketNative.LinkLayerAddress address = new()
        {
            Family = PacketSocketNative.AF_PACKET,
            Protocol = PacketSocketNative.ETH_P_ALL << 8,
        };
        fixed (byte* name = Encoding.ASCII.GetBytes(device + '\0'))
        {
            address.InterfaceIndex = (int)Libc.if_nametoindex(name);
        }

        Errno errno = socket.TryBind(new ReadOnlySpan<byte>(&address, sizeof(PacketSocketNative.LinkLayerAddress)));
        if (errno == Errno.None)
        {
            return socket;
        }

        socket.Dispose();
        throw new LinuxException(errno, "bind", device);
    }
}
