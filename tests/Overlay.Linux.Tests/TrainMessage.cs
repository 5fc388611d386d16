using System.Net.Sockets;
using System.Runtime.InteropServices;
using Overlay.Linux.Interop;

namespace Overlay.Linux.Tests;

/// <summary>Receives what the kernel hands over with UDP_GRO, and how many bytes each datagram in it has: the base class library does not tell.</summary>
internal static unsafe class TrainMessage
{
    /// <summary>The socket option, of level SOL_UDP.</summary>
    public const int Option = SocketConstants.UDP_GRO;

    private const int SolUdp = 17;

    /// <summary>Waits for a message.</summary>
    /// <param name="socket">A socket that blocks.</param>
    /// <param name="buffer">Room for it.</param>
    /// <param name="segmentSize">The size of each datagram but the last; 0 if the message is one datagram.</param>
    /// <returns>The length of the whole; negative if the socket failed.</returns>
    public static int Receive(Socket socket, byte[] buffer, out int segmentSize)
    {
        byte[] control = new byte[64];
        segmentSize = 0;
        fixed (byte* data = buffer)
        fixed (byte* messages = control)
        {
            IoVector vector = new() { Base = data, Length = (nuint)buffer.Length };
            MessageHeader header = new() { Vectors = &vector, VectorCount = 1, Control = messages, ControlLength = (nuint)control.Length };
            SafeHandle handle = socket.SafeHandle;
            bool held = false;
            int length;
            try
            {
                // The descriptor must stay this socket's, also while another thread closes it.
                handle.DangerousAddRef(ref held);
                length = (int)SocketCalls.recvmsg((int)handle.DangerousGetHandle(), &header, 0);
            }
            finally
            {
                if (held)
                {
                    handle.DangerousRelease();
                }
            }

            if (length < 0)
            {
                return length;
            }

            ControlMessageReader reader = new(control.AsSpan(0, (int)header.ControlLength));
            while (reader.Next())
            {
                segmentSize = (reader.Level, reader.Type) == (SolUdp, Option) ? reader.Integer : segmentSize;
            }

            return length;
        }
    }
}
