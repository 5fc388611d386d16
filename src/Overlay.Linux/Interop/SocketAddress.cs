using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Overlay.Linux.Interop;

/// <summary>struct sockaddr_in (16 bytes) and sockaddr_in6 (28 bytes) as bytes (linux/in.h, linux/in6.h).</summary>
internal static class SocketAddress
{
    /// <summary>Room for either, in multiples of 8.</summary>
    public const int MaxLength = 32;

    public const int IPv4Length = 16;
    public const int IPv6Length = 28;

    /// <summary>Writes an address.</summary>
    /// <param name="destination">At least <see cref="IPv6Length"/> bytes.</param>
    /// <param name="address">The address; its family decides the form.</param>
    /// <param name="port">The UDP port; 0 for raw sockets.</param>
    /// <param name="flowLabel">The IPv6 flow label, 20 bits.</param>
    /// <param name="scope">The interface of a link-local address; 0 for none.</param>
    /// <returns>The length.</returns>
    public static int Write(Span<byte> destination, ValueIPAddress address, ushort port, uint flowLabel, uint scope)
    {
        BinaryPrimitives.WriteUInt16BigEndian(destination[2..], port);
        if (address.IsIPv4)
        {
            MemoryMarshal.Write(destination, (ushort)SocketConstants.AF_INET);
            address.TryWriteBytes(destination[4..], out _);
            destination[8..IPv4Length].Clear();
            return IPv4Length;
        }

        MemoryMarshal.Write(destination, (ushort)SocketConstants.AF_INET6);
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], flowLabel);
        address.TryWriteBytes(destination[8..], out _);
        MemoryMarshal.Write(destination[24..], address.IsLinkLocal ? scope : 0);
        return IPv6Length;
    }

    /// <summary>Reads an address.</summary>
    /// <returns>false if it is neither form.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, out ValueIPAddress address, out ushort port)
    {
        address = default;
        port = 0;
        if (source.Length < IPv4Length)
        {
            return false;
        }

        port = BinaryPrimitives.ReadUInt16BigEndian(source[2..]);
        switch (MemoryMarshal.Read<ushort>(source))
        {
            case SocketConstants.AF_INET:
                address = new ValueIPAddress(source.Slice(4, ValueIPAddress.IPv4Length));
                return true;
            case SocketConstants.AF_INET6 when source.Length >= 24:
                address = new ValueIPAddress(source.Slice(8, ValueIPAddress.IPv6Length));
                return true;
            default:
                return false;
        }
    }
}
