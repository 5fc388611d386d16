using System.Net;
using System.Net.Sockets;
using Overlay.Linux;

namespace Overlay.Daemon.Doctor.Underlay;

/// <summary>
/// IP packets as they come in, before the host decides about them: of one version, on one interface or all (packet(7)). A socket would only get those
/// of its port, and none with a wrong checksum.
/// </summary>
internal sealed class PacketTap : IDisposable
{
    private const int SolPacket = 263;
    private const int PacketVnetHeader = 15;
    private const int VnetHeaderLength = 10;
    private const byte NeedsChecksum = 1;
    private const int EthernetHeaderLength = 14;
    private const ushort ArphrdEther = 1;
    private const ushort ArphrdLoopback = 772;

    // struct sockaddr_ll, and as much as the runtime wants to have room for.
    private const int AddressLength = 20;
    private const int AddressRoom = 128;
    private const int ProtocolOffset = 2;
    private const int InterfaceOffset = 4;
    private const int HardwareTypeOffset = 8;

    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[VnetHeaderLength + EthernetHeaderLength + ushort.MaxValue + 1];
    private readonly SocketAddress _from = new(AddressFamily.Packet, AddressRoom);

    private PacketTap(Socket socket) => _socket = socket;

    /// <summary>Listens from now on.</summary>
    /// <param name="family">IPv4 or IPv6.</param>
    /// <param name="interfaceIndex">The interface; 0 for all.</param>
    /// <exception cref="LinuxException">The right to (CAP_NET_RAW) is missing.</exception>
    public static PacketTap Open(AddressFamily family, int interfaceIndex = 0)
    {
        ushort protocol = (ushort)IPAddress.HostToNetworkOrder((short)(family == AddressFamily.InterNetwork ? EtherType.IPv4 : EtherType.IPv6));
        try
        {
            Socket socket = new(AddressFamily.Packet, SocketType.Raw, (ProtocolType)protocol);
            try
            {
                // Whether a checksum is still to be finished is written before each packet.
                socket.SetRawSocketOption(SolPacket, PacketVnetHeader, BitConverter.GetBytes(1));
                socket.ReceiveBufferSize = 4 * 1024 * 1024;
                if (interfaceIndex != 0)
                {
                    socket.Bind(new LinkEndPoint(protocol, interfaceIndex));
                }

                return new PacketTap(socket);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
        catch (SocketException e)
        {
            throw RawProbes.Explain(e, "packet socket");
        }
    }

    /// <summary>The next packet.</summary>
    /// <param name="patience">How long to wait for it.</param>
    /// <param name="packet">The IP packet; valid until the next call.</param>
    /// <param name="isUnfinished">Whether its innermost checksum is not computed yet, because it has not left this machine: no fault.</param>
    /// <returns>false if none came.</returns>
    public bool TryReceive(TimeSpan patience, out ReadOnlySpan<byte> packet, out bool isUnfinished)
    {
        packet = default;
        isUnfinished = false;
        if (!_socket.Poll(patience, SelectMode.SelectRead))
        {
            return false;
        }

        int length;
        // The last receive has cut it to what it wrote.
        _from.Size = AddressRoom;
        try
        {
            length = _socket.ReceiveFrom(_buffer, SocketFlags.None, _from);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.NetworkDown)
        {
            // One of the interfaces went down, which is no end of the others.
            return false;
        }

        int header = VnetHeaderLength + (BitConverter.ToUInt16(_from.Buffer.Span[HardwareTypeOffset..]) is ArphrdEther or ArphrdLoopback ? EthernetHeaderLength : 0);
        if (length <= header)
        {
            return false;
        }

        packet = _buffer.AsSpan(header, length - header);
        isUnfinished = (_buffer[0] & NeedsChecksum) != 0;
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private sealed class LinkEndPoint(ushort protocol, int interfaceIndex) : EndPoint
    {
        public override AddressFamily AddressFamily => AddressFamily.Packet;

        public override SocketAddress Serialize()
        {
            SocketAddress address = new(AddressFamily.Packet, AddressLength);
            BitConverter.TryWriteBytes(address.Buffer.Span[ProtocolOffset..], protocol);
            BitConverter.TryWriteBytes(address.Buffer.Span[InterfaceOffset..], interfaceIndex);
            return address;
        }
    }
}
