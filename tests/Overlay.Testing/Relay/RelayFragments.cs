using System.Buffers.Binary;
using Overlay.Wire;

namespace Overlay.Testing.Relay;

/// <summary>Fragmentation of IPv4 as a router does it (RFC 791 §3.2).</summary>
internal static class RelayFragments
{
    private const int FlagsOffset = 6;
    private const int ChecksumOffset = 10;
    private const int MoreFragments = 0x2000;
    private const int OffsetMask = 0x1FFF;

    /// <summary>The frames that become of one.</summary>
    public static List<byte[]> Make(ReadOnlySpan<byte> frame, int headerLength, int mtu)
    {
        List<byte[]> fragments = [];
        if (!IPv4Packet.TryParse(frame[headerLength..], out IPv4Packet packet))
        {
            throw new ArgumentException("Only IPv4 is fragmented on its way.", nameof(frame));
        }

        // Options that are not to be copied into later fragments (RFC 791 §3.1) are, which costs room and harms nobody.
        ReadOnlySpan<byte> header = packet.Bytes[..packet.HeaderLength], payload = packet.Payload;
        int piece = (mtu - header.Length) / 8 * 8;
        ArgumentOutOfRangeException.ThrowIfLessThan(piece, 8, nameof(mtu));
        for (int from = 0; from < payload.Length; from += piece)
        {
            int length = Math.Min(piece, payload.Length - from);
            byte[] fragment = new byte[headerLength + header.Length + length];
            frame[..headerLength].CopyTo(fragment);
            Span<byte> ip = fragment.AsSpan(headerLength);
            header.CopyTo(ip);
            payload.Slice(from, length).CopyTo(ip[header.Length..]);
            bool more = packet.MoreFragments || from + length < payload.Length;
            BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)ip.Length);
            BinaryPrimitives.WriteUInt16BigEndian(ip[FlagsOffset..], (ushort)((more ? MoreFragments : 0) | (((packet.FragmentOffset + from) / 8) & OffsetMask)));
            ip.Slice(ChecksumOffset, 2).Clear();
            BinaryPrimitives.WriteUInt16BigEndian(ip[ChecksumOffset..], InternetChecksum.Compute(ip[..header.Length]));
            fragments.Add(fragment);
        }

        return fragments;
    }
}
