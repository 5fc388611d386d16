using System.Buffers.Binary;

namespace Overlay.Wire;

/// <summary>The VXLAN header as a value, to be built, compared and written (RFC 7348 §5).</summary>
/// <param name="Vni">The network identifier.</param>
/// <param name="Flags">The first byte.</param>
/// <remarks>
/// The default value, and <c>new VxlanHeader()</c>, have no I flag; <see cref="TryWrite"/> refuses them.
/// </remarks>
public readonly record struct VxlanHeader(Vni Vni, VxlanFlags Flags = VxlanFlags.ValidVni)
{
    /// <summary>The header as a number, first byte highest: what is written on the wire for a network identifier.</summary>
    internal static ulong ToRaw(Vni vni) => VxlanPacket.ValidVniBit | ((ulong)vni.Value << 8);

    /// <summary>Writes the 8 bytes; all reserved bits are zero.</summary>
    /// <returns>
    /// false, with nothing written, if <paramref name="destination"/> is too short or <see cref="Flags"/> is anything but the I flag:
    /// it "MUST be set to 1", and reserved bits "MUST be set to zero on transmission".
    /// </returns>
    public bool TryWrite(Span<byte> destination, out int bytesWritten)
    {
        bytesWritten = 0;
        if (destination.Length < VxlanPacket.HeaderLength || Flags != VxlanFlags.ValidVni)
        {
            return false;
        }

        BinaryPrimitives.WriteUInt64BigEndian(destination, ToRaw(Vni));
        bytesWritten = VxlanPacket.HeaderLength;
        return true;
    }
}
