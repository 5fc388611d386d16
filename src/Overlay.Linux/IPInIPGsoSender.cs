using System.Runtime.CompilerServices;
using Overlay.DataPath;
using Overlay.Encapsulation;
using Overlay.Linux.Interop;
using Overlay.Wire;

namespace Overlay.Linux;

/// <summary>Writes IP-in-IP superpackets to an <see cref="UnderlayTap"/>, each with one call.</summary>
internal sealed unsafe class IPInIPGsoSender
{
    private const int LinkLength = EthernetFrame.MinimumHeaderLength;
    private const int FrontLength = VnetHeader.Length + LinkLength + IPv6Packet.HeaderLength;

    private readonly UnderlayOutput _output;

    // The kernel takes the headers from here and the rest from where it lies.
    private readonly byte[] _front = GC.AllocateArray<byte>(FrontLength + 1, pinned: true);

    public IPInIPGsoSender(UnderlayOutput output) => _output = output;

    /// <summary>Sends a superpacket.</summary>
    /// <param name="path">An open way to its remote.</param>
    /// <param name="packet">The inner packet.</param>
    /// <param name="meta">Its meta, with the offsets as <see cref="Segmentation.TryPlan"/> accepts them and a partial checksum.</param>
    /// <param name="segments">How many packets it falls into.</param>
    /// <returns>What <see cref="UnderlayOutput.Write"/> says, or EINVAL if the kernel cannot be told what the meta says.</returns>
    public Errno Send(IPInIPPath path, ReadOnlySpan<byte> packet, in PacketMeta meta, int segments)
    {
        if (!VnetOffload.TryEncode(packet, meta, out VnetHeader header))
        {
            return Errno.EINVAL;
        }

        IPInIPEncapsulator encapsulator = path.Encapsulator!;
        int headers = LinkLength + encapsulator.Overhead;
        header.HeaderLength += (ushort)headers;
        header.ChecksumStart += (ushort)headers;
        Unsafe.WriteUnaligned(ref _front[0], header);
        path.LinkHeader((packet[0] >> 4) == 4).CopyTo(_front.AsSpan(VnetHeader.Length));
        Span<byte> outer = _front.AsSpan(VnetHeader.Length + LinkLength);
        // The inner version decides the protocol.
        outer[encapsulator.Overhead] = packet[0];
        encapsulator.WriteOuter(outer, packet.Length, new OuterHeaderFields
        {
            TrafficClass = meta.TrafficClass,
            Ttl = meta.Ttl,
            DontFragment = meta.DontFragment,
            FlowLabel = meta.FlowLabel,
            Identification = path.TakeIdentifications(segments),
        });
        IoVector* vectors = stackalloc IoVector[2];
        vectors[0] = new IoVector { Base = MessageSlots.Address(_front), Length = (nuint)(VnetHeader.Length + headers) };
        fixed (byte* bytes = packet)
        {
            vectors[1] = new IoVector { Base = bytes, Length = (nuint)packet.Length };
            return _output.Write(vectors, 2);
        }
    }
}
