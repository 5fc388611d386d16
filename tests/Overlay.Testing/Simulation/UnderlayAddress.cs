using System.Buffers.Binary;

namespace Overlay.Testing.Simulation;

/// <summary>Addresses of the underlay that are made by counting.</summary>
internal static class UnderlayAddress
{
    public static ValueIPAddress IPv6(ulong prefix, uint number)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, prefix);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], number);
        return new ValueIPAddress(bytes);
    }
}
